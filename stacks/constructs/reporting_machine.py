"""A state machine with its log group, tracing and the alarm for what it cannot report itself."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.encrypted_log_group import EncryptedLogGroup


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
        log_key: kms.IKey,
        log_days: int,
        removal_policy: RemovalPolicy,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        # Step Functions can only write to any number of groups if their names begin like this.
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/vendedlogs/states/{name}",
            key=log_key,
            days=log_days,
            removal_policy=removal_policy,
        )
        machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(Stack.of(self).to_json_string(definition)),
            role=role,
            tracing_enabled=True,
            # Causes quote jobs' messages: the history keeps them for 90 days, the log only tells the steps.
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        self.arn = machine.state_machine_arn
        alarm = cloudwatch.Alarm(
            self,
            "TimedOut",
            alarm_name=f"{name}-timed-out",
            alarm_description=f"{purpose} was ended because it took too long; it could not report that itself",
            metric=machine.metric_timed_out(period=Duration.minutes(5)),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
