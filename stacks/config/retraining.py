"""The loop that retrains by itself: what starts it, and what the guard refuses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from stacks.config.base import Days, Frozen, InstanceType


class RetrainingConfig(Frozen):
    """Retraining that starts itself: alarms and a schedule ask, a guard answers."""

    enabled: bool = Field(
        True, description="Deploy the guard and what starts it; without it only operators start retraining runs."
    )
    on_alarm: bool = Field(True, description="Ask the guard when an alarm of drift or of quality goes off.")
    recheck_hours: int = Field(
        6,
        ge=1,
        le=168,
        description="An alarm that stays on sends no second event: so often the guard looks whether one is on, in "
        "hours.",
    )
    schedule: str | None = Field(
        None,
        pattern=r"^cron\(\S+ \S+ \S+ \S+ \S+ \S+\)$",
        description="When the guard is asked without an alarm, as `cron(0 3 ? * SUN *)` in UTC; null is never.",
    )
    cooldown_hours: int = Field(
        24, ge=0, le=720, description="No run starts so many hours after the start of the last one, in hours."
    )
    max_runs_per_week: int = Field(3, ge=1, le=20, description="Runs that may start in seven days, operators' counted.")
    monthly_budget_usd: float = Field(
        200.0,
        gt=0,
        description="What the runs of a calendar month (UTC) may cost together, by the prices in stacks/prices.json.",
    )
    hourly_usd: dict[InstanceType, Annotated[float, Field(gt=0)]] = Field(
        {},
        description="Prices of instance types in USD an hour, where the table has none or those of your region differ.",
    )
    minimum_new_labelled: int = Field(
        5000, ge=1, description="Events with a known outcome that the deployed model was not trained on, at least."
    )
    minimum_new_frauds: int = Field(50, ge=1, description="Frauds among those, at least.")
    window_days: Days = Field(180, description="The next training set goes back so far from its newest event, in days.")
    export_days: Days = Field(7, description="How long exports of the decisions are kept, in days.")

    @property
    def triggers(self) -> tuple[str, ...]:
        """What asks the guard: `alarm`, `recheck`, `schedule`."""
        return (*(("alarm", "recheck") if self.on_alarm else ()), *(("schedule",) if self.schedule else ()))

    @model_validator(mode="after")
    def _frauds_within_labelled(self) -> RetrainingConfig:
        if self.minimum_new_frauds > self.minimum_new_labelled:
            raise ValueError(
                f"minimum_new_frauds ({self.minimum_new_frauds}) must not exceed minimum_new_labelled "
                f"({self.minimum_new_labelled}): frauds are labelled events"
            )
        return self
