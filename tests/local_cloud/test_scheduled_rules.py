"""Rules on a schedule start their state machines: the clock is moved, because nobody waits for an hour."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ministack.services import eventbridge, stepfunctions

from local_cloud.sagemaker.monitoring import cron
from stacks.config.monitoring import HOURLY, NIGHTLY
from stacks.monitoring import Monitor
from tests.local_cloud.conftest import wait_until
from tests.local_cloud.stacks import ROLE

# As the rules of both engines give it: tests/infra/test_monitoring.py.
TRANSFORMER = {"InputPathsMap": {"time": "$.time"}, "InputTemplate": '{"monitor": "any", "time": <time>}'}
DEFINITION = json.dumps({"StartAt": "Note", "States": {"Note": {"Type": "Succeed"}}})
BEGIN = datetime(2026, 11, 25, 0, 0, 30, tzinfo=timezone.utc)


def answer(response: tuple[int, Any, bytes]) -> dict[str, Any]:
    status, _, body = response
    assert status == 200, body
    return json.loads(body)


def inputs(machine: str) -> list[dict[str, str]]:
    listed = answer(stepfunctions._list_executions({"stateMachineArn": machine}))["executions"]
    described = [answer(stepfunctions._describe_execution({"executionArn": one["executionArn"]})) for one in listed]
    return [json.loads(one["input"]) for one in described]


@pytest.mark.parametrize(
    ("expression", "hours"),
    [(HOURLY, range(1, 7)), (NIGHTLY, [4]), ("cron(0 0/3 ? * * *)", [3, 6]), ("rate(1 hour)", range(1, 7))],
)
def test_a_rule_starts_its_machine_when_it_is_due(
    expression: str, hours: range | list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = BEGIN
    monkeypatch.setattr(eventbridge, "_now_ts", lambda: now.timestamp())
    name = f"due-{abs(hash(expression))}"
    given = {"name": name, "definition": DEFINITION, "roleArn": ROLE}
    machine = answer(stepfunctions._create_state_machine(given))["stateMachineArn"]
    eventbridge._ensure_default_bus()
    answer(eventbridge._put_rule({"Name": name, "ScheduleExpression": expression}))
    target = {"Id": "monitor", "Arn": machine, "RoleArn": ROLE, "InputTransformer": TRANSFORMER}
    answer(eventbridge._put_targets({"Rule": name, "Targets": [target]}))
    try:
        # Until half past six; the scheduler sweeps more often than anything is due.
        for minutes in range(0, 391, 5):
            now = BEGIN + timedelta(minutes=minutes)
            eventbridge._tick_scheduled_rules()
            eventbridge._tick_scheduled_rules()
        found = wait_until(lambda: len(started := inputs(machine)) >= len(hours) and started, 20)
    finally:
        eventbridge._remove_targets({"Rule": name, "Ids": ["monitor"]})
        eventbridge._delete_rule({"Name": name})
    assert {one["monitor"] for one in found} == {"any"}
    moments = sorted(one["time"] for one in found)
    assert moments == [f"2026-11-25T{hour:02}:00:30Z" for hour in hours]


def test_a_monitors_rule_runs_at_the_hours_of_its_schedule_and_its_windows_leave_no_gap() -> None:
    """Every cadence that the configuration takes; EventBridge's `17/12` is 17 alone."""
    several = [f"cron(0 {first}/{period} ? * * *)" for first in range(24) for period in range(1, 25)]
    for cadence in (HOURLY, NIGHTLY, *several):
        monitor, schedule = Monitor("data-quality", "any", cadence), cron.parse(cadence)
        hours = sorted(eventbridge._parse_cron_fields(monitor.rule_expression)[1])
        assert hours == list(schedule.hours), cadence
        gaps = [(later - earlier) % 24 or 24 for earlier, later in zip(hours, [*hours[1:], hours[0]], strict=True)]
        start, end = monitor.window_hours
        assert max(gaps) <= start - end, cadence
