"""CreateTransformJob and its kin."""

import threading
import time
from typing import Any

from local_cloud import hooks
from local_cloud.sagemaker import events, images, lifecycle, listing, models, s3
from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.errors import ResourceInUse, ValidationError
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE
from local_cloud.sagemaker.transform.execution import Execution, Failed, Stopped
from local_cloud.sagemaker.transform.records import Plan

Record = dict[str, Any]
KIND = "TransformJob"

_running: dict[tuple[str, str, str], Execution] = {}


@operation("CreateTransformJob")
def create_transform_job(request: Record) -> Record:
    name = request["TransformJobName"]
    plan = Plan(request)
    data = request["TransformInput"]["DataSource"]["S3DataSource"]
    if data["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ValidationError(f"S3DataType {data['S3DataType']} does not run in the local cloud; use S3Prefix.")
    for uri in (data["S3Uri"], request["TransformOutput"]["S3OutputPath"]):
        s3.split(uri)
    image = models.serving_container(request["ModelName"])["Image"]
    if images.resolve(image).serving is None:
        raise ValidationError(f"The image {image} has no serving command; local_cloud.toml may give one.")
    record = {
        "MaxConcurrentTransforms": 1,
        "MaxPayloadInMB": 6,
        "BatchStrategy": "MultiRecord",
        **request,
        "TransformJobArn": arn("transform-job", name),
        "TransformJobStatus": "InProgress",
        "CreationTime": time.time(),
        "LastModifiedTime": time.time(),
    }
    with STORE.lock:
        if STORE.find(KIND, name):
            raise ResourceInUse(
                f"Job name must be unique within an AWS account and region: {record['TransformJobArn']}"
            )
        STORE.put(KIND, name, record)
        execution = _running[_key(name)] = Execution(record, plan)
    _announce(record)
    threading.Thread(target=hooks.bound(_run), args=(record, execution), name=f"transform {name}", daemon=True).start()
    return record


@operation("DescribeTransformJob")
def describe_transform_job(request: Record) -> Record:
    return STORE.require(KIND, request["TransformJobName"])


@operation("ListTransformJobs")
def list_transform_jobs(request: Record) -> Record:
    records = STORE.all(KIND)
    return listing.answer("ListTransformJobs", request, records, name="TransformJobName", status="TransformJobStatus")


@operation("StopTransformJob")
def stop_transform_job(request: Record) -> Record:
    record = STORE.require(KIND, request["TransformJobName"])
    with STORE.lock:
        status = record["TransformJobStatus"]
        if status == "Stopping":
            return {}
        if status != "InProgress":
            raise ValidationError(f"The request was rejected because the transform job is in status {status}.")
        STORE.update(record, TransformJobStatus="Stopping", LastModifiedTime=time.time())
    if execution := _running.get(_key(request["TransformJobName"])):
        execution.cancelled.set()
    return {}


def _run(record: Record, execution: Execution) -> None:
    STORE.update(record, TransformStartTime=time.time())
    try:
        execution.run()
        _end(record, "Completed")
    except Stopped:
        _end(record, "Stopped")
    except Failed as error:
        _end(record, "Failed", FailureReason=str(error).strip()[:1024])
    except Exception as error:
        _end(record, "Failed", FailureReason=f"InternalServerError: {error!r}"[:1024])
        raise
    finally:
        _running.pop(_key(record["TransformJobName"]), None)


def _end(record: Record, status: str, **members: Any) -> None:
    now = time.time()
    STORE.update(record, TransformJobStatus=status, TransformEndTime=now, LastModifiedTime=now, **members)
    _announce(record)


def _announce(record: Record) -> None:
    detail = {**record, "Tags": {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}}
    events.emit("SageMaker Transform Job State Change", detail, [record["TransformJobArn"]])


def _key(name: str) -> tuple[str, str, str]:
    return hooks.account_id(), hooks.region(), name


@lifecycle.on_restore
def _put_right() -> None:
    for (_, _, kind, _), record in STORE.everywhere():
        if kind == KIND and record["TransformJobStatus"] in ("InProgress", "Stopping"):
            reason = "InternalServerError: the local cloud was stopped while the job ran; start it again."
            record.update(TransformJobStatus="Failed", FailureReason=reason, TransformEndTime=time.time())


@lifecycle.on_reset
@lifecycle.on_shutdown
def _cancel_all() -> None:
    for execution in list(_running.values()):
        execution.cancelled.set()
