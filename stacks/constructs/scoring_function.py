"""The scoring function: its code, its log group and the alias that the API calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.config import ScoringConfig
from stacks.constructs.acknowledgement import acknowledge
from stacks.constructs.encrypted_log_group import EncryptedLogGroup
from stacks.network.placement import Placement

HANDLER = "inference_code.scoring.app.handler"
ALIAS = "live"


class ScoringFunction(Construct):
    """A function whose alias `live` moves to a new version with every change, so that a rollback is one step."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        package: Path,
        settings: ScoringConfig,
        environment: Mapping[str, str],
        role: iam.IRole,
        data_key: kms.IKey,
        log_key: kms.IKey,
        log_days: int,
        removal_policy: RemovalPolicy,
        placement: Placement,
    ) -> None:
        super().__init__(scope, construct_id)
        self.logs = EncryptedLogGroup(
            self, "Logs", name=f"/aws/lambda/{name}", key=log_key, days=log_days, removal_policy=removal_policy
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description="Scores transactions and decides by rules",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=_architecture(settings),
            handler=HANDLER,
            code=lambda_.Code.from_asset(str(package)),
            memory_size=settings.memory_mb,
            timeout=Duration.seconds(settings.timeout_seconds),
            reserved_concurrent_executions=settings.reserved_concurrency,
            role=role,
            environment=dict(environment),
            environment_encryption=data_key,
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE if settings.tracing else lambda_.Tracing.DISABLED,
            # Earlier versions stay, for the alias to go back to.
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
        )
        placement.place(self.function)
        _explain(self.function, settings, inside=bool(placement.subnets))
        self.alias = lambda_.Alias(
            self,
            "Alias",
            alias_name=ALIAS,
            version=self.function.current_version,
            provisioned_concurrent_executions=settings.provisioned_concurrency or None,
        )


def _architecture(settings: ScoringConfig) -> lambda_.Architecture:
    return lambda_.Architecture.ARM_64 if settings.architecture == "arm64" else lambda_.Architecture.X86_64


def _explain(function: lambda_.Function, settings: ScoringConfig, *, inside: bool) -> None:
    synchronous = "API Gateway waits for the answer: a call that fails is its caller's to repeat, there is no queue."
    acknowledge(function, "LambdaDLQ", synchronous, packs="nist hipaa serverless")
    if not inside:
        outside = "The function talks to AWS's APIs alone, over TLS and under its role; the configuration wants no VPC."
        acknowledge(function, "LambdaInsideVPC", outside, packs="nist pci hipaa")
    if not settings.tracing:
        acknowledge(function, "LambdaTracing", "The configuration turned tracing off.", packs="serverless")
    if settings.reserved_concurrency is None:
        throttled = "The stage's throttling limits the calls; scoring.reserved_concurrency reserves a share as well."
        acknowledge(function, "LambdaConcurrency", throttled, packs="nist hipaa")
