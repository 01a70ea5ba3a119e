"""Scoring in real time: the function behind the API, its limits, and what it answers without the model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from stacks.config.base import Days, Frozen
from stacks.config.firewall import FirewallConfig

# API Gateway gives up on an integration after this time; more is a quota increase that templates cannot ask for.
GATEWAY_SECONDS = 29


class ScoringAlarmConfig(Frozen):
    """Alarms of the API."""

    degraded: int = Field(1, ge=1, description="Decisions made without the model in five minutes.")
    conflicts: int = Field(
        10, ge=1, description="Repeats of a transaction with other contents (answered 409) in five minutes."
    )
    errors_5xx: int = Field(1, ge=1, description="Answers of the API with a 5xx status in a minute.")
    latency_p99_ms: int = Field(1000, ge=1, le=29000, description="99th percentile of the API's latency, in ms.")
    throttles: int = Field(1, ge=1, description="Calls of the function refused for want of concurrency in a minute.")


class ScoringConfig(Frozen):
    """The API, its function and its tables."""

    enabled: bool = Field(True, description="Deploy the API; without it models are only trained and served.")
    memory_mb: int = Field(1024, ge=256, le=10240, description="Memory of the function (its CPU grows with it), in MB.")
    architecture: Literal["x86_64", "arm64"] = Field("x86_64", description="Processor that the function runs on.")
    timeout_seconds: int = Field(
        10, ge=2, le=GATEWAY_SECONDS, description="A call of the function is ended after this time, in seconds."
    )
    endpoint_timeout_ms: int = Field(
        800,
        ge=50,
        le=20000,
        description="How long the function waits for the endpoint before it decides without, in ms.",
    )
    fail_policy: Literal["rules", "open", "closed"] = Field(
        "rules",
        description="What decides when the endpoint fails: rules (those that need no score), open (approve), "
        "closed (decline).",
    )
    max_future_seconds: int = Field(
        300, ge=0, le=86400, description="How far a transaction's time may lie ahead of the clock, in seconds."
    )
    decision_days: Days = Field(400, description="How long decisions are kept, in days.")
    rate_limit: int = Field(
        500, ge=1, le=10000, description="Requests a second that the API takes over time, from all callers together."
    )
    burst_limit: int = Field(1000, ge=1, le=10000, description="Requests at once that the API takes on top.")
    api_key: bool = Field(
        False, description="Demand an API key beside the signature; keys are metered by the usage plan."
    )
    quota_per_day: int | None = Field(
        None, ge=1, description="Requests a day that each API key may make; null is no quota."
    )
    reserved_concurrency: int | None = Field(
        None, ge=1, description="Most calls at a time, taken from the account's; null takes what the account has left."
    )
    provisioned_concurrency: int = Field(
        0, ge=0, description="Environments kept warm, which are paid for by the hour; 0 is none."
    )
    private: bool = Field(
        False,
        description="Answer callers in the network's VPC alone, by an endpoint of it; false answers the internet.",
    )
    tracing: bool = Field(True, description="Trace requests with X-Ray.")
    gateway_log_role: Literal["create", "existing"] = Field(
        "create",
        description="API Gateway writes logs under one role of the whole account and region. create: make it and set "
        "it; existing: the account has one, leave it alone.",
    )
    firewall: FirewallConfig = Field(FirewallConfig(), description="What is refused before the API looks at it.")
    alarms: ScoringAlarmConfig = Field(ScoringAlarmConfig(), description="Thresholds of alarms.")

    @model_validator(mode="after")
    def _limits_fit(self) -> ScoringConfig:
        if self.endpoint_timeout_ms >= self.timeout_seconds * 1000:
            raise ValueError(
                f"endpoint_timeout_ms ({self.endpoint_timeout_ms}) must be below timeout_seconds "
                f"({self.timeout_seconds} s): the function decides without the endpoint in what is left"
            )
        if self.burst_limit < self.rate_limit / 2:
            raise ValueError(
                f"burst_limit ({self.burst_limit}) must be at least half of rate_limit ({self.rate_limit}): "
                "requests never come evenly"
            )
        if self.reserved_concurrency is not None and self.provisioned_concurrency > self.reserved_concurrency:
            raise ValueError(
                f"provisioned_concurrency ({self.provisioned_concurrency}) must not exceed reserved_concurrency "
                f"({self.reserved_concurrency})"
            )
        if self.quota_per_day is not None and not self.api_key:
            raise ValueError("quota_per_day needs api_key: a quota is counted for each key")
        return self
