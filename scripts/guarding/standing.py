"""How the guard's limits stand at this moment, read from its definition and from the runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from scripts.retraining.clients import Clients

# As the guard tells them apart: a promotion by an approval, or by scripts.promote, is no training run.
_PROMOTION = re.compile(r"[0-9a-f-]{36}_[0-9a-f-]{36}|promote-v\d+-over-.+")


@dataclass(frozen=True)
class Standing:
    """Limits and what counts towards them; `next_start` is when the cooldown is over, None where it is."""

    limits: dict[str, float]
    in_flight: tuple[str, ...]
    runs_of_week: int
    spent_usd: float
    next_start: datetime | None
    alarms: tuple[str, ...]
    """Alarms that call for retraining and are on."""


def standing(clients: Clients, prefix: str, guard: str, machine: str, now: datetime | None = None) -> Standing:
    """Look at the guard's limits, the runs and the alarms."""
    now = now or datetime.now(timezone.utc)
    definition = json.loads(clients.stepfunctions.describe_state_machine(stateMachineArn=guard)["definition"])
    limits = definition["States"]["Set limits"]["Assign"]
    listed = clients.stepfunctions.list_executions(stateMachineArn=machine, maxResults=100)["executions"]
    runs = [run for run in listed if not _PROMOTION.fullmatch(run["name"])]
    cooled = runs[0]["startDate"] + timedelta(hours=limits["cooldownHours"]) if runs else None
    return Standing(
        limits=limits,
        in_flight=tuple(run["name"] for run in listed if run["status"] == "RUNNING"),
        runs_of_week=sum(run["startDate"] > now - timedelta(days=7) for run in runs),
        spent_usd=round(sum(_cost(run, limits) for run in runs if _same_month(run["startDate"], now)), 2),
        next_start=cooled if cooled and cooled > now else None,
        alarms=_alarms(clients, prefix),
    )


def _cost(run: dict[str, Any], limits: dict[str, float]) -> float:
    if not run.get("stopDate"):
        return limits["mostUsdOfARun"]
    hours = (run["stopDate"] - run["startDate"]).total_seconds() / 3600
    return min(limits["mostUsdOfARun"], hours * limits["usdAnHour"])


def _same_month(moment: datetime, now: datetime) -> bool:
    moment = moment.astimezone(timezone.utc)
    return (moment.year, moment.month) == (now.year, now.month)


def _alarms(clients: Clients, prefix: str) -> tuple[str, ...]:
    cloudwatch = clients.client("cloudwatch")
    names: list[str] = []
    for family in ("drift", "quality"):
        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{prefix}-{family}-", StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            names += [
                alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page.get(kind, [])
            ]
    return tuple(names)
