"""What a state machine's tasks demand of its role, where the task is no request over HTTP."""

from typing import Any

from local_cloud import hooks
from local_cloud.authorization import keys
from local_cloud.authorization.principal import demand

_RULES = {
    "createTrainingJob": "Training",
    "createProcessingJob": "Processing",
    "createTransformJob": "Transform",
    "createHyperParameterTuningJob": "Tuning",
}


def task(resource: str, arguments: Any) -> None:
    """Ask for what ministack's own integrations do in process.

    Raises:
        Refused: the role may not.
    """
    if "states:::" not in resource or not isinstance(arguments, dict):
        return
    name = resource.partition("states:::")[2]
    if name.startswith("sns:publish"):
        topic = arguments.get("TopicArn", "*")
        demand("sns:Publish", topic)
        keys.publish(topic)
    elif name.startswith("events:putEvents"):
        for entry in arguments.get("Entries", []):
            demand("events:PutEvents", _event_bus(entry.get("EventBusName") or "default"))
    elif name.startswith("lambda:invoke"):
        demand("lambda:InvokeFunction", _function(arguments.get("FunctionName", "*")))
    elif name.startswith("states:startExecution"):
        demand("states:StartExecution", arguments.get("StateMachineArn", "*"))
    elif name.startswith(("dynamodb:", "aws-sdk:dynamodb:")):
        action = name.split(":")[-1].partition(".")[0]
        named = arguments.get("ExportArn") or arguments.get("TableArn") or _table(arguments.get("TableName", "*"))
        demand(f"dynamodb:{action[0].upper()}{action[1:]}", named)


def waiting(action: str) -> None:
    """``.sync``: Step Functions learns of a job's end by a rule of its own, which the role must be able to make.

    Raises:
        Refused: the role may not.
    """
    kind = _RULES.get(action)
    if kind:
        rule = f"{_arn('events')}:rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule"
        for operation in ("PutTargets", "PutRule", "DescribeRule"):
            demand(f"events:{operation}", rule)


def _arn(service: str) -> str:
    return f"arn:aws:{service}:{hooks.region()}:{hooks.account_id()}"


def _event_bus(name: str) -> str:
    return name if name.startswith("arn:") else f"{_arn('events')}:event-bus/{name}"


def _function(name: str) -> str:
    return name if name.startswith("arn:") else f"{_arn('lambda')}:function:{name}"


def _table(name: str) -> str:
    return name if name.startswith("arn:") else f"{_arn('dynamodb')}:table/{name}"
