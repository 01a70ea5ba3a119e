"""What the function is told by its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fraud.event_types.model import EventType
from fraud.event_types.parsing import parse

FAIL_POLICIES = ("rules", "open", "closed")
EVENT_TYPE_FILE = "event_type.json"


@dataclass(frozen=True)
class Settings:
    """Names of what the function uses, and its limits.

    `fail_policy` says what decides when the model does not answer and no rule fires: the rule set's default (rules),
    its mildest outcome (open) or its most severe one (closed).
    """

    profiles_table: str
    decisions_table: str
    rules_table: str
    endpoint_name: str
    captures_bucket: str
    endpoint_timeout_seconds: float
    fail_policy: str
    retention_seconds: int
    max_future_seconds: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Read the environment; raises KeyError or ValueError naming the variable at fault."""
        policy = environment.get("FAIL_POLICY", FAIL_POLICIES[0])
        if policy not in FAIL_POLICIES:
            raise ValueError(f"FAIL_POLICY: {policy!r} is not one of {', '.join(FAIL_POLICIES)}")
        return cls(
            profiles_table=environment["PROFILES_TABLE"],
            decisions_table=environment["DECISIONS_TABLE"],
            rules_table=environment["RULES_TABLE"],
            endpoint_name=environment["ENDPOINT_NAME"],
            captures_bucket=environment["CAPTURES_BUCKET"],
            endpoint_timeout_seconds=int(environment.get("ENDPOINT_TIMEOUT_MS", "800")) / 1000,
            fail_policy=policy,
            retention_seconds=int(environment.get("RETENTION_DAYS", "400")) * 86_400,
            max_future_seconds=int(environment.get("MAX_FUTURE_SECONDS", "300")),
        )


def packed_event_type(environment: Mapping[str, str]) -> EventType:
    """Return the event type that the function was packed with."""
    default = Path(__file__).resolve().parents[2] / EVENT_TYPE_FILE
    path = Path(environment.get("EVENT_TYPE_FILE", default))
    return parse(json.loads(path.read_text(encoding="utf-8")))
