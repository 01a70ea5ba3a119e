"""Monitoring: the endpoint's data, quality, bias and attributions against the baselines of the deployed model."""

from __future__ import annotations

from aws_cdk import Annotations, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.explained_model import ExplainedModel
from stacks.constructs.model_monitor import ModelMonitor, MonitorSources
from stacks.constructs.model_parameter import ModelParameter
from stacks.constructs.monitoring_alarms import MonitoringAlarms, MonitoringMetrics
from stacks.constructs.monitoring_machine import MonitoringMachine
from stacks.constructs.platform_dashboard import PlatformDashboard
from stacks.constructs.spending_budget import SpendingBudget
from stacks.constructs.stack_access import StackAccess
from stacks.images import image_uri
from stacks.monitoring import monitors_of
from stacks.monitoring.settings import GROUND_TRUTH, REPORTS, MachineSettings
from stacks.names import CHALLENGER_VARIANT, VARIANT, Names
from stacks.network.placement import Placement
from stacks.properties import removal_policy, stack_properties
from stacks.scoring_stack import scoring_metrics

CLOSED = (
    "monitoring.engine is model-monitor: SageMaker Model Monitor and Clarify are closed to AWS accounts that did not "
    "use them before 2026-07-30. Such an account sets monitoring.engine to processing and gets the same schedules, "
    "files, metrics and alarms; `python -m scripts.preflight` tells which engine an account can use."
)


class MonitoringStack(Stack):
    """Takes the model version as a parameter of its own: the promotion sets it after the endpoint has moved."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, assets: CodeAssets) -> None:
        super().__init__(scope, names.stack("monitoring"), **stack_properties(config, names, "monitoring"))
        self._config, self._names, self._assets = config, names, assets
        model = ModelParameter(self, model_package_group=names.model_package_group)
        metrics = MonitoringMetrics(endpoint=names.endpoint, namespace=config.project)
        # The monitors' machine finds the deployed model here.
        looks = config.monitoring.engine != "none"
        StackAccess(self, "Access", names=names, lookers=["analysis"] if looks else [])
        self._monitors = () if config.monitoring.engine == "none" else monitors_of(config, names)
        if self._monitors:
            self._machine()
            MonitoringAlarms(
                self,
                "Alarms",
                prefix=names.prefix,
                monitors=self._monitors,
                metrics=metrics,
                settings=config.monitoring,
                topic=sns.Topic.from_topic_arn(self, "Notifications", names.topic_arn),
            )
        if config.monitoring.engine == "model-monitor":
            self._schedules(model)
            Annotations.of(self).add_warning_v2("fraudstack:model-monitor-is-closed", CLOSED)
        challenged = config.serving.challenger.mode != "none"
        PlatformDashboard(
            self,
            "Dashboard",
            name=names.prefix,
            endpoint=names.endpoint,
            variants=(VARIANT, CHALLENGER_VARIANT) if challenged else (VARIANT,),
            monitors=self._monitors,
            monitoring=metrics,
            quality=tuple(config.monitoring.model_quality.floors),
            challenged=challenged and config.monitoring.engine == "processing",
            state_machine_arn=names.state_machine_arn,
            scoring=scoring_metrics(config, names) if config.scoring.enabled else None,
        )
        if config.budget.monthly_usd is not None:
            SpendingBudget(self, "Spending", settings=config.budget, tags=config.cost_tags, topic_arn=names.topic_arn)
        CfnOutput(self, "DashboardName", value=names.prefix)
        CfnOutput(self, "MonitoringEngine", value=config.monitoring.engine)
        CfnOutput(self, "Monitors", value=",".join(monitor.kind for monitor in self._monitors) or "none")
        CfnOutput(self, "DeployedModel", value=model.or_none).override_logical_id("ModelPackageArn")

    def _machine(self) -> None:
        config, names = self._config, self._names
        machine = MonitoringMachine(
            self,
            "Machine",
            name=names.monitoring_machine,
            settings=machine_settings(config, names, self._assets),
            schedule_arns=[names.sagemaker_arn(f"monitoring-schedule/{each.schedule}") for each in self._monitors],
            role=iam.Role.from_role_arn(self, "MachineRole", names.role_arn("analysis"), mutable=False),
            start_role_arn=names.role_arn("schedule"),
            dead_letters_arn=names.undelivered_arn,
            key=kms.Key.from_key_arn(self, "OperationsKey", names.key_arn("operations")),
            log_days=config.storage.log_days,
            removal_policy=removal_policy(config),
        )
        CfnOutput(self, "MonitoringMachineArn", value=machine.arn)

    def _schedules(self, model: ModelParameter) -> None:
        config, names = self._config, self._names
        sources = MonitorSources(
            name_prefix=names.compact,
            model_version=model.version,
            endpoint_name=names.endpoint,
            analyzer_image=image_uri("model-monitor-analyzer", config.region),
            clarify_image=image_uri("clarify-processing", config.region),
            role_arn=names.role_arn("monitoring"),
            key_arn=names.key_arn("data"),
            baselines_uri=f"s3://{names.bucket('artifacts')}/model-packages/{names.model_package_group}",
            ground_truth_uri=f"s3://{names.bucket('captures')}/{GROUND_TRUTH}",
            report_uri=f"s3://{names.bucket('reports')}/{REPORTS}",
            preprocessor_uri=self._assets.preprocessor.uri,
            settings=config.monitoring,
            placement=Placement.of(config, names),
        )
        for monitor in self._monitors:
            watch = ModelMonitor(self, monitor.type, monitor=monitor, sources=sources)
            model.require(watch)
            if monitor.explained:
                explained = ExplainedModel(
                    self,
                    "Explained",
                    name=names.explained_model(model.version),
                    model_package_arn=model.value_as_string,
                    role_arn=names.role_arn("model"),
                    placement=Placement.of(config, names),
                )
                model.require(explained)
                watch.node.add_dependency(explained)


def machine_settings(config: PlatformConfig, names: Names, assets: CodeAssets) -> MachineSettings:
    """What the monitors' state machine refers to, by name."""
    return MachineSettings(
        prefix=names.prefix,
        monitors=monitors_of(config, names),
        monitoring=config.monitoring,
        image=image_uri("xgboost", config.region),
        code_uri=assets.code.uri,
        wheels_uri=assets.wheels.uri,
        artifacts_bucket=names.bucket("artifacts"),
        captures_bucket=names.bucket("captures"),
        reports_bucket=names.bucket("reports"),
        data_key=names.key_arn("data"),
        role=names.role_arn("monitoring"),
        placement=Placement.of(config, names),
        endpoint=names.endpoint,
        variant=VARIANT,
        monitoring_stack=names.stack("monitoring"),
        namespace=config.project,
        challenged=config.serving.challenger.mode != "none",
        tags=(("environment", config.environment), ("project", config.project)),
    )
