"""Tables, functions and REST APIs: what ministack's resource types leave out and its APIs know."""

from typing import Any

from botocore.exceptions import ClientError

from local_cloud.clients import client
from local_cloud.hooks import apigateway
from local_cloud.hooks import cloudformation as hook

Properties = dict[str, Any]


def install() -> None:
    hook.extend("AWS::DynamoDB::Table", _table)
    hook.extend("AWS::Lambda::Function", _function)
    hook.extend("AWS::ApiGateway::RestApi", _rest_api)
    hook.extend("AWS::ApiGateway::Method", _method)
    hook.extend("AWS::ApiGateway::Stage", _stage)
    hook.register(
        "AWS::ApiGateway::RequestValidator",
        create=_create_validator,
        update=_update_validator,
        delete=_delete_validator,
        create_only=("RestApiId", "Name"),
    )


def _changed(name: str, old: Properties, new: Properties) -> bool:
    return new.get(name) != old.get(name)


def _true(value: Any) -> bool:
    # Booleans of templates may be strings.
    return str(value).lower() == "true"


def _table(name: str, old: Properties, new: Properties) -> None:
    dynamodb = client("dynamodb")
    if _changed("PointInTimeRecoverySpecification", old, new):
        wanted = new.get("PointInTimeRecoverySpecification") or {}
        enabled = _true(wanted.get("PointInTimeRecoveryEnabled", False))
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
        )
    if _changed("SSESpecification", old, new):
        wanted = new.get("SSESpecification") or {}
        key = {key: wanted[key] for key in ("SSEType", "KMSMasterKeyId") if key in wanted}
        enabled = {"Enabled": _true(wanted.get("SSEEnabled", False))}
        dynamodb.update_table(TableName=name, SSESpecification={**enabled, **key})
    if _changed("TimeToLiveSpecification", old, new):
        _expire(dynamodb, name, old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification"))


def _expire(dynamodb: Any, table: str, old: Properties | None, new: Properties | None) -> None:
    """Stop expiring by the attribute of before, then expire by the new one."""
    for wanted, enabled in ((old, False), (new, True)):
        if wanted and _true(wanted.get("Enabled", False)):
            specification = {"Enabled": enabled, "AttributeName": wanted["AttributeName"]}
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)


def _function(name: str, old: Properties, new: Properties) -> None:
    if _changed("KmsKeyArn", old, new):
        client("lambda").update_function_configuration(FunctionName=name, KMSKeyArn=new.get("KmsKeyArn") or "")
    if _changed("VpcConfig", old, new):
        network = {"SubnetIds": [], "SecurityGroupIds": [], **(new.get("VpcConfig") or {})}
        client("lambda").update_function_configuration(FunctionName=name, VpcConfig=network)


def _patch(path: str, value: Any) -> dict[str, str]:
    return {"op": "remove", "path": path} if value is None else {"op": "replace", "path": path, "value": str(value)}


def _rest_api(api: str, old: Properties, new: Properties) -> None:
    operations = [
        _patch(path, new.get(name))
        for name, path in (("SecurityPolicy", "/securityPolicy"), ("EndpointAccessMode", "/endpointAccessMode"))
        if _changed(name, old, new)
    ]
    if _changed("EndpointConfiguration", old, new):
        apigateway.configure_endpoint(api, new.get("EndpointConfiguration") or {})
    if operations:
        client("apigateway").update_rest_api(restApiId=api, patchOperations=operations)


def _method(physical_id: str, old: Properties, new: Properties) -> None:
    # An update may have made the method anew, so the validator is set whether it changed or not.
    if new.get("RequestValidatorId") or old.get("RequestValidatorId"):
        client("apigateway").update_method(
            restApiId=new["RestApiId"],
            resourceId=new["ResourceId"],
            httpMethod=new["HttpMethod"],
            patchOperations=[_patch("/requestValidatorId", new.get("RequestValidatorId"))],
        )


def _stage(name: str, old: Properties, new: Properties) -> None:
    if not _changed("AccessLogSetting", old, new):
        return
    settings = new.get("AccessLogSetting") or {}
    operations = [
        _patch("/accessLogSettings/destinationArn", settings.get("DestinationArn")),
        _patch("/accessLogSettings/format", settings.get("Format")),
    ]
    client("apigateway").update_stage(restApiId=new["RestApiId"], stageName=name, patchOperations=operations)


# ---- request validators

_CHECKS = {"ValidateRequestBody": "validateRequestBody", "ValidateRequestParameters": "validateRequestParameters"}


def _create_validator(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Properties]:
    answer = client("apigateway").create_request_validator(
        restApiId=properties["RestApiId"],
        name=properties.get("Name") or hook.physical_name(stack_name, logical_id, 128),
        **{member: _true(properties.get(name, False)) for name, member in _CHECKS.items()},
    )
    return answer["id"], {"RequestValidatorId": answer["id"]}


def _update_validator(
    physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
) -> tuple[str, Properties]:
    operations = [_patch(f"/{member}", str(_true(new.get(name, False))).lower()) for name, member in _CHECKS.items()]
    client("apigateway").update_request_validator(
        restApiId=new["RestApiId"], requestValidatorId=physical_id, patchOperations=operations
    )
    return physical_id, {"RequestValidatorId": physical_id}


def _delete_validator(physical_id: str, properties: Properties) -> None:
    try:
        client("apigateway").delete_request_validator(restApiId=properties["RestApiId"], requestValidatorId=physical_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
