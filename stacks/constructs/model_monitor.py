"""One of SageMaker's four monitoring schedules on the endpoint, against the deployed model's own baseline."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.config import MonitoringConfig
from stacks.monitoring import Monitor
from stacks.network.placement import Placement

ROOT = "/opt/ml/processing"
_SHORT = {"data-quality": "dq", "model-quality": "mq", "model-bias": "mb", "model-explainability": "me"}


@dataclass(frozen=True)
class MonitorSources:
    """What the monitors of one deployment read, write and run as."""

    name_prefix: str
    model_version: str
    endpoint_name: str
    analyzer_image: str
    clarify_image: str
    role_arn: str
    key_arn: str
    baselines_uri: str
    ground_truth_uri: str
    report_uri: str
    preprocessor_uri: str
    settings: MonitoringConfig
    placement: Placement

    def baseline(self, monitor: Monitor, file: str) -> dict[str, str]:
        """A document of the deployed version's baseline."""
        return {"s3Uri": f"{self.baselines_uri}/{self.model_version}/{monitor.kind}/{file}"}


class ModelMonitor(Construct):
    """A job definition named after its content, and the schedule that runs it.

    Definitions cannot be changed: a new model version or setting makes a new name, and the schedule moves to it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, monitor: Monitor, sources: MonitorSources) -> None:
        super().__init__(scope, construct_id)
        content = _content(monitor, sources)
        digest = self._digest(content)
        create = getattr(sagemaker, f"Cfn{monitor.type}JobDefinition")
        definition = create(
            self,
            "Definition",
            job_definition_name=f"{sources.name_prefix}-{_SHORT[monitor.kind]}-{digest}-v{sources.model_version}",
            **content,
        )
        self.schedule = sagemaker.CfnMonitoringSchedule(
            self,
            "Schedule",
            monitoring_schedule_name=monitor.schedule,
            monitoring_schedule_config=sagemaker.CfnMonitoringSchedule.MonitoringScheduleConfigProperty(
                monitoring_job_definition_name=definition.job_definition_name,
                monitoring_type=monitor.type,
                schedule_config=sagemaker.CfnMonitoringSchedule.ScheduleConfigProperty(
                    schedule_expression=monitor.cadence
                ),
            ),
        )
        self.schedule.add_resource_dependency(definition)

    def _digest(self, content: dict[str, Any]) -> str:
        resolved = Stack.of(self).resolve(content)
        return hashlib.sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()[:8]


def _content(monitor: Monitor, sources: MonitorSources) -> dict[str, Any]:
    # data_quality_app_specification … as the L1 constructs' parameters are called.
    what = monitor.kind.replace("-", "_")
    settings = sources.settings
    return {
        "role_arn": sources.role_arn,
        f"{what}_app_specification": _application(monitor, sources),
        f"{what}_baseline_config": _baseline(monitor, sources),
        f"{what}_job_input": _input(monitor, sources),
        f"{what}_job_output_config": {
            "kmsKeyId": sources.key_arn,
            "monitoringOutputs": [
                {
                    "s3Output": {
                        "s3Uri": sources.report_uri,
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
                "volumeKmsKeyId": sources.key_arn,
            }
        },
        "network_config": sources.placement.monitoring(),
        "stopping_condition": {"maxRuntimeInSeconds": settings.max_runtime_seconds},
    }


def _application(monitor: Monitor, sources: MonitorSources) -> dict[str, Any]:
    common = {"environment": {"publish_cloudwatch_metrics": "Enabled"}}
    if monitor.clarify:
        config = sources.baseline(monitor, "analysis_config.json")["s3Uri"]
        return {**common, "imageUri": sources.clarify_image, "configUri": config}
    problem = {"problemType": "BinaryClassification"} if monitor.kind == "model-quality" else {}
    # The container reads flat records only; captured JSON is nested.
    script = {"recordPreprocessorSourceUri": sources.preprocessor_uri}
    return {**common, **problem, **script, "imageUri": sources.analyzer_image}


def _baseline(monitor: Monitor, sources: MonitorSources) -> dict[str, Any]:
    constraints = {"constraintsResource": sources.baseline(monitor, monitor.constraints)}
    if monitor.kind != "data-quality":
        return constraints
    return {**constraints, "statisticsResource": sources.baseline(monitor, "statistics.json")}


def _input(monitor: Monitor, sources: MonitorSources) -> dict[str, Any]:
    endpoint: dict[str, Any] = {
        "endpointName": sources.endpoint_name,
        "localPath": f"{ROOT}/input/endpoint",
        "s3DataDistributionType": "FullyReplicated",
        "s3InputMode": "File",
    }
    if monitor.start_offset:
        endpoint |= {"startTimeOffset": monitor.start_offset, "endTimeOffset": monitor.end_offset}
    if monitor.clarify:
        # JMESPath of what the platform's requests and answers hold.
        endpoint |= {"featuresAttribute": "instances", "probabilityAttribute": "predictions[*].probability"}
    elif monitor.kind == "model-quality":
        endpoint |= {"probabilityAttribute": "0"}
    if monitor.explained:
        # Attributions need no answers: the model gives them again.
        endpoint.pop("probabilityAttribute")
        endpoint |= {"inferenceAttribute": "predictions[*].probability"}
    if not monitor.labelled:
        return {"endpointInput": endpoint}
    threshold = sources.settings.model_quality.probability_threshold
    endpoint |= {"probabilityThresholdAttribute": threshold}
    return {"endpointInput": endpoint, "groundTruthS3Input": {"s3Uri": sources.ground_truth_uri}}
