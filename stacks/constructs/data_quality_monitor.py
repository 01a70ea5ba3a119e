"""Model Monitor's data-quality schedule on the endpoint, against the deployed model's own baseline."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.config import MonitoringConfig

ROOT = "/opt/ml/processing"


class DataQualityMonitor(Construct):
    """A job definition named after its content, and the schedule that runs it.

    Definitions cannot be changed: a new model version or setting makes a new name, and the schedule moves to it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        schedule_name: str,
        model_version: str,
        endpoint_name: str,
        image: str,
        role_arn: str,
        key_arn: str,
        baseline_uri: str,
        report_uri: str,
        settings: MonitoringConfig,
    ) -> None:
        super().__init__(scope, construct_id)
        content = _content(endpoint_name, image, role_arn, key_arn, baseline_uri, report_uri, settings)
        definition = sagemaker.CfnDataQualityJobDefinition(
            self,
            "Definition",
            job_definition_name=f"{name_prefix}-dq-{self._digest(content)}-v{model_version}",
            **content,
        )
        self.schedule = sagemaker.CfnMonitoringSchedule(
            self,
            "Schedule",
            monitoring_schedule_name=schedule_name,
            monitoring_schedule_config=sagemaker.CfnMonitoringSchedule.MonitoringScheduleConfigProperty(
                monitoring_job_definition_name=definition.job_definition_name,
                monitoring_type="DataQuality",
                schedule_config=sagemaker.CfnMonitoringSchedule.ScheduleConfigProperty(
                    schedule_expression=settings.cadence
                ),
            ),
        )
        self.schedule.add_resource_dependency(definition)

    def _digest(self, content: dict[str, Any]) -> str:
        resolved = Stack.of(self).resolve(content)
        return hashlib.sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()[:8]


def _content(
    endpoint_name: str,
    image: str,
    role_arn: str,
    key_arn: str,
    baseline_uri: str,
    report_uri: str,
    settings: MonitoringConfig,
) -> dict[str, Any]:
    return {
        "role_arn": role_arn,
        "data_quality_app_specification": {
            "imageUri": image,
            "environment": {"publish_cloudwatch_metrics": "Enabled"},
        },
        "data_quality_baseline_config": {
            "constraintsResource": {"s3Uri": f"{baseline_uri}/constraints.json"},
            "statisticsResource": {"s3Uri": f"{baseline_uri}/statistics.json"},
        },
        "data_quality_job_input": {
            "endpointInput": {
                "endpointName": endpoint_name,
                "localPath": f"{ROOT}/input/endpoint",
                "s3DataDistributionType": "FullyReplicated",
                "s3InputMode": "File",
            }
        },
        "data_quality_job_output_config": {
            "kmsKeyId": key_arn,
            "monitoringOutputs": [
                {
                    "s3Output": {
                        "s3Uri": report_uri,
                        "localPath": f"{ROOT}/output",
                        "s3UploadMode": "EndOfJob",
                    }
                }
            ],
        },
        "job_resources": {
            "clusterConfig": {
                "instanceCount": 1,
                "instanceType": settings.instance_type,
                "volumeSizeInGb": settings.volume_gib,
                "volumeKmsKeyId": key_arn,
            }
        },
        "network_config": {"enableNetworkIsolation": True, "enableInterContainerTrafficEncryption": True},
        "stopping_condition": {"maxRuntimeInSeconds": settings.max_runtime_seconds},
    }
