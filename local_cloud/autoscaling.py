"""Application Auto Scaling: targets, policies and schedules are checked and recorded; nothing is ever scaled.

Capacity means nothing on one machine, so no CloudWatch alarms are made for a policy and no activity is ever listed.
"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

import botocore.session

from local_cloud import hooks
from local_cloud.authorization import Refused, demand
from local_cloud.sagemaker.arns import arn as sagemaker_arn
from local_cloud.sagemaker.errors import SageMakerError
from local_cloud.sagemaker.store import STORE
from local_cloud.sagemaker.validation import validate

Record = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
log = logging.getLogger("local_cloud.autoscaling")

MODEL = botocore.session.get_session().get_service_model("application-autoscaling")
RECORDED = ("RegisterScalableTarget", "PutScalingPolicy", "PutScheduledAction")
TARGET, POLICY, SCHEDULE = "ScalableTarget", "ScalingPolicy", "ScheduledAction"
_IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_SEPARATOR = "|"
_PAGE = 50
_CONFIGURATIONS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}


class AutoscalingError(SageMakerError):
    """A refusal of this service: ValidationException unless another code is given."""


def call(name: str, request: Record) -> Record:
    """Validate and execute one operation in the caller's account and region.

    Raises:
        SageMakerError: with the code and message that boto3 shows.
    """
    handler = HANDLERS.get(name)
    if handler is None:
        raise AutoscalingError(f"{name} is not available in the local cloud.", code="UnknownOperationException")
    validate(request, MODEL.operation_model(name).input_shape)
    _authorize(name, request)
    with STORE.lock:
        return handler(request) or {}


def _authorize(name: str, request: Record) -> None:
    arn = "*" if name.startswith("Describe") else _arn("scalable-target", "local")
    namespace = {"application-autoscaling__service-namespace": request.get("ServiceNamespace")}
    try:
        demand(f"application-autoscaling:{name}", arn, **namespace)
        if name == "RegisterScalableTarget":
            _, endpoint, _, _ = request["ResourceId"].split("/")
            # Whoever registers a variant needs to be allowed what the service will do with it.
            demand("sagemaker:DescribeEndpoint", sagemaker_arn("endpoint", endpoint))
            demand("sagemaker:UpdateEndpointWeightsAndCapacities", sagemaker_arn("endpoint", endpoint))
            role = f"arn:aws:iam::{hooks.account_id()}:role/aws-service-role/{_service_role(request)}"
            demand("iam:CreateServiceLinkedRole", role, iam__AWSServiceName=_service_role(request).split("/")[0])
    except Refused as refused:
        raise AutoscalingError(str(refused), code="AccessDeniedException") from None


async def handle_request(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        status, answer = 200, call(operation, json.loads(body or b"{}"))
    except SageMakerError as error:
        status, answer = error.status, {"__type": error.code, "message": str(error)}
    except json.JSONDecodeError as error:
        status, answer = 400, {"__type": "SerializationException", "message": f"The body is not JSON: {error}"}
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


# The records live in SageMaker's store, which is saved, restored and reset as a whole.
def get_state() -> None:
    return None


def load_persisted_state(state: Any) -> None:
    return None


def reset() -> None:
    return None


# ---- targets


def _key(request: Record, *more: str) -> str:
    return _SEPARATOR.join([request[member] for member in _IDENTITY] + list(more))


def is_target(endpoint: str, variant: str) -> bool:
    """Whether a variant of an endpoint is a scalable target."""
    resource = f"endpoint/{endpoint}/variant/{variant}"
    return any(record["ResourceId"] == resource for record in STORE.all(TARGET))


def _named(request: Record) -> str:
    namespace, resource, dimension = (request[member] for member in _IDENTITY)
    return f"service namespace: {namespace}, resource ID: {resource}, scalable dimension: {dimension}"


def _target(request: Record) -> Record:
    record = STORE.find(TARGET, _key(request))
    if record is None:
        raise AutoscalingError(f"No scalable target registered for {_named(request)}", code="ObjectNotFoundException")
    return record


def _register(request: Record) -> Record:
    key = _key(request)
    record = STORE.find(TARGET, key)
    if record is None:
        for member in ("MinCapacity", "MaxCapacity"):
            if member not in request:
                raise AutoscalingError(f"{member} is required when a new scalable target is registered.")
        _check_resource(request)
        digest = hashlib.sha256(f"{hooks.account_id()}{hooks.region()}{key}".encode()).hexdigest()[:28]
        record = {
            "ScalableTargetARN": _arn("scalable-target", f"0ec5{digest}"),
            "CreationTime": time.time(),
            "RoleARN": f"arn:aws:iam::{hooks.account_id()}:role/aws-service-role/{_service_role(request)}",
            "SuspendedState": {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
            },
            "Tags": {},
        }
    elif request.get("Tags"):
        raise AutoscalingError("Tags cannot be given for a target that is registered already; use TagResource.")
    changed = {**record, **request}
    changed["SuspendedState"] = {**record["SuspendedState"], **request.get("SuspendedState", {})}
    if changed["MinCapacity"] < 0 or changed["MaxCapacity"] < changed["MinCapacity"]:
        raise AutoscalingError(
            f"MaxCapacity ({changed['MaxCapacity']}) must be at least MinCapacity ({changed['MinCapacity']}), "
            "and neither may be negative."
        )
    STORE.put(TARGET, key, changed)
    return {"ScalableTargetARN": changed["ScalableTargetARN"]}


def _check_resource(request: Record) -> None:
    if request["ServiceNamespace"] != "sagemaker":
        return
    parts = request["ResourceId"].split("/")
    if len(parts) != 4 or parts[0] != "endpoint" or parts[2] != "variant":
        raise AutoscalingError(
            f"Unsupported service namespace, resource type or scalable dimension: {request['ResourceId']}; "
            "an endpoint's variant is endpoint/<endpoint name>/variant/<variant name>."
        )
    endpoint = STORE.find("Endpoint", parts[1])
    kinds = ("ProductionVariants", "ShadowProductionVariants")
    variants = [variant["VariantName"] for kind in kinds for variant in (endpoint or {}).get(kind) or []]
    if parts[3] not in variants:
        raise AutoscalingError(
            f"The resource {request['ResourceId']} does not exist: no endpoint {parts[1]} with a variant {parts[3]}."
        )


def _service_role(request: Record) -> str:
    namespace = request["ServiceNamespace"]
    return (
        f"{namespace}.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_"
        f"{namespace.capitalize() if namespace != 'sagemaker' else 'SageMakerEndpoint'}"
    )


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:application-autoscaling:{hooks.region()}:{hooks.account_id()}:{kind}/{name}"


def _deregister(request: Record) -> None:
    _target(request)
    key = _key(request)
    for kind in (POLICY, SCHEDULE):
        for record in STORE.all(kind):
            if _key(record) == key:
                STORE.remove(kind, record["Key"])
    STORE.remove(TARGET, key)


def _describe_targets(request: Record) -> Record:
    wanted = set(request.get("ResourceIds", []))
    records = [r for r in _matching(TARGET, request) if not wanted or r["ResourceId"] in wanted]
    return _page("DescribeScalableTargets", request, records)


# ---- policies


def _put_policy(request: Record) -> Record:
    _target(request)
    key = _key(request, request["PolicyName"])
    before = STORE.find(POLICY, key)
    kind = request.get("PolicyType") or (before or {}).get("PolicyType") or "StepScaling"
    needed = _CONFIGURATIONS[kind]
    given = [member for member in _CONFIGURATIONS.values() if member in request]
    if given != [needed] and not (before and not given):
        raise AutoscalingError(f"A policy of type {kind} needs {needed} and no other configuration; given: {given}.")
    if before and before["PolicyType"] != kind:
        raise AutoscalingError(f"Policy {request['PolicyName']} is of type {before['PolicyType']}; delete it first.")
    _check_tracking(request.get(_CONFIGURATIONS["TargetTrackingScaling"]))
    arn = (before or {}).get("PolicyARN") or (
        f"arn:aws:autoscaling:{hooks.region()}:{hooks.account_id()}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{request['ServiceNamespace']}/{request['ResourceId']}:policyName/{request['PolicyName']}"
    )
    record = {**(before or {"CreationTime": time.time(), "Alarms": []}), **request}
    STORE.put(POLICY, key, {**record, "PolicyType": kind, "PolicyARN": arn, "Key": key})
    return {"PolicyARN": arn, "Alarms": []}


def _check_tracking(configuration: Record | None) -> None:
    metrics = ("PredefinedMetricSpecification", "CustomizedMetricSpecification")
    if configuration is not None and sum(member in configuration for member in metrics) != 1:
        raise AutoscalingError(f"TargetTrackingScalingPolicyConfiguration needs one of {' and '.join(metrics)}.")


def _delete_policy(request: Record) -> None:
    _remove(POLICY, request, request["PolicyName"], "scaling policy")


def _describe_policies(request: Record) -> Record:
    names = set(request.get("PolicyNames", []))
    records = [r for r in _matching(POLICY, request) if not names or r["PolicyName"] in names]
    return _page("DescribeScalingPolicies", request, records)


# ---- scheduled actions


def _put_schedule(request: Record) -> None:
    _target(request)
    key = _key(request, request["ScheduledActionName"])
    before = STORE.find(SCHEDULE, key)
    if before is None and not ("Schedule" in request and "ScalableTargetAction" in request):
        raise AutoscalingError("A new scheduled action needs Schedule and ScalableTargetAction.")
    new = {
        "CreationTime": time.time(),
        "ScheduledActionARN": f"arn:aws:autoscaling:{hooks.region()}:{hooks.account_id()}:scheduledAction:"
        f"{uuid.uuid4()}:resource/{request['ServiceNamespace']}/{request['ResourceId']}"
        f":scheduledActionName/{request['ScheduledActionName']}",
    }
    STORE.put(SCHEDULE, key, {**(before or new), **request, "Key": key})


def _delete_schedule(request: Record) -> None:
    _remove(SCHEDULE, request, request["ScheduledActionName"], "scheduled action")


def _describe_schedules(request: Record) -> Record:
    names = set(request.get("ScheduledActionNames", []))
    records = [r for r in _matching(SCHEDULE, request) if not names or r["ScheduledActionName"] in names]
    return _page("DescribeScheduledActions", request, records)


def _describe_activities(request: Record) -> Record:
    return {"ScalingActivities": []}


# ---- tags


def _tagged(request: Record) -> Record:
    for record in STORE.all(TARGET):
        if record["ScalableTargetARN"] == request["ResourceARN"]:
            return record
    raise AutoscalingError(f"No resource with the ARN {request['ResourceARN']}.", code="ResourceNotFoundException")


def _list_tags(request: Record) -> Record:
    return {"Tags": _tagged(request)["Tags"]}


def _tag(request: Record) -> None:
    record = _tagged(request)
    record["Tags"] = {**record["Tags"], **request["Tags"]}


def _untag(request: Record) -> None:
    record = _tagged(request)
    record["Tags"] = {key: value for key, value in record["Tags"].items() if key not in request["TagKeys"]}


# ---- shared


def _remove(kind: str, request: Record, name: str, what: str) -> None:
    key = _key(request, name)
    if STORE.find(kind, key) is None:
        raise AutoscalingError(f"No {what} named {name} found for {_named(request)}", code="ObjectNotFoundException")
    STORE.remove(kind, key)


def _matching(kind: str, request: Record) -> list[Record]:
    return [
        record
        for record in STORE.all(kind)
        if all(record[member] == request[member] for member in _IDENTITY if member in request)
    ]


def _page(operation: str, request: Record, records: list[Record]) -> Record:
    output = MODEL.operation_model(operation).output_shape
    member, items = next((name, shape) for name, shape in output.members.items() if shape.type_name == "list")
    try:
        start = int(request.get("NextToken", 0))
    except ValueError:
        raise AutoscalingError("NextToken is not valid.", code="InvalidNextTokenException") from None
    end = start + request.get("MaxResults", _PAGE)
    known = items.member.members
    answer: Record = {
        member: [{key: value for key, value in record.items() if key in known} for record in records[start:end]]
    }
    if end < len(records):
        answer["NextToken"] = str(end)
    return answer


HANDLERS: dict[str, Callable[[Record], Record | None]] = {
    "RegisterScalableTarget": _register,
    "DeregisterScalableTarget": _deregister,
    "DescribeScalableTargets": _describe_targets,
    "PutScalingPolicy": _put_policy,
    "DeleteScalingPolicy": _delete_policy,
    "DescribeScalingPolicies": _describe_policies,
    "PutScheduledAction": _put_schedule,
    "DeleteScheduledAction": _delete_schedule,
    "DescribeScheduledActions": _describe_schedules,
    "DescribeScalingActivities": _describe_activities,
    "ListTagsForResource": _list_tags,
    "TagResource": _tag,
    "UntagResource": _untag,
}
