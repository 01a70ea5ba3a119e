"""How a processing job is described: its command, inputs, outputs and machine."""

from __future__ import annotations

from typing import Any

from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import jsonata

ROOT = "/opt/ml/processing"
INPUT = f"{ROOT}/input"
OUTPUT = f"{ROOT}/output"


def processing_input(name: str, uri: str) -> dict[str, Any]:
    """Objects under `uri` (a URI, or JSONata for one), copied to the folder `name` before the job starts."""
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def processing_output(name: str, uri: str) -> dict[str, Any]:
    """The folder `name`, copied to `uri` when the job has ended."""
    return {
        "OutputName": name,
        "S3Output": {"S3Uri": uri, "LocalPath": f"{OUTPUT}/{name}", "S3UploadMode": "EndOfJob"},
    }


def code_inputs(settings: RetrainingSettings) -> list[dict[str, Any]]:
    """The archives of code and wheels, which every processing job gets."""
    return [processing_input("code", settings.code_uri), processing_input("wheels", settings.wheels_uri)]


def processing_job(
    settings: RetrainingSettings,
    *,
    job: str,
    module: str,
    flags: list[str],
    inputs: Any,
    outputs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Arguments of CreateProcessingJob that run `python3 -m <module> <flags>` from the unpacked code."""
    machine = settings.training.processing
    command = (
        f"set -e; mkdir -p {ROOT}/code; tar -xzf {INPUT}/code/* -C {ROOT}/code; cd {ROOT}/code; "
        f'exec python3 -m {module} "$@"'
    )
    return {
        "ProcessingJobName": jsonata(f"$jobPrefix & '-{job}'"),
        "RoleArn": settings.processing_role,
        "AppSpecification": {
            "ImageUri": settings.image,
            "ContainerEntrypoint": ["/bin/bash", "-c", command, "job"],
            "ContainerArguments": flags,
        },
        "Environment": {"PYTHONUNBUFFERED": "1"},
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"KmsKeyId": settings.data_key, "Outputs": outputs},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": machine.instance_type,
                "VolumeSizeInGB": machine.volume_gib,
                "VolumeKmsKeyId": settings.data_key,
            }
        },
        "NetworkConfig": settings.placement.processing(),
        "StoppingCondition": {"MaxRuntimeInSeconds": machine.max_runtime_seconds},
        "Tags": settings.tag_list(),
    }
