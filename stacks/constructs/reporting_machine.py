"""A state machine with its log group, tracing and the alarm for what it cannot report itself."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.logged_machine import LoggedMachine
from stacks.constructs.notifying_alarm import NotifyingAlarm


class ReportingMachine(Construct):
    """A standard state machine that tells of its outcomes itself; `arn` is its ARN, `purpose` what it does in words."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        purpose: str,
        definition: dict[str, Any],
        role: iam.IRole,
        key: kms.IKey,
        log_days: int,
        removal_policy: RemovalPolicy,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        machine = LoggedMachine(
            self,
            "Machine",
            name=name,
            definition=definition,
            role=role,
            key=key,
            log_days=log_days,
            removal_policy=removal_policy,
        )
        self.arn = machine.state_machine_arn
        NotifyingAlarm(
            self,
            "TimedOut",
            name=f"{name}-timed-out",
            description=f"{purpose} was ended because it took too long; it could not report that itself",
            metric=machine.metric_timed_out(period=Duration.minutes(5)),
            threshold=1,
            topic=topic,
        )
