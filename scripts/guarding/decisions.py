"""What the guard decided: its executions, which Step Functions keeps for 90 days."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scripts.retraining.clients import Clients


@dataclass(frozen=True)
class Decision:
    """One execution of the guard.

    status: Started | Refused | Idle | Failed | Running. check and reason: of a refusal, or of a failure.
    collection: counts of what was collected, {} where it did not come to that.
    """

    name: str
    arn: str
    at: datetime
    status: str
    trigger: str = ""
    alarm: str = ""
    check: str = ""
    reason: str = ""
    run: str = ""
    override: tuple[str, ...] = ()
    collection: dict[str, Any] = field(default_factory=dict)


def decisions(clients: Clients, guard: str, most: int = 20) -> list[Decision]:
    """Return the latest decisions, newest first."""
    listed = clients.stepfunctions.list_executions(stateMachineArn=guard, maxResults=most)["executions"]
    return [decision(clients, execution["executionArn"]) for execution in listed]


def decision(clients: Clients, arn: str) -> Decision:
    """Return what one execution came to."""
    found = clients.stepfunctions.describe_execution(executionArn=arn)
    asked = json.loads(found.get("input") or "{}")
    output = json.loads(found.get("output") or "{}")
    ended = {"SUCCEEDED": output.get("status", ""), "RUNNING": "Running"}.get(found["status"], "Failed")
    return Decision(
        name=found.get("name") or arn.rsplit(":", 1)[-1],
        arn=arn,
        at=found["startDate"],
        status=ended,
        trigger=str(output.get("trigger") or asked.get("trigger") or "operator"),
        alarm=str(output.get("alarm") or asked.get("alarm") or ""),
        check=output.get("check", "") or found.get("error", ""),
        reason=output.get("reason", "") or found.get("cause", ""),
        run=output.get("run", ""),
        override=tuple(output.get("override") or ()),
        collection=output.get("collection") or {},
    )
