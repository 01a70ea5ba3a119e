"""Executes one processing job under the processing container's contract."""

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

from local_cloud import hooks
from local_cloud.authorization import Refused, acting_as, containers
from local_cloud.sagemaker import events, s3
from local_cloud.sagemaker.containers import Container, new_root, remove_root
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.images import Image
from local_cloud.sagemaker.jobs import contract, metrics_file, runner
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_CONTINUOUS_SECONDS = 1.0


def launch(record: Record, image: Image) -> None:
    """Start the job's thread."""

    def failed(reason: str) -> None:
        _end(record, "Failed", FailureReason=reason)

    announce(record)
    runner.launch("ProcessingJob", record["ProcessingJobName"], lambda run: _run(record, image, run), failed)


def _run(record: Record, image: Image, run: runner.Run) -> None:
    root = new_root(record["ProcessingJobName"])
    try:
        with acting_as(record["RoleArn"], "sagemaker.amazonaws.com"):
            containers.attach(record["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId"))
            containers.pull(record["AppSpecification"]["ImageUri"])
            containers.measure("ProcessingJobs")
            _execute(record, image, run, root)
    except (s3.TransferError, ValidationError, Refused) as error:
        if not run.abandoned:
            _end(record, "Failed", FailureReason=runner.text(f"ClientError: {error}"))
    finally:
        remove_root(root)


def _execute(record: Record, image: Image, run: runner.Run, root: Path) -> None:
    _prepare(record, root)
    container = _container(record, image, root)
    outputs = _outputs(record, root)
    limit = record["StoppingCondition"]["MaxRuntimeInSeconds"]

    def started() -> None:
        STORE.update(record, ProcessingStartTime=time.time(), LastModifiedTime=time.time())

    with _continuous([output for output in outputs if output.mode == "Continuous"]):
        code = run.execute(container, limit, started)
    if run.abandoned:
        return
    message = contract.read_message(root / "opt/ml/output/message")
    exit_message = {"ExitMessage": message} if message else {}
    if run.ended_by == runner.STOPPED:
        _end(record, "Stopped", **exit_message)
    elif run.ended_by == runner.TIMED_OUT:
        reason = f"The job was stopped because it ran longer than MaxRuntimeInSeconds ({limit} s)."
        _end(record, "Stopped", FailureReason=reason, **exit_message)
    elif code != 0:
        assert code is not None
        reason = contract.algorithm_error(container, code, message)
        _end(record, "Failed", FailureReason=reason, **exit_message)
    else:
        for output in outputs:
            output.upload()
        metrics_file.publish(root / "opt/ml/output/metrics/cloudwatch", record.get("Environment", {}))
        _end(record, "Completed", **exit_message)


def _prepare(record: Record, root: Path) -> None:
    opt_ml = root / "opt" / "ml"
    (opt_ml / "output").mkdir()
    config = {
        "ProcessingJobArn": record["ProcessingJobArn"],
        "ProcessingJobName": record["ProcessingJobName"],
        "Environment": record.get("Environment", {}),
        "AppSpecification": record["AppSpecification"],
        "ProcessingInputs": record.get("ProcessingInputs", []),
        "ProcessingOutputConfig": record.get("ProcessingOutputConfig", {"Outputs": []}),
        "ProcessingResources": record["ProcessingResources"],
        "NetworkConfig": record.get("NetworkConfig", {}),
        "RoleArn": record["RoleArn"],
        "StoppingCondition": record["StoppingCondition"],
    }
    contract.write_json(root, opt_ml / "config" / "processingjobconfig.json", config)
    instance = record["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    resources = {"current_host": contract.HOST, "hosts": [contract.HOST], "current_instance_type": instance}
    contract.write_json(root, opt_ml / "config" / "resourceconfig.json", resources)
    for entry in record.get("ProcessingInputs", []):
        if not entry.get("AppManaged"):
            source = entry["S3Input"]
            folder = contract.inside(root, source["LocalPath"], f"LocalPath of {entry['InputName']}")
            contract.fetch_s3(source, folder, compressed=source.get("S3CompressionType") == "Gzip")
    for output in _outputs(record, root):
        output.folder.mkdir(parents=True, exist_ok=True)


def _container(record: Record, image: Image, root: Path) -> Container:
    application = record["AppSpecification"]
    argv = [*(application.get("ContainerEntrypoint") or image.processing or []), *_arguments(application)]
    return Container(
        root,
        argv,
        {
            **image.environment,
            "PROCESSING_JOB_NAME": record["ProcessingJobName"],
            "PROCESSING_JOB_ARN": record["ProcessingJobArn"],
            **record.get("Environment", {}),
        },
        log_group=LOG_GROUP,
        log_stream=f"{record['ProcessingJobName']}/{contract.HOST}-{int(record['CreationTime'])}",
        network=not record.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
    )


def _arguments(application: Record) -> list[str]:
    return application.get("ContainerArguments", [])


class _Output:
    """One S3Output: files below its folder that are new or changed since the last upload go to S3."""

    def __init__(self, folder: Path, uri: str, mode: str, kms_key: str | None):
        self.folder, self.mode = folder, mode
        self._uri, self._kms_key = uri, kms_key
        self._sent: dict[Path, tuple[int, int]] = {}

    def upload(self) -> None:
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            stamp = (path.stat().st_mtime_ns, path.stat().st_size)
            if self._sent.get(path) != stamp:
                s3.upload(path, s3.join(self._uri, path.relative_to(self.folder).as_posix()), self._kms_key)
                self._sent[path] = stamp


def _outputs(record: Record, root: Path) -> list[_Output]:
    outputs = record.get("ProcessingOutputConfig", {})
    return [
        _Output(
            contract.inside(root, output["S3Output"]["LocalPath"], f"LocalPath of {output['OutputName']}"),
            output["S3Output"]["S3Uri"],
            output["S3Output"]["S3UploadMode"],
            outputs.get("KmsKeyId"),
        )
        for output in outputs.get("Outputs", [])
        if not output.get("AppManaged")
    ]


@contextlib.contextmanager
def _continuous(outputs: list[_Output]):
    """Upload while the job runs, and once more at its end, however that comes."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(_CONTINUOUS_SECONDS):
            for output in outputs:
                # A file may go while it is read; the next round, or the last one, takes what is there.
                with contextlib.suppress(s3.TransferError, OSError):
                    output.upload()

    thread = threading.Thread(target=hooks.bound(work), daemon=True)
    if outputs:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if outputs:
            thread.join()
            for output in outputs:
                output.upload()


def _end(record: Record, status: str, **members: Any) -> None:
    now = time.time()
    STORE.update(record, ProcessingJobStatus=status, ProcessingEndTime=now, LastModifiedTime=now, **members)
    announce(record)


def announce(record: Record) -> None:
    """Send the event of the job's present status."""
    detail = {key: value for key, value in record.items() if key != "Tags"}
    detail["Tags"] = {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}
    events.emit("SageMaker Processing Job State Change", detail, [record["ProcessingJobArn"]])
