"""Monitoring: the endpoint's data against the baseline of the model that is deployed."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.data_quality_monitor import DataQualityMonitor
from stacks.constructs.drift_alarm import DriftAlarm
from stacks.constructs.model_parameter import ModelParameter
from stacks.constructs.platform_dashboard import PlatformDashboard
from stacks.images import image_uri
from stacks.names import VARIANT, Names
from stacks.properties import stack_properties


class MonitoringStack(Stack):
    """Takes the model version as a parameter of its own: the promotion sets it after the endpoint has moved."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names) -> None:
        super().__init__(scope, names.stack("monitoring"), **stack_properties(config, names, "monitoring"))
        model = ModelParameter(self, model_package_group=names.model_package_group)
        if config.monitoring.engine == "model-monitor":
            self._watch_data(config, names, model)
        PlatformDashboard(
            self,
            "Dashboard",
            name=names.prefix,
            endpoint=names.endpoint,
            variant=VARIANT,
            schedule=names.monitoring_schedule,
            state_machine_arn=names.state_machine_arn,
        )
        CfnOutput(self, "DashboardName", value=names.prefix)
        CfnOutput(self, "DeployedModel", value=model.or_none).override_logical_id("ModelPackageArn")

    def _watch_data(self, config: PlatformConfig, names: Names, model: ModelParameter) -> None:
        baseline = f"model-packages/{names.model_package_group}/{model.version}"
        monitor = DataQualityMonitor(
            self,
            "DataQuality",
            name_prefix=names.prefix,
            schedule_name=names.monitoring_schedule,
            model_version=model.version,
            endpoint_name=names.endpoint,
            image=image_uri("model-monitor-analyzer", config.region),
            role_arn=names.role_arn("monitoring"),
            key_arn=names.key_arn("data"),
            baseline_uri=f"s3://{names.bucket('artifacts')}/{baseline}",
            report_uri=f"s3://{names.bucket('reports')}/monitoring",
            settings=config.monitoring,
        )
        drift = DriftAlarm(
            self,
            "Drift",
            name=f"{names.prefix}-score-drift",
            endpoint=names.endpoint,
            schedule=names.monitoring_schedule,
            threshold=config.monitoring.drift_alarm_threshold,
            topic=sns.Topic.from_topic_arn(self, "Notifications", names.topic_arn),
        )
        model.require(monitor, drift)
        CfnOutput(self, "MonitoringScheduleName", value=names.monitoring_schedule, condition=model.exists)
