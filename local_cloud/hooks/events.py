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
        if stepfunctions._resolve_state_machine_arn(arn) is None:
            log.warning("The state machine %s that a rule starts does not exist", arn)
            return
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
    """Targets with a role are called as that role; ``start_execution`` raises for a state machine it may not start."""
    from ministack.services import eventbridge

    invoke = eventbridge._invoke_target

    def invoke_target(target: dict[str, Any], event: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        with acting(target.get("RoleArn")):
            if ":states:" in target.get("Arn", ""):
                start_execution(target["Arn"])
            return invoke(target, event, *arguments, **options)

    eventbridge._invoke_target = invoke_target
