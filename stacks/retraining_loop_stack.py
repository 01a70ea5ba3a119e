"""The loop: alarms ask, the guard answers, and a run starts on what was decided since the last one."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.guard_rules import GuardRules
from stacks.constructs.reporting_machine import ReportingMachine
from stacks.guard import GuardSettings, build_definition
from stacks.monitoring import monitors_of
from stacks.monitoring.alarms import retraining_alarms
from stacks.names import Names
from stacks.prices import run_cost
from stacks.properties import removal_policy, stack_properties
from stacks.training_stack import retraining_settings


class RetrainingLoopStack(Stack):
    """The guard's state machine and the rules that ask it; what it starts is the training stack's."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, assets: CodeAssets) -> None:
        properties = stack_properties(config, names, "retraining-loop")
        super().__init__(scope, names.stack("retraining-loop"), **properties)
        machine = ReportingMachine(
            self,
            "Guard",
            name=names.guard,
            purpose="A decision of the retraining guard",
            definition=build_definition(guard_settings(config, names, assets)),
            role=iam.Role.from_role_arn(self, "GuardRole", names.role_arn("guard"), mutable=False),
            key=kms.Key.from_key_arn(self, "OperationsKey", names.key_arn("operations")),
            log_days=config.storage.log_days,
            removal_policy=removal_policy(config),
            topic=sns.Topic.from_topic_arn(self, "Notifications", names.topic_arn),
        )
        GuardRules(
            self,
            "Rules",
            prefix=names.prefix,
            guard_arn=machine.arn,
            role_arn=names.role_arn("trigger"),
            dead_letters_arn=names.undelivered_arn,
            settings=config.retraining,
        )
        CfnOutput(self, "GuardArn", value=machine.arn)


def guard_settings(config: PlatformConfig, names: Names, assets: CodeAssets) -> GuardSettings:
    """What the guard's definition refers to, by name."""
    return GuardSettings(
        run=retraining_settings(config, names, assets),
        limits=config.retraining,
        cost=run_cost(config.training, config.retraining.hourly_usd),
        guard_arn=names.guard_arn,
        state_machine_arn=names.state_machine_arn,
        decisions_table_arn=names.table_arn("decisions"),
        transactions_bucket=names.bucket("transactions"),
        collection_role=names.role_arn("collection"),
        quality_delay_hours=max(
            (monitor.window_hours[1] for monitor in monitors_of(config, names) if monitor.kind == "model-quality"),
            default=0,
        ),
        alarms=retraining_alarms(config, names),
    )
