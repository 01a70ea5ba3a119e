"""Training jobs: the API; ``training_run`` executes them."""

import time
from collections.abc import Callable
from typing import Any

from local_cloud.sagemaker import images, listing, s3
from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.containers import OPT_ML
from local_cloud.sagemaker.errors import ResourceInUse, ValidationError
from local_cloud.sagemaker.jobs import metrics, runner, training_run
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
KIND = "TrainingJob"
_DEFAULT_MAX_SECONDS = 86_400


@operation("CreateTrainingJob")
def create_training_job(request: Record) -> Record:
    return start(request)


def start(
    request: Record,
    observer: metrics.Observer | None = None,
    over: Callable[[], None] = lambda: None,
    **members: Any,
) -> Record:
    """Check and start a training job.

    Args:
        request: as CreateTrainingJob takes it.
        observer: called with name and value of each metric as it is printed.
        over: called when the job has its final status.
        members: go into the record, e.g. TuningJobArn.
    """
    name = request["TrainingJobName"]
    image = check(request)
    now = time.time()
    record = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "HyperParameters": {},
        **request,
        **members,
        "StoppingCondition": {"MaxRuntimeInSeconds": _DEFAULT_MAX_SECONDS, **request.get("StoppingCondition", {})},
        "TrainingJobArn": arn("training-job", name),
        "TrainingJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        "SecondaryStatusTransitions": [],
    }
    with STORE.lock:
        if STORE.find(KIND, name):
            raise ResourceInUse(f"Job name must be unique in an account and region; {record['TrainingJobArn']} exists.")
        STORE.put(KIND, name, record)
    training_run.launch(record, image, observer, over)
    return record


@operation("DescribeTrainingJob")
def describe_training_job(request: Record) -> Record:
    record = STORE.find(KIND, request["TrainingJobName"])
    if record is None:
        raise ValidationError("Requested resource not found.")
    return record


@operation("ListTrainingJobs")
def list_training_jobs(request: Record) -> Record:
    return listing.answer(
        "ListTrainingJobs",
        request,
        STORE.all(KIND),
        name="TrainingJobName",
        status="TrainingJobStatus",
    )


@operation("StopTrainingJob")
def stop_training_job(request: Record) -> Record:
    record = describe_training_job(request)
    with STORE.lock:
        if record["TrainingJobStatus"] == "Stopping":
            return {}
        if record["TrainingJobStatus"] != "InProgress":
            raise ValidationError(
                f"The request was rejected because the training job is in status {record['TrainingJobStatus']}."
            )
        training_run.record_move(record, "Stopping", TrainingJobStatus="Stopping")
    # Outside of the lock: a rule's target may call SageMaker.
    training_run.announce(record)
    if run := runner.find(KIND, record["TrainingJobName"]):
        run.end(runner.STOPPED)
    return {}


@operation("DeleteTrainingJob")
def delete_training_job(request: Record) -> Record:
    record = describe_training_job(request)
    if record["TrainingJobStatus"] in ("InProgress", "Stopping"):
        raise ValidationError(f"A job in status {record['TrainingJobStatus']} cannot be deleted; stop it first.")
    STORE.remove(KIND, record["TrainingJobName"])
    return {}


def check(request: Record, member: str = "") -> images.Image:
    """Refuse what would not run here; the image of what would.

    Args:
        request: CreateTrainingJob's, or a tuning job's TrainingJobDefinition.
        member: where the request stands in the caller's, for messages, e.g. "TrainingJobDefinition.".
    """
    algorithm = request["AlgorithmSpecification"]
    if "TrainingImage" not in algorithm:
        raise ValidationError(
            f"{member}AlgorithmSpecification.TrainingImage must be given: algorithms of the marketplace "
            "(AlgorithmName) do not exist in the local cloud."
        )
    image = images.resolve(algorithm["TrainingImage"])
    if not algorithm.get("ContainerEntrypoint") and not image.training:
        raise ValidationError(
            f"The image {image.uri} has no training program of its own in the local cloud: give {member}"
            "AlgorithmSpecification.ContainerEntrypoint, or `training` in local_cloud.toml."
        )
    metrics.check(algorithm.get("MetricDefinitions", []), f"{member}AlgorithmSpecification.MetricDefinitions")
    _check_resources(request, member)
    names = set()
    for index, channel in enumerate(request.get("InputDataConfig", [])):
        where = f"{member}InputDataConfig[{index}]"
        if channel["ChannelName"] in names:
            raise ValidationError(f"{where}.ChannelName {channel['ChannelName']} is given twice.")
        names.add(channel["ChannelName"])
        _check_channel(where, channel, algorithm["TrainingInputMode"])
    if "OutputDataConfig" in request:
        s3.split(request["OutputDataConfig"]["S3OutputPath"])
    if checkpoints := request.get("CheckpointConfig"):
        s3.split(checkpoints["S3Uri"])
        path = checkpoints.get("LocalPath", f"{OPT_ML}/checkpoints")
        if not path.startswith(f"{OPT_ML}/") or ".." in path.split("/"):
            raise ValidationError(f"{member}CheckpointConfig.LocalPath must be below {OPT_ML}, and is {path}.")
    return image


def _check_resources(request: Record, member: str) -> None:
    resources = request.get("ResourceConfig") or {}
    groups = resources.get("InstanceGroups", [])
    count = sum(group.get("InstanceCount", 1) for group in groups) if groups else resources.get("InstanceCount", 1)
    if count != 1:
        raise ValidationError(
            f"{member}ResourceConfig asks for {count} instances; training jobs of several hosts do not run in "
            "the local cloud, set InstanceCount to 1."
        )


def _check_channel(where: str, channel: Record, default_mode: str) -> None:
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise ValidationError(f"{where}.DataSource must be an S3DataSource; others do not exist in the local cloud.")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ValidationError(
            f"{where}.DataSource.S3DataSource.S3DataType {source['S3DataType']} does not exist in the local cloud; "
            "S3Prefix and ManifestFile do."
        )
    if channel.get("InputMode", default_mode) == "Pipe":
        raise ValidationError(
            f"{where} asks for input mode Pipe, which does not exist in the local cloud; use File or FastFile."
        )
    s3.split(source["S3Uri"])
