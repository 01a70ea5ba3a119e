"""The usage plan of an API: what holders of API keys may ask of it."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from stacks.config import ScoringConfig


class ApiUsage(Construct):
    """A plan with the stage's limits for each key; with `api_key` a first key, which every request then needs."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, api: apigateway.RestApi, settings: ScoringConfig
    ) -> None:
        super().__init__(scope, construct_id)
        quota = settings.quota_per_day
        plan = api.add_usage_plan(
            "UsagePlan",
            name=name,
            description="Limits of each API key",
            api_stages=[apigateway.UsagePlanPerApiStage(api=api, stage=api.deployment_stage)],
            throttle=apigateway.ThrottleSettings(rate_limit=settings.rate_limit, burst_limit=settings.burst_limit),
            quota=apigateway.QuotaSettings(limit=quota, period=apigateway.Period.DAY) if quota else None,
        )
        if settings.api_key:
            plan.add_api_key(api.add_api_key("Key", api_key_name=name, description="First key of the usage plan"))
