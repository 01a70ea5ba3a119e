"""scripts.guard: limits beside what counts towards them, decisions with their reasons, and exit codes."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from rich.console import Console

from scripts import guard as command
from scripts.guarding.decisions import decisions
from scripts.guarding.display import print_decisions, print_standing
from scripts.guarding.standing import standing
from stacks.guard.settings import OVERRIDES

GUARD = "arn:aws:states:us-east-1:000000000000:stateMachine:fraudstack-dev-retraining-guard"
MACHINE = GUARD.removesuffix("-guard")
NOW = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
LIMITS = {
    "cooldownHours": 24,
    "maxRunsPerWeek": 3,
    "monthlyBudgetUsd": 100,
    "mostUsdOfARun": 20,
    "usdAnHour": 2,
    "minimumNewLabelled": 5000,
    "minimumNewFrauds": 50,
}


def run(name: str, hours_ago: float, hours: float | None = 1) -> dict[str, Any]:
    start = NOW - timedelta(hours=hours_ago)
    ended = {} if hours is None else {"stopDate": start + timedelta(hours=hours)}
    status = "RUNNING" if hours is None else "SUCCEEDED"
    return {"name": name, "executionArn": f"{MACHINE}:{name}", "startDate": start, "status": status, **ended}


class Services:
    """Step Functions, CloudWatch and CloudFormation, as far as the command asks them."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.executions: dict[str, dict[str, Any]] = {}
        self.alarms: list[str] = []
        self.started: list[dict[str, Any]] = []
        self.stepfunctions = self.cloudformation = self
        self.region = "us-east-1"

    def client(self, service: str) -> Any:
        return self

    def get_paginator(self, operation: str) -> Any:
        return self

    def paginate(self, AlarmNamePrefix: str, **_: Any) -> list[dict[str, Any]]:
        return [{"MetricAlarms": [{"AlarmName": n} for n in self.alarms if n.startswith(AlarmNamePrefix)]}]

    def describe_state_machine(self, **_: Any) -> dict[str, str]:
        return {"definition": json.dumps({"States": {"Set limits": {"Assign": LIMITS}}})}

    def list_executions(self, stateMachineArn: str, **_: Any) -> dict[str, Any]:
        if stateMachineArn == MACHINE:
            return {"executions": self.runs}
        return {"executions": [{"executionArn": arn} for arn in reversed(self.executions)]}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        return {"startDate": NOW, "status": "SUCCEEDED", "executionArn": executionArn, **self.executions[executionArn]}

    def start_execution(self, input: str, **_: Any) -> dict[str, str]:
        self.started.append(json.loads(input))
        return {"executionArn": next(iter(self.executions))}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        outputs = [
            {"OutputKey": "GuardArn", "OutputValue": GUARD},
            {"OutputKey": "StateMachineArn", "OutputValue": MACHINE},
        ]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    found = Services()
    monkeypatch.setattr(command, "clients_of", lambda _: found)
    return found


def told(*arguments: str) -> tuple[int, str]:
    console = Console(width=200, record=True, file=io.StringIO())
    code = command.main(list(arguments), console)
    return code, console.export_text()


def test_standing_counts_as_the_guard_does(services: Services) -> None:
    promotion = "0c5f2f4e-1111-2222-3333-444455556666_0c5f2f4e-1111-2222-3333-444455556667"
    services.runs = [
        run(promotion, 1),
        run("promote-v3-over-v2-1", 2),
        run("r3", 20),
        run("r2", 5 * 24, 100),
        run("r1", 9 * 24),
        run("r0", 30 * 24),
    ]
    services.alarms = ["fraudstack-dev-drift-score", "fraudstack-dev-latency"]
    found = standing(services, "fraudstack-dev", GUARD, MACHINE, NOW)
    assert found.runs_of_week == 2
    # An hour at 2, a run capped at 20, an hour at 2; last month's is last month's.
    assert found.spent_usd == 24
    assert found.next_start == NOW + timedelta(hours=4)
    assert found.alarms == ("fraudstack-dev-drift-score",) and found.in_flight == ()
    services.runs = [run("r4", 1, None)]
    assert standing(services, "fraudstack-dev", GUARD, MACHINE, NOW).in_flight == ("r4",)


def test_status_shows_limits_and_each_decision_with_its_reason(services: Services) -> None:
    services.executions = {
        "arn:1": {"output": json.dumps({"status": "Idle", "trigger": "recheck"})},
        "arn:2": {
            "input": json.dumps({"trigger": "alarm", "alarm": "fraudstack-dev-drift-score"}),
            "status": "FAILED",
            "error": "ExportFailed",
            "cause": "Step export the decisions failed: no access",
        },
        "arn:3": {
            "output": json.dumps(
                {"status": "Refused", "trigger": "schedule", "check": "budget", "reason": "the budget is 100 USD"}
            )
        },
        "arn:4": {
            "output": json.dumps(
                {
                    "status": "Started",
                    "trigger": "operator",
                    "run": "r0-1",
                    "override": ["data"],
                    "collection": {"rows": 9000, "new_labelled": 12, "new_frauds": 1},
                }
            )
        },
        "arn:5": {"status": "RUNNING", "input": "{}"},
    }
    code, shown = told("status")
    assert code == 0
    for text in (
        "0 of 3",
        "up to 0.00 of 100.00 USD",
        "Refused (budget)",
        "the budget is 100 USD",
        "Failed (ExportFailed)",
        "no access",
        "run r0-1 on 9,000 events, 12 new (1 frauds); overridden: data",
        "being decided",
        "no alarm is on",
    ):
        assert text in shown, text
    code, shown = told("show", "arn:3")
    assert code == 0 and json.loads(shown)["check"] == "budget"


@pytest.mark.parametrize(("status", "code"), [("Started", 0), ("Refused", 3), ("", 1)])
def test_start_hands_the_overrides_on_and_says_how_it_ended(services: Services, status: str, code: int) -> None:
    services.executions = {"arn:1": {"output": json.dumps({"status": status, "check": "data", "reason": "too few"})}}
    assert told("start", "--override", "cooldown", "--override", "budget", "--reason", "why")[0] == code
    assert services.started == [{"trigger": "operator", "reason": "why", "override": ["cooldown", "budget"]}]


def test_wrong_words_are_refused_before_anything_is_asked(services: Services, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        command.main(["start", "--override", "in-flight"])
    assert "invalid choice" in capsys.readouterr().err
    assert told("status", "--limit", "0")[0] == 2
    assert told("start", "--reason", "they rang about 4111-1111-1111-1111")[0] == 2
    assert "--reason holds a card number" in capsys.readouterr().err and services.started == []


def test_the_command_knows_the_guards_checks() -> None:
    assert command.OVERRIDES == OVERRIDES


def test_nothing_asked_yet_is_said(services: Services) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    print_decisions(decisions(services, GUARD), console)
    print_standing(standing(services, "fraudstack-dev", GUARD, MACHINE, NOW), console)
    assert "has not been asked yet" in console.export_text()
