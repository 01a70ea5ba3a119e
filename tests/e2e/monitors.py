"""What tests ask of a platform's monitors and its guard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from scripts.demo.monitor import Verdict, run_monitor
from tests.e2e.conftest import Demo


def guard_outputs(loop: Demo) -> list[dict]:
    """What the guard's executions came to, oldest first."""
    steps = loop.client("stepfunctions")
    listed = steps.list_executions(stateMachineArn=loop.outputs("retraining-loop")["GuardArn"])["executions"]
    described = [steps.describe_execution(executionArn=one["executionArn"]) for one in reversed(listed)]
    assert {one["status"] for one in described} == {"SUCCEEDED"}
    return [json.loads(one["output"]) for one in described]


def quality_decisions(platform: Demo) -> list[dict]:
    """What the guard decided about alarms of model quality; nothing while it decides."""
    steps, guard = platform.client("stepfunctions"), platform.outputs("retraining-loop")["GuardArn"]
    found = []
    for one in steps.list_executions(stateMachineArn=guard)["executions"]:
        if one["status"] == "RUNNING":
            return []
        output = json.loads(steps.describe_execution(executionArn=one["executionArn"]).get("output", "{}"))
        if output.get("alarm", "").startswith("fraudstack-dev-quality-"):
            found.append(output)
    return found


def monitored(platform: Demo, kind: str, since: datetime) -> Verdict:
    """Run a monitor at once over what was asked since then, whichever engine the platform has."""
    window = since, now() + timedelta(seconds=1)
    outputs = platform.outputs("monitoring")
    return run_monitor(platform.session(), platform.endpoint_url, outputs, f"fraudstack-dev-{kind}", *window)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(timezone.utc)


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """What the condition comes to when it first comes to something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail(f"not so within {seconds} s")
