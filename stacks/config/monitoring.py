"""Monitoring of the endpoint: which engine, each monitor's cadence and limits, and who hears of alarms."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from stacks.config.base import Frozen, InstanceType

HOURLY = "cron(0 * ? * * *)"
NIGHTLY = "cron(0 4 ? * * *)"
DAILY = r"cron\(0 (?:[01]?\d|2[0-3]) \? \* \* \*\)"
SEVERAL_HOURS = r"cron\(0 (?:[01]?\d|2[0-3])/(?:[1-9]|1\d|2[0-4]) \? \* \* \*\)"
CADENCE = rf"^(?:cron\(0 \* \? \* \* \*\)|{DAILY}|{SEVERAL_HOURS})$"
OFFSET = r"^-P(?:\d{1,3}D)?(?:T\d{1,3}H)?$"

Cadence = Annotated[str, Field(pattern=CADENCE)]
Offset = Annotated[str, Field(pattern=OFFSET, min_length=4)]
# What a floor may be set for: shares of which less is worse. AWS's analyser reports the first, and its precision-recall
# curve, of which average precision is the area; the others are known to this project's analyser alone.
AWS_QUALITY = ("accuracy", "auc", "f0_5", "f1", "f2", "precision", "recall", "true_negative_rate", "true_positive_rate")
CURVE_QUALITY = ("average_precision",)
OWN_QUALITY = ("alert_rate", "fraud_rate", "mean_probability", "value_recall")
# The comparison threshold of the baselines that a retraining run makes, which is Model Monitor's default.
REPORTED_DRIFT = 0.1
CADENCE_HELP = (
    "hourly `cron(0 * ? * * *)`, daily `cron(0 3 ? * * *)`, or every few hours `cron(0 0/6 ? * * *)`, in UTC."
)
OFFSET_HELP = "as a duration before the run such as `-P2D` or `-PT6H`"


class DataQualityConfig(Frozen):
    """Requests and scores against the data that the model was validated on."""

    enabled: bool = Field(True, description="Whether this monitor exists.")
    cadence: Cadence | None = Field(None, description="When it runs; null is `monitoring.cadence`.")
    score_drift: float = Field(
        0.1, gt=0, le=1, description="Drift of the score's distribution (0 to 1) that raises an alarm."
    )
    score_psi: float = Field(
        0.25, gt=0, le=10, description="Population stability index of the score that raises an alarm."
    )
    drifted_features: int = Field(3, ge=1, description="Columns beyond their drift's threshold that raise an alarm.")


class LabelledConfig(Frozen):
    """What monitors that need labels have in common."""

    enabled: bool = Field(True, description="Whether this monitor exists.")
    cadence: Cadence = Field(NIGHTLY, description=f"When it runs: {CADENCE_HELP}")
    start_offset: Offset | None = Field(
        None,
        description=f"Beginning of the window, {OFFSET_HELP}; null is the event type's label delay and a day more.",
    )
    end_offset: Offset | None = Field(
        None, description=f"End of the window, {OFFSET_HELP}; null is the event type's label delay, at least a day."
    )

    @model_validator(mode="after")
    def _ordered(self) -> LabelledConfig:
        if (self.start_offset is None) != (self.end_offset is None):
            raise ValueError("start_offset and end_offset: give both or neither")
        if self.start_offset and self.end_offset and hours_of(self.start_offset) <= hours_of(self.end_offset):
            raise ValueError(
                f"start_offset ({self.start_offset}) must be further back than end_offset ({self.end_offset})"
            )
        return self


class ModelQualityConfig(LabelledConfig):
    """Predictions against the labels that became known since."""

    probability_threshold: float = Field(
        0.5, gt=0, lt=1, description="Probability of fraud from which on an event counts as predicted fraud."
    )
    floors: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {"average_precision": 0.2, "recall": 0.2},
        description="Metrics of model quality and the value below which an alarm is raised: "
        f"{', '.join(sorted(AWS_QUALITY + CURVE_QUALITY))}; with engine processing also {', '.join(OWN_QUALITY)}.",
    )

    @field_validator("floors")
    @classmethod
    def _known(cls, floors: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(floors) - {*AWS_QUALITY, *CURVE_QUALITY, *OWN_QUALITY}):
            raise ValueError(f"no floor can be set for {', '.join(unknown)}")
        return floors


class FacetConfig(Frozen):
    """A feature whose values part events into segments that are compared."""

    name: str = Field(description="A feature's name.")
    values: tuple[float, ...] = Field(
        (), description="Values (or one threshold) of the segment; none is each value that the event type lists."
    )


class BiasConfig(LabelledConfig):
    """How segments of events are treated, against how the model treated them in validation."""

    facets: tuple[FacetConfig, ...] | None = Field(
        None,
        description="Segments: features with the values that are set apart; null is every variable of the event type "
        "that is a category or a boolean, and what its calendar says.",
    )
    violations: int = Field(6, ge=1, description="Metrics of bias beyond their baseline that raise an alarm.")


class ExplainabilityConfig(Frozen):
    """How much each feature contributes to scores, against its contribution in validation."""

    enabled: bool = Field(True, description="Whether this monitor exists.")
    cadence: Cadence = Field(NIGHTLY, description=f"When it runs: {CADENCE_HELP}")
    samples: int = Field(100, ge=1, le=10000, description="Samples of Clarify's kernel SHAP for each record.")


class MonitoringConfig(Frozen):
    """Four monitors of the endpoint."""

    engine: Literal["model-monitor", "processing", "none"] = Field(
        "model-monitor",
        description="model-monitor: SageMaker's MonitoringSchedules (closed to new AWS accounts since 2026-07-30); "
        "processing: the same schedules, files, metrics and alarms by this project's analyser; "
        "none: no monitors, dashboard only.",
    )
    cadence: Cadence = Field(HOURLY, description=f"When data quality is looked at: {CADENCE_HELP}")
    instance_type: InstanceType = Field("ml.m5.large", description="SageMaker instance type of the analysis.")
    volume_gib: int = Field(30, ge=1, le=1024, description="Size of the encrypted working volume, in GiB.")
    max_runtime_seconds: int = Field(
        1800, ge=60, le=3600, description="An analysis is stopped after this time, in seconds."
    )
    settle_seconds: int = Field(
        300,
        ge=0,
        le=3600,
        description="Engine processing: pause before a window is read, because captures are written with a delay.",
    )
    data_quality: DataQualityConfig = Field(DataQualityConfig(), description="Data quality and drift.")
    model_quality: ModelQualityConfig = Field(ModelQualityConfig(), description="Model quality.")
    bias: BiasConfig = Field(BiasConfig(), description="Bias of segments.")
    explainability: ExplainabilityConfig = Field(ExplainabilityConfig(), description="Feature attribution.")

    @model_validator(mode="after")
    def _floors_are_measured(self) -> MonitoringConfig:
        own = sorted(set(self.model_quality.floors) & set(OWN_QUALITY))
        if self.engine == "model-monitor" and own:
            raise ValueError(
                f"model_quality.floors: AWS's analyser does not report {', '.join(own)}, so no alarm could go off; "
                "set engine to processing, or take them out"
            )
        return self

    @model_validator(mode="after")
    def _drift_is_reported(self) -> MonitoringConfig:
        limit = self.data_quality.score_drift
        if self.engine == "model-monitor" and limit < REPORTED_DRIFT:
            raise ValueError(
                f"data_quality.score_drift ({limit:g}): AWS's report tells of drift beyond the baseline's threshold of "
                f"{REPORTED_DRIFT:g} alone, so no alarm could go off before; set at least that, or engine to processing"
            )
        return self

    @model_validator(mode="after")
    def _finishes_before_the_next(self) -> MonitoringConfig:
        cadences = [self.cadence, self.data_quality.cadence]
        cadences += [part.cadence for part in (self.model_quality, self.bias, self.explainability) if part.enabled]
        if HOURLY in cadences and self.max_runtime_seconds > 3300:
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


def hours_of(offset: str) -> int:
    """Hours that a duration such as -P1DT6H goes back."""
    days, hours = (re.search(pattern, offset) for pattern in (r"(\d+)D", r"(\d+)H"))
    return 24 * int(days[1] if days else 0) + int(hours[1] if hours else 0)
