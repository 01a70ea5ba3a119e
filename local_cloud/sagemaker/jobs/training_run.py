"""Executes one training job under the training container's contract."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_cloud.authorization import Refused, acting_as, containers
from local_cloud.sagemaker import builtin_xgboost, events, s3
from local_cloud.sagemaker.containers import OPT_ML, Container, new_root, remove_root
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.images import Image
from local_cloud.sagemaker.jobs import archive, contract, metrics, runner, training_files
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_TOOLKIT = ("python3", "-m", "sagemaker_training.cli.train")

_MESSAGES = {
    "Starting": "Launching requested ML instances",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "Failed": "Training job failed",
}


def move(record: Record, secondary: str, **members: Any) -> None:
    """Enter a secondary status: the transition before it ends, an event goes out."""
    record_move(record, secondary, **members)
    announce(record)


def record_move(record: Record, secondary: str, **members: Any) -> None:
    """``move`` without the event."""
    now = time.time()
    with STORE.lock:
        transitions = [dict(item) for item in record["SecondaryStatusTransitions"]]
        if transitions and "EndTime" not in transitions[-1]:
            transitions[-1]["EndTime"] = now
        transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]})
        if secondary in ("Completed", "Stopped", "Failed", "MaxRuntimeExceeded"):
            transitions[-1]["EndTime"] = now
            members = {**_times(record, now), **members}
        STORE.update(
            record,
            SecondaryStatus=secondary,
            SecondaryStatusTransitions=transitions,
            LastModifiedTime=now,
            **members,
        )


def launch(record: Record, image: Image, observer: metrics.Observer | None, over: Callable[[], None]) -> None:
    """Start the job's thread; ``over`` is called when the job has its final status."""

    def body(run: runner.Run) -> None:
        _run(record, image, observer, run)

    def failed(reason: str) -> None:
        move(record, "Failed", TrainingJobStatus="Failed", FailureReason=reason)

    move(record, "Starting")
    runner.launch("TrainingJob", record["TrainingJobName"], body, failed, over)


def _run(record: Record, image: Image, observer: metrics.Observer | None, run: runner.Run) -> None:
    root = new_root(record["TrainingJobName"])
    try:
        with acting_as(record["RoleArn"], "sagemaker.amazonaws.com"):
            containers.attach(record["ResourceConfig"].get("VolumeKmsKeyId"))
            containers.pull(record["AlgorithmSpecification"].get("TrainingImage", ""))
            containers.measure("TrainingJobs")
            _execute(record, image, observer, run, root)
    except (s3.TransferError, ValidationError, Refused) as error:
        if not run.abandoned:
            step = "Artifact upload failed" if record["SecondaryStatus"] == "Uploading" else "Data download failed"
            reason = runner.text(f"ClientError: {step}: {error}")
            move(record, "Failed", TrainingJobStatus="Failed", FailureReason=reason)
    finally:
        remove_root(root)


def _execute(record: Record, image: Image, observer: metrics.Observer | None, run: runner.Run, root: Path) -> None:
    if run.ended_by is None:
        move(record, "Downloading")
    training_files.prepare(record, root)
    scanner = metrics.MetricScanner(builtin_xgboost.metric_definitions(record["AlgorithmSpecification"]), observer)
    container = _container(record, image, root, scanner)

    def started() -> None:
        if run.ended_by is None:
            move(record, "Training", TrainingStartTime=time.time())

    with training_files.checkpoints(record, root):
        code = run.execute(container, record["StoppingCondition"]["MaxRuntimeInSeconds"], started)
    if run.abandoned:
        return
    if final := scanner.final():
        STORE.update(record, FinalMetricDataList=final)
    if run.ended_by is None and code != 0:
        assert code is not None
        message = contract.read_message(root / "opt/ml/output/failure")
        reason = contract.algorithm_error(container, code, message)
        move(record, "Failed", TrainingJobStatus="Failed", FailureReason=reason)
        return
    if code is not None:
        if run.ended_by is None:
            move(record, "Uploading")
        uri = _upload(record, root)
        STORE.update(record, ModelArtifacts={"S3ModelArtifacts": uri})
    if run.ended_by is None:
        move(record, "Completed", TrainingJobStatus="Completed")
    else:
        secondary = "MaxRuntimeExceeded" if run.ended_by == runner.TIMED_OUT else "Stopped"
        move(record, secondary, TrainingJobStatus="Stopped")


def _container(record: Record, image: Image, root: Path, scanner: metrics.MetricScanner) -> Container:
    algorithm = record["AlgorithmSpecification"]
    environment = {
        **image.environment,
        "TRAINING_JOB_NAME": record["TrainingJobName"],
        "TRAINING_JOB_ARN": record["TrainingJobArn"],
    }
    command = algorithm.get("ContainerEntrypoint") or image.training
    if command == "toolkit":
        command = _TOOLKIT
        # The toolkit would wait a quarter of an hour for the name algo-1 to resolve.
        environment |= {"SAGEMAKER_BASE_DIR": OPT_ML, "SM_STUDIO_LOCAL_MODE": "true"}
    return Container(
        root,
        [*command, *algorithm.get("ContainerArguments", [])],
        {**environment, **record.get("Environment", {})},
        log_group=LOG_GROUP,
        log_stream=f"{record['TrainingJobName']}/{contract.HOST}-{int(record['CreationTime'])}",
        on_line=scanner.read,
        network=not record["EnableNetworkIsolation"],
    )


def _upload(record: Record, root: Path) -> str:
    """Upload the model, and other output where there is any; returns the model's URI."""
    output = record["OutputDataConfig"]
    base = s3.join(output["S3OutputPath"], record["TrainingJobName"], "output")
    opt_ml, key = root / "opt" / "ml", output.get("KmsKeyId")
    data = opt_ml / "output" / "data"
    plain = output.get("CompressionType") == "NONE"
    if any(data.iterdir()):
        _send(data, root / "output.tar.gz", s3.join(base, "data" if plain else "output.tar.gz"), plain, key)
    target = s3.join(base, "model" if plain else "model.tar.gz")
    _send(opt_ml / "model", root / "model.tar.gz", target, plain, key)
    return f"{target}/" if plain else target


def _send(folder: Path, packed: Path, uri: str, plain: bool, key: str | None) -> None:
    if plain:
        s3.upload(folder, uri, key)
    else:
        archive.pack(folder, packed)
        s3.upload(packed, uri, key)


def _times(record: Record, now: float) -> Record:
    started = record.get("TrainingStartTime")
    seconds = max(1, round(now - started)) if started else 0
    return {"TrainingEndTime": now, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}


def announce(record: Record) -> None:
    """Send the event of the job's present status."""
    detail = {key: value for key, value in record.items() if key != "Tags"}
    detail["Tags"] = {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}
    events.emit("SageMaker Training Job State Change", detail, [record["TrainingJobArn"]])
