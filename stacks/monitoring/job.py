"""The processing job that runs the analyser over one window."""

from __future__ import annotations

from typing import Any

from stacks.monitoring.settings import MachineSettings
from stacks.retraining.containers import INPUT, OUTPUT, ROOT, processing_input, processing_output
from stacks.retraining.states import jsonata, task

REPORT_FOLDER = f"{OUTPUT}/report"
# A job may wait for a machine before its own limit begins to count.
QUEUE_SECONDS = 3600


def analysis(settings: MachineSettings, *, next_state: str) -> dict[str, Any]:
    """Run the analyser on `$inputs`; its files go to `$reportUri`."""
    monitoring = settings.monitoring
    command = (
        f"set -e; mkdir -p {ROOT}/code; tar -xzf {INPUT}/code/* -C {ROOT}/code; cd {ROOT}/code; "
        "exec python3 -m training_code.analyze"
    )
    fixed = {
        "dataset_source": f"{INPUT}/captures",
        "dataset_format": '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}',
        "output_path": REPORT_FOLDER,
        "history_source": f"{INPUT}/history",
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": settings.endpoint,
        "PYTHONUNBUFFERED": "1",
    }
    window = {
        "start_time": jsonata("$windowStart"),
        "end_time": jsonata("$windowEnd"),
        "sagemaker_monitoring_schedule_name": jsonata("$spec.schedule"),
    }
    arguments = {
        "ProcessingJobName": jsonata("$jobName"),
        "RoleArn": settings.role,
        "AppSpecification": {
            "ImageUri": settings.image,
            "ContainerEntrypoint": ["/bin/bash", "-c", command],
        },
        "Environment": jsonata(f"$merge([{_object(fixed)}, $spec.environment, {_expressions(window)}])"),
        "ProcessingInputs": jsonata("$inputs"),
        "ProcessingOutputConfig": {
            "KmsKeyId": settings.data_key,
            "Outputs": [processing_output("report", jsonata("$reportUri"))],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": monitoring.instance_type,
                "VolumeSizeInGB": monitoring.volume_gib,
                "VolumeKmsKeyId": settings.data_key,
            }
        },
        "NetworkConfig": settings.placement.processing(),
        "StoppingCondition": {"MaxRuntimeInSeconds": monitoring.max_runtime_seconds},
        "Tags": settings.tag_list(),
    }
    return task(
        "sagemaker:createProcessingJob.sync",
        step="analyse",
        arguments=arguments,
        timeout_seconds=monitoring.max_runtime_seconds + QUEUE_SECONDS,
        next_state=next_state,
    )


def code_inputs(settings: MachineSettings) -> list[dict[str, Any]]:
    """The archives of code and wheels."""
    return [processing_input("code", settings.code_uri), processing_input("wheels", settings.wheels_uri)]


def _object(values: dict[str, str]) -> str:
    quoted = (f"'{key}': '{value}'" for key, value in values.items())
    return "{" + ", ".join(quoted) + "}"


def _expressions(values: dict[str, str]) -> str:
    inner = (f"'{key}': {value.removeprefix('{% ').removesuffix(' %}')}" for key, value in values.items())
    return "{" + ", ".join(inner) + "}"
