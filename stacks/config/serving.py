"""The endpoint: its fleet, how traffic moves to a new model, what is captured and what raises an alarm."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from stacks.config.base import Frozen, InstanceType


class TrafficConfig(Frozen):
    """Blue/green deployment of a new model version."""

    shifting: Literal["CANARY", "LINEAR", "ALL_AT_ONCE"] = Field(
        "CANARY", description="How traffic moves from the old fleet to the new one."
    )
    step_percent: int = Field(
        50, ge=1, le=50, description="Share of the fleet in the canary or in each linear step, in percent."
    )
    bake_seconds: int = Field(
        300, ge=0, le=3600, description="How long the alarms are watched after each step, in seconds."
    )
    termination_wait_seconds: int = Field(
        300, ge=0, le=3600, description="How long the old fleet is kept after the last step, in seconds."
    )
    max_seconds: int = Field(
        3600, ge=600, le=28800, description="A deployment that takes longer is rolled back, in seconds."
    )


class ScalingConfig(Frozen):
    """Application Auto Scaling of the fleet."""

    max_instances: int = Field(4, ge=1, le=200, description="Most instances.")
    invocations_per_instance: int = Field(6000, ge=1, description="Target of requests a minute for each instance.")
    scale_in_seconds: int = Field(300, ge=0, le=3600, description="Pause after instances were removed, in seconds.")
    scale_out_seconds: int = Field(60, ge=0, le=3600, description="Pause after instances were added, in seconds.")


class AlarmConfig(Frozen):
    """Alarms of the endpoint; the first two also roll a deployment back."""

    errors_5xx: int = Field(5, ge=1, description="Answers with a 5xx status in a minute.")
    latency_p99_ms: int = Field(500, ge=1, le=60000, description="99th percentile of the model's latency, in ms.")
    errors_4xx: int = Field(100, ge=1, description="Answers with a 4xx status in five minutes.")


class ChallengerConfig(Frozen):
    """A second model version beside the served one; it runs only while one is started (`python -m scripts.promote`)."""

    mode: Literal["none", "shadow", "ab"] = Field(
        "shadow",
        description="shadow: it gets copies of requests and its answers are captured, never returned; ab: it answers "
        "a share of the requests; none: there can be no challenger.",
    )
    traffic_percent: int = Field(
        100, ge=1, le=100, description="Share of the requests that it gets (a copy of), in percent; below 100 for ab."
    )
    instance_type: InstanceType | None = Field(None, description="SageMaker instance type; null is the champion's.")
    instance_count: int = Field(1, ge=1, le=100, description="Least (and first) number of instances.")
    max_instances: int | None = Field(
        None,
        ge=1,
        le=200,
        description="Most instances, by automatic scaling; null: it keeps to `instance_count`, and nobody needs the "
        "right to take a variant out of scaling.",
    )

    @property
    def scaled(self) -> bool:
        """Whether its number of instances changes by itself."""
        return self.mode != "none" and (self.max_instances or 0) > self.instance_count

    @model_validator(mode="after")
    def _fits(self) -> ChallengerConfig:
        if self.mode == "ab" and self.traffic_percent > 99:
            raise ValueError(
                f"traffic_percent ({self.traffic_percent}) must be below 100 for mode ab: the champion answers the rest"
            )
        if self.max_instances is not None and self.max_instances < self.instance_count:
            raise ValueError(
                f"max_instances ({self.max_instances}) must be at least instance_count ({self.instance_count})"
            )
        return self


class ServingConfig(Frozen):
    """The endpoint."""

    image: Literal["prebuilt", "fast"] = Field(
        "prebuilt",
        description="What models registered from now on are served by. prebuilt: AWS's XGBoost container; fast: this "
        "project's own server, built by Docker as it is deployed.",
    )
    instance_type: InstanceType = Field("ml.m5.large", description="SageMaker instance type.")
    instance_count: int = Field(2, ge=1, le=100, description="Least (and first) number of instances.")
    capture_percent: int = Field(100, ge=0, le=100, description="Share of requests captured, in percent.")
    traffic: TrafficConfig = Field(TrafficConfig(), description="Blue/green deployment.")
    scaling: ScalingConfig = Field(ScalingConfig(), description="Automatic scaling.")
    alarms: AlarmConfig = Field(AlarmConfig(), description="Thresholds of alarms.")
    challenger: ChallengerConfig = Field(ChallengerConfig(), description="Champion and challenger.")

    @property
    def challenger_instance_type(self) -> str:
        """The challenger's instance type."""
        return self.challenger.instance_type or self.instance_type

    @model_validator(mode="after")
    def _fleet_fits(self) -> ServingConfig:
        if self.scaling.max_instances < self.instance_count:
            raise ValueError(
                f"scaling.max_instances ({self.scaling.max_instances}) must be at least "
                f"instance_count ({self.instance_count})"
            )
        if self.instance_count < 2 and self.traffic.shifting != "ALL_AT_ONCE":
            raise ValueError(
                f"instance_count must be at least 2 for traffic.shifting {self.traffic.shifting}: "
                "one instance cannot be shifted in parts (or set traffic.shifting to ALL_AT_ONCE)"
            )
        return self
