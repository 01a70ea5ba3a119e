"""AWS::ApplicationAutoScaling::* resource types: records of local_cloud.autoscaling."""

from typing import Any

from local_cloud.autoscaling import MODEL, call
from local_cloud.cloudformation import tags
from local_cloud.cloudformation.shapes import to_request
from local_cloud.hooks import cloudformation as hook
from local_cloud.sagemaker.errors import SageMakerError

Record = dict[str, Any]
_IDENTITY = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def install() -> None:
    hook.register(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        create=_create_target,
        update=_update_target,
        delete=_delete_target,
        create_only=_IDENTITY,
        tagged=True,
    )
    hook.register(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        create=_create_policy,
        update=_update_policy,
        delete=_delete_policy,
        create_only=("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension", "ScalingTargetId"),
    )


def _request(operation: str, properties: Record) -> Record:
    return to_request(properties, MODEL.operation_model(operation).input_shape)


def _split(target_id: str) -> Record:
    return dict(zip(_IDENTITY, target_id.split("|"), strict=True))


# ---- targets


def _register(properties: Record) -> tuple[str, Record]:
    direct = {key: value for key, value in properties.items() if key not in ("ScheduledActions", "Tags")}
    request = _request("RegisterScalableTarget", direct)
    call("RegisterScalableTarget", request)
    target_id = "|".join(request[member] for member in _IDENTITY)
    return target_id, {"Id": target_id}


def _create_target(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
    answer = _register(properties)
    try:
        _apply_schedules(answer[0], {}, properties)
        _apply_tags(answer[0], {}, properties)
    except Exception:
        _delete_target(answer[0], properties)
        raise
    return answer


def _update_target(physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str) -> tuple[str, Record]:
    answer = _register(new)
    _apply_schedules(physical_id, old, new)
    _apply_tags(physical_id, old, new)
    return answer


def _delete_target(physical_id: str, properties: Record) -> None:
    _ignoring_absence("DeregisterScalableTarget", _split(physical_id))


def _apply_schedules(target_id: str, old: Record, new: Record) -> None:
    identity = _split(target_id)
    wanted = {action["ScheduledActionName"]: action for action in new.get("ScheduledActions", [])}
    for name in {action["ScheduledActionName"] for action in old.get("ScheduledActions", [])} - wanted.keys():
        _ignoring_absence("DeleteScheduledAction", {**identity, "ScheduledActionName": name})
    for action in wanted.values():
        call("PutScheduledAction", _request("PutScheduledAction", {**identity, **action}))


def _apply_tags(target_id: str, old: Record, new: Record) -> None:
    removed, changed = tags.difference(old.get("Tags"), new.get("Tags"))
    if not removed and not changed:
        return
    identity = _split(target_id)
    described = call(
        "DescribeScalableTargets",
        {
            "ServiceNamespace": identity["ServiceNamespace"],
            "ResourceIds": [identity["ResourceId"]],
            "ScalableDimension": identity["ScalableDimension"],
        },
    )
    arn = described["ScalableTargets"][0]["ScalableTargetARN"]
    if removed:
        call("UntagResource", {"ResourceARN": arn, "TagKeys": removed})
    if changed:
        call("TagResource", {"ResourceARN": arn, "Tags": {tag["Key"]: tag["Value"] for tag in changed}})


# ---- policies


def _put_policy(properties: Record) -> tuple[str, Record]:
    members = {key: value for key, value in properties.items() if key != "ScalingTargetId"}
    if "ScalingTargetId" in properties:
        members |= _split(properties["ScalingTargetId"])
    arn = call("PutScalingPolicy", _request("PutScalingPolicy", members))["PolicyARN"]
    return arn, {"Arn": arn}


def _create_policy(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
    return _put_policy(properties)


def _update_policy(physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str) -> tuple[str, Record]:
    return _put_policy(new)


def _delete_policy(physical_id: str, properties: Record) -> None:
    identity = _split(properties["ScalingTargetId"]) if "ScalingTargetId" in properties else {}
    members = {key: properties[key] for key in (*_IDENTITY, "PolicyName") if key in properties}
    _ignoring_absence("DeleteScalingPolicy", {**members, **identity})


def _ignoring_absence(operation: str, request: Record) -> None:
    try:
        call(operation, request)
    except SageMakerError as error:
        if error.code != "ObjectNotFoundException":
            raise
