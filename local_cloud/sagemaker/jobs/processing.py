"""Processing jobs: the API; ``processing_run`` executes them."""

import time
from typing import Any

from local_cloud.sagemaker import images, listing, s3
from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.containers import OPT_ML
from local_cloud.sagemaker.errors import ResourceInUse, ValidationError
from local_cloud.sagemaker.jobs import processing_run, runner
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
KIND = "ProcessingJob"
_DEFAULT_MAX_SECONDS = 86_400


@operation("CreateProcessingJob")
def create_processing_job(request: Record) -> Record:
    return start(request)


def start(request: Record, **members: Any) -> Record:
    """Check and start a processing job; ``members`` go into its record, e.g. MonitoringScheduleArn."""
    name = request["ProcessingJobName"]
    _check(request)
    image = images.resolve(request["AppSpecification"]["ImageUri"])
    if not request["AppSpecification"].get("ContainerEntrypoint") and not image.processing:
        raise ValidationError(
            f"The image {image.uri} has no processing program of its own in the local cloud: give "
            "AppSpecification.ContainerEntrypoint, or `processing` in local_cloud.toml."
        )
    now = time.time()
    record = {
        "StoppingCondition": {"MaxRuntimeInSeconds": _DEFAULT_MAX_SECONDS},
        **request,
        **members,
        "ProcessingJobArn": arn("processing-job", name),
        "ProcessingJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    with STORE.lock:
        if STORE.find(KIND, name):
            raise ResourceInUse(
                f"Job name must be unique within an AWS account and region: {arn('processing-job', name)}"
            )
        STORE.put(KIND, name, record)
    processing_run.launch(record, image)
    return record


@operation("DescribeProcessingJob")
def describe_processing_job(request: Record) -> Record:
    return STORE.require(KIND, request["ProcessingJobName"])


@operation("ListProcessingJobs")
def list_processing_jobs(request: Record) -> Record:
    return listing.answer(
        "ListProcessingJobs", request, STORE.all(KIND), name="ProcessingJobName", status="ProcessingJobStatus"
    )


@operation("StopProcessingJob")
def stop_processing_job(request: Record) -> Record:
    record = STORE.require(KIND, request["ProcessingJobName"])
    with STORE.lock:
        if record["ProcessingJobStatus"] == "Stopping":
            return {}
        if record["ProcessingJobStatus"] != "InProgress":
            raise ValidationError(
                f"The request was rejected because the processing job is in status {record['ProcessingJobStatus']}."
            )
        STORE.update(record, ProcessingJobStatus="Stopping", LastModifiedTime=time.time())
    if run := runner.find(KIND, request["ProcessingJobName"]):
        run.end(runner.STOPPED)
    return {}


@operation("DeleteProcessingJob")
def delete_processing_job(request: Record) -> Record:
    record = STORE.require(KIND, request["ProcessingJobName"])
    if record["ProcessingJobStatus"] in ("InProgress", "Stopping"):
        raise ValidationError(f"A job in status {record['ProcessingJobStatus']} cannot be deleted; stop it first.")
    STORE.remove(KIND, request["ProcessingJobName"])
    return {}


def _check(request: Record) -> None:
    """Refuse what would not run here, before anything is recorded."""
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if cluster["InstanceCount"] != 1:
        raise ValidationError(
            "ProcessingResources.ClusterConfig.InstanceCount must be 1: processing jobs of several hosts do not run in "
            f"the local cloud (asked for: {cluster['InstanceCount']})."
        )
    names = set()
    for index, entry in enumerate(request.get("ProcessingInputs", [])):
        member = f"ProcessingInputs[{index}]"
        if entry["InputName"] in names:
            raise ValidationError(f"{member}.InputName {entry['InputName']} is given twice.")
        names.add(entry["InputName"])
        _check_input(member, entry)
    for index, output in enumerate(request.get("ProcessingOutputConfig", {}).get("Outputs", [])):
        member = f"ProcessingOutputConfig.Outputs[{index}]"
        if "S3Output" not in output:
            raise ValidationError(f"{member}.S3Output must be given; feature store outputs do not exist here.")
        s3.split(output["S3Output"]["S3Uri"])
        if not output.get("AppManaged"):
            _check_path(f"{member}.S3Output.LocalPath", output["S3Output"].get("LocalPath"))


def _check_input(member: str, entry: Record) -> None:
    if "S3Input" not in entry:
        raise ValidationError(
            f"{member} must have an S3Input: DatasetDefinition (Athena, Redshift) does not exist in the local cloud."
        )
    source = entry["S3Input"]
    s3.split(source["S3Uri"])
    if entry.get("AppManaged"):
        return
    if source.get("S3InputMode") == "Pipe":
        raise ValidationError(f"{member}.S3Input.S3InputMode Pipe does not exist in the local cloud; use File.")
    _check_path(f"{member}.S3Input.LocalPath", source.get("LocalPath"))


def _check_path(member: str, path: str | None) -> None:
    if not path:
        raise ValidationError(f"{member} must be given unless AppManaged is true.")
    if not path.startswith(f"{OPT_ML}/") or ".." in path.split("/"):
        raise ValidationError(f"{member} must be below {OPT_ML}/processing, and is {path}.")
