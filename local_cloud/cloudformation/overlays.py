"""Properties that ministack's own resource types drop, applied after its handlers have run."""

from typing import Any

from local_cloud.clients import client
from local_cloud.cloudformation import bucket
from local_cloud.hooks import cloudformation as hook
from local_cloud.hooks import stepfunctions as stepfunctions_hook

Properties = dict[str, Any]


def install() -> None:
    hook.extend("AWS::S3::Bucket", bucket.apply, before_delete=bucket.refuse_unless_empty)
    hook.extend("AWS::SNS::Topic", _topic)
    hook.extend("AWS::IAM::Role", _role)
    hook.extend(
        "AWS::StepFunctions::StateMachine",
        _state_machine,
        before_delete=lambda arn, properties: stepfunctions_hook.end_executions(arn),
    )


# Properties that are attributes of the topic under the same name, and what they are without the template.
_TOPIC_ATTRIBUTES = {"KmsMasterKeyId": "", "SignatureVersion": "1", "TracingConfig": "PassThrough"}


def _topic(arn: str, old: Properties, new: Properties) -> None:
    for name, default in _TOPIC_ATTRIBUTES.items():
        if new.get(name) != old.get(name):
            value = str(new.get(name) or default)
            client("sns").set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)


def _role(name: str, old: Properties, new: Properties) -> None:
    boundary = new.get("PermissionsBoundary")
    if boundary == old.get("PermissionsBoundary"):
        return
    if boundary:
        client("iam").put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    else:
        client("iam").delete_role_permissions_boundary(RoleName=name)


def _state_machine(arn: str, old: Properties, new: Properties) -> None:
    # The type stores what the template says; the API has the same members, but begins them in lower case.
    configurations = {}
    for name in ("LoggingConfiguration", "TracingConfiguration"):
        if name in new:
            configurations[_lower(name)] = _camel(new[name])
        elif name in old:
            configurations[_lower(name)] = None
    if "loggingConfiguration" in configurations:
        logging = {"level": "OFF", "includeExecutionData": False, **(configurations["loggingConfiguration"] or {})}
        configurations["loggingConfiguration"] = logging
    if "tracingConfiguration" in configurations:
        configurations["tracingConfiguration"] = configurations["tracingConfiguration"] or {"enabled": False}
    stepfunctions_hook.configure(arn, configurations)


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {_lower(key): _camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value
