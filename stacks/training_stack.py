"""Training: the retraining state machine, the model registry's group, who is told, and what could not be delivered."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.config import FacetConfig, PlatformConfig
from stacks.constructs.approval_rule import ApprovalRule
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.notifications_topic import NotificationsTopic
from stacks.constructs.reporting_machine import ReportingMachine
from stacks.constructs.undelivered_events import UndeliveredEvents
from stacks.event_rules import event_rules
from stacks.images import image_uri
from stacks.monitoring import monitors_of
from stacks.names import Names
from stacks.network.placement import Placement
from stacks.properties import removal_policy, stack_properties
from stacks.retraining import RetrainingSettings, build_definition


class TrainingStack(Stack):
    """Everything between new transactions and a promoted model, except the roles it runs under."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, assets: CodeAssets) -> None:
        super().__init__(scope, names.stack("training"), **stack_properties(config, names, "training"))
        removal = removal_policy(config)
        operations_key = kms.Key.from_key_arn(self, "OperationsKey", names.key_arn("operations"))
        topic = NotificationsTopic(
            self, "Notifications", name=names.topic, key=operations_key, emails=config.notifications.emails
        )
        rules = [names.arn("events", f"rule/{rule}") for rule in event_rules(config, names)]
        if rules:
            UndeliveredEvents(
                self,
                "Undelivered",
                name=names.undelivered,
                rules=rules,
                key=operations_key,
                topic=topic,
                removal_policy=removal,
            )
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Models",
            model_package_group_name=names.model_package_group,
            model_package_group_description=f"Fraud models of {names.prefix}, a version for each run that passed",
        )
        group.apply_removal_policy(removal)
        machine = ReportingMachine(
            self,
            "Retraining",
            name=names.state_machine,
            purpose="A retraining run",
            definition=build_definition(retraining_settings(config, names, assets)),
            role=iam.Role.from_role_arn(self, "RetrainingRole", names.role_arn("retraining"), mutable=False),
            key=operations_key,
            log_days=config.storage.log_days,
            removal_policy=removal,
            topic=topic,
        )
        if config.training.approval == "manual":
            ApprovalRule(
                self,
                "Approval",
                name=f"{names.prefix}-approval",
                model_package_group=names.model_package_group,
                state_machine_arn=machine.arn,
                role_arn=names.role_arn("approval"),
                dead_letters_arn=names.undelivered_arn,
            )
        CfnOutput(self, "StateMachineArn", value=machine.arn)
        CfnOutput(self, "ModelPackageGroupName", value=names.model_package_group)
        CfnOutput(self, "NotificationsTopicArn", value=topic.topic_arn)


def _instance_types(config: PlatformConfig) -> set[str]:
    """What a registered model may be served on: as champion, as challenger, and by a transform job."""
    serving = config.serving
    return {serving.instance_type, serving.challenger_instance_type, config.training.processing.instance_type}


def retraining_settings(config: PlatformConfig, names: Names, assets: CodeAssets) -> RetrainingSettings:
    """What the state machine's definition refers to, by name."""
    image = image_uri("xgboost", config.region)
    facets = config.monitoring.bias.facets
    return RetrainingSettings(
        prefix=names.prefix,
        training=config.training,
        image=image,
        trial_image=config.training.trial_image or image,
        serving_image=assets.server_image.uri if assets.server_image else image,
        code_uri=assets.code.uri,
        wheels_uri=assets.wheels.uri,
        artifacts_bucket=names.bucket("artifacts"),
        data_key=names.key_arn("data"),
        processing_role=names.role_arn("processing"),
        training_role=names.role_arn("training"),
        promotion_role=names.role_arn("promotion"),
        topic=names.topic_arn,
        model_package_group=names.model_package_group,
        serving_stack=names.stack("serving"),
        monitoring_stack=names.stack("monitoring"),
        endpoint=names.endpoint,
        placement=Placement.of(config, names),
        instance_types=tuple(sorted(_instance_types(config))),
        challenger=config.serving.challenger.mode != "none",
        challenger_target=names.challenger_target if config.serving.challenger.scaled else "",
        monitors=tuple(monitor.kind for monitor in monitors_of(config, names)),
        facets=None if facets is None else tuple(map(_flag, facets)),
        probability_threshold=config.monitoring.model_quality.probability_threshold,
        explanation_samples=config.monitoring.explainability.samples,
        explained_model=names.explained,
        explained_instance_type=config.serving.instance_type,
        tags=(("environment", config.environment), ("project", config.project)),
    )


def _flag(facet: FacetConfig) -> str:
    """A facet as the evaluation's flag takes it: name, or name=value,value."""
    values = ",".join(f"{value:g}" for value in facet.values)
    return f"{facet.name}={values}" if values else facet.name
