"""Monitoring of the endpoint's data, and who hears of alarms."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stacks.config.base import Frozen, InstanceType

HOURLY = "cron(0 * ? * * *)"
DAILY = r"cron\(0 (?:[01]?\d|2[0-3]) \? \* \* \*\)"
SEVERAL_HOURS = r"cron\(0 (?:[01]?\d|2[0-3])/(?:[1-9]|1\d|2[0-4]) \? \* \* \*\)"
CADENCE = rf"^(?:cron\(0 \* \? \* \* \*\)|{DAILY}|{SEVERAL_HOURS})$"


class MonitoringConfig(Frozen):
    """Model Monitor's data-quality schedule."""

    engine: Literal["model-monitor", "none"] = Field(
        "model-monitor",
        description="model-monitor: a SageMaker MonitoringSchedule (closed to new AWS accounts since 2026-07-30); "
        "none: no schedule, alarms and dashboard only.",
    )
    cadence: str = Field(
        HOURLY,
        pattern=CADENCE,
        description="When the schedule runs: hourly `cron(0 * ? * * *)`, daily `cron(0 3 ? * * *)`, "
        "or every few hours `cron(0 0/6 ? * * *)`, in UTC.",
    )
    instance_type: InstanceType = Field("ml.m5.large", description="SageMaker instance type of the analysis.")
    volume_gib: int = Field(30, ge=1, le=1024, description="Size of the encrypted working volume, in GiB.")
    max_runtime_seconds: int = Field(
        1800, ge=60, le=3600, description="An analysis is stopped after this time, in seconds."
    )
    drift_alarm_threshold: float = Field(
        0.1, gt=0, le=1, description="Drift of the score's distribution (0 to 1) that raises an alarm."
    )

    @model_validator(mode="after")
    def _finishes_before_the_next(self) -> MonitoringConfig:
        if self.cadence == HOURLY and self.max_runtime_seconds > 3300:
            raise ValueError(
                f"max_runtime_seconds ({self.max_runtime_seconds}) must be at most 3300 for an hourly cadence: "
                "an analysis has to end before the next one starts"
            )
        return self


class NotificationsConfig(Frozen):
    """Who is told."""

    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")], ...] = Field(
        (), description="E-mail addresses that get alarms and the outcome of retraining runs."
    )
