"""Events of AWS services on the default EventBridge bus, which PutEvents refuses to callers, and what they start."""

import contextlib
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

log = logging.getLogger("local_cloud.events")
# (the target's role) -> context manager in which the target is called
Acting = Callable[[str | None], contextlib.AbstractContextManager[None]]


def name_executions() -> None:
    """Executions that a rule starts are named as on AWS, so that they can be told from those of people."""
    from ministack.services import eventbridge, stepfunctions

    def start(arn: str, payload: str) -> None:
        name = f"{uuid.uuid4()}_{uuid.uuid4()}"
        stepfunctions._start_execution({"stateMachineArn": arn, "name": name, "input": payload})

    eventbridge._dispatch_to_stepfunctions = start


def put(source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    """Publish in the caller's account and region; must run on a worker thread, because targets may wait."""
    from ministack.services import eventbridge

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail, default=str),
        "EventBusName": "default",
        "Resources": resources,
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def act_as_targets_roles(acting: Acting, start_execution: Callable[[str], None]) -> None:
    """Targets with a role are called as that role; ``start_execution`` raises for a state machine it may not start.

    An event for a state machine that is not there, or may not be started, goes to the target's dead-letter queue.
    """
    from ministack.services import eventbridge, stepfunctions

    invoke = eventbridge._invoke_target

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *arguments: Any) -> None:
        arn = target.get("Arn", "")
        try:
            with acting(target.get("RoleArn")):
                if ":states:" in arn:
                    if stepfunctions._resolve_state_machine_arn(arn) is None:
                        raise LookupError(f"State Machine Does Not Exist: '{arn}'")
                    start_execution(arn)
                invoke(target, event, rule, *arguments)
        except Exception as error:
            log.warning("The rule %s could not deliver to %s: %s", rule.get("Name"), arn, error)
            _keep_undelivered(target, event, rule, error)

    eventbridge._invoke_target = invoke_target


def _keep_undelivered(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], error: Exception) -> None:
    from ministack.services import eventbridge, sqs

    queue = sqs._queue_by_arn((target.get("DeadLetterConfig") or {}).get("Arn", ""))
    if queue is None:
        return
    said = {
        "ERROR_CODE": "RESOURCE_NOT_FOUND" if isinstance(error, LookupError) else "NO_PERMISSIONS",
        "ERROR_MESSAGE": str(error),
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in said.items() if value}
    body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    sqs._act_send_message({"MessageBody": body, "MessageAttributes": attributes}, queue["url"])
