"""``arn:aws:states:::aws-sdk:<service>:<action>``: any API call, through botocore's model of the service."""

import datetime
import json
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError, ParamValidationError

from local_cloud.clients import client
from local_cloud.stepfunctions import IntegrationError, names


def invoke(service: str, action: str, arguments: Any) -> Any:
    """Call the service and return its answer as Step Functions shows it.

    Raises:
        IntegrationError: ``<Service>.<Class of the SDK's exception>``; States.Runtime for a call that cannot be made.
    """
    botocore_name = names.botocore_service(service, _available())
    if botocore_name is None:
        raise IntegrationError("States.Runtime", f"The service {service} of aws-sdk:{service}:{action} does not exist.")
    api = client(botocore_name)
    model = api.meta.service_model
    operation = action[0].upper() + action[1:]
    if operation not in model.operation_names:
        raise IntegrationError("States.Runtime", f"The action {action} of aws-sdk:{service}:{action} does not exist.")
    shape = model.operation_model(operation)
    request = to_request(arguments or {}, shape.input_shape)
    method = next(name for name, api_name in api.meta.method_to_api_mapping.items() if api_name == operation)
    try:
        answer = getattr(api, method)(**request)
    except ParamValidationError as error:
        raise _cannot_start(arguments, str(error)) from None
    except ClientError as error:
        raise _failed(error, model) from None
    answer.pop("ResponseMetadata", None)
    return to_answer(answer, shape.output_shape)


def to_request(arguments: Any, shape: Any) -> dict[str, Any]:
    """A task's Arguments as a request; members have the names of the SDK for Java.

    Raises:
        IntegrationError: a field that the operation does not have.
    """
    if shape is None:
        return {}
    try:
        return _in(arguments, shape, "")
    except _Unknown as error:
        raise _cannot_start(arguments, f"The field '{error}' is not supported by Step Functions") from None


class _Unknown(Exception):
    pass


def _in(value: Any, shape: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        known = names.members(shape)
        for key in value:
            if key not in known:
                raise _Unknown(f"{path}{key}")
        return {known[key]: _in(item, shape.members[known[key]], f"{path}{key}.") for key, item in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_in(item, shape.member, path) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _in(item, shape.value, path) for key, item in value.items()}
    if kind in ("integer", "long") and isinstance(value, float) and value.is_integer():
        return int(value)  # JSONata has one kind of number
    if kind == "blob":
        return value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return value


def to_answer(value: Any, shape: Any, milliseconds: bool = False) -> Any:
    """An answer as JSON: the SDK's member names, times as ISO 8601 (or epoch milliseconds), streams as text."""
    if shape is None:
        return {}
    kind = shape.type_name
    if kind == "structure":
        return {
            names.member(key): to_answer(item, shape.members[key], milliseconds)
            for key, item in value.items()
            if key in shape.members and item is not None
        }
    if kind == "list":
        return [to_answer(item, shape.member, milliseconds) for item in value]
    if kind == "map":
        return {key: to_answer(item, shape.value, milliseconds) for key, item in value.items()}
    if kind == "timestamp":
        return _time(value, milliseconds)
    if kind == "blob":
        data = value.read() if hasattr(value, "read") else value
        return data.decode("utf-8", errors="replace") if isinstance(data, bytes) else data
    return value


def _time(value: Any, milliseconds: bool) -> Any:
    moment = value if isinstance(value, datetime.datetime) else datetime.datetime.fromtimestamp(value, datetime.UTC)
    if milliseconds:
        return int(moment.timestamp() * 1000)
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cannot_start(arguments: Any, reason: str) -> IntegrationError:
    text = json.dumps(arguments, default=str)
    return IntegrationError(
        "States.Runtime", f"The Parameters '{text}' could not be used to start the Task: [{reason}]"
    )


def _failed(error: ClientError, model: Any) -> IntegrationError:
    details, metadata = error.response["Error"], error.response.get("ResponseMetadata", {})
    prefix = names.service(model.service_id)
    cause = (
        f"{details.get('Message', '')} (Service: {prefix}, Status Code: {metadata.get('HTTPStatusCode', 0)}, "
        f"Request ID: {metadata.get('RequestId', '')})"
    )
    return IntegrationError(f"{prefix}.{_class(error, model, prefix)}", cause)


def _class(error: ClientError, model: Any, prefix: str) -> str:
    code = error.response["Error"].get("Code", "")
    if code == "404" and error.operation_name in ("HeadObject", "HeadBucket"):
        # An answer without a body cannot say more than its status; the SDK knows what it must mean.
        return "NoSuchKeyException" if error.operation_name == "HeadObject" else "NoSuchBucketException"
    for shape in model.error_shapes:
        if code in (shape.name, shape.metadata.get("error", {}).get("code")):
            return names.exception(shape.name)
    return f"{prefix}Exception"


@cache
def _available() -> list[str]:
    return boto3.session.Session().get_available_services()
