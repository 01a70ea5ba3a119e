"""What the guard's definition is built from: strings and numbers, as for the retraining run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stacks.config import RetrainingConfig
from stacks.prices import RunCost
from stacks.retraining import RetrainingSettings

# Checks that an operator may override; whether a run is in flight is none of them.
OVERRIDES = ("approval", "cooldown", "weekly-limit", "budget", "former-model", "data")
TRIGGERS = ("alarm", "recheck", "schedule", "operator")


@dataclass(frozen=True)
class GuardSettings:
    """Names, ARNs and limits that the definition refers to.

    `quality_delay_hours`: how far back the window of the model-quality monitor ends, by when labels have come.
    `alarms`: those that a recheck looks at.
    """

    run: RetrainingSettings
    limits: RetrainingConfig
    cost: RunCost
    guard_arn: str
    state_machine_arn: str
    decisions_table_arn: str
    transactions_bucket: str
    collection_role: str
    quality_delay_hours: int
    alarms: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """First part of every name."""
        return self.run.prefix

    @property
    def collection(self) -> RetrainingSettings:
        """What the collecting job is described by: a processing job like a run's, under a role of its own."""
        return replace(self.run, processing_role=self.collection_role)
