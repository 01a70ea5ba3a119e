"""One monitoring execution: the captures of its window, a processing job, and the status its message means."""

import json
import re
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import Any

from local_cloud import hooks
from local_cloud.sagemaker import capture, listing, s3
from local_cloud.sagemaker.endpoints import configs
from local_cloud.sagemaker.errors import SageMakerError, ValidationError
from local_cloud.sagemaker.jobs import processing
from local_cloud.sagemaker.monitoring.definitions import Definition, of_schedule
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
KIND = "MonitoringExecution"

_BASELINE = "/opt/ml/processing/baseline"
_CODE = "/opt/ml/processing/code"
_FILE = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d)/(\d\d)-(\d\d)-(\d{3})-[^/]*\.jsonl$")
_DATASET_FORMAT = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
_POLL = 0.1


@operation("ListMonitoringExecutions")
def list_executions(request: Record) -> Record:
    rows = STORE.all(KIND)
    for member, wanted in (
        ("MonitoringScheduleName", "MonitoringScheduleName"),
        ("EndpointName", "EndpointName"),
        ("MonitoringJobDefinitionName", "MonitoringJobDefinitionName"),
        ("MonitoringType", "MonitoringTypeEquals"),
    ):
        if wanted in request:
            rows = [row for row in rows if row.get(member) == request[wanted]]
    if "ScheduledTimeAfter" in request:
        rows = [row for row in rows if row["ScheduledTime"] >= listing.epoch(request["ScheduledTimeAfter"])]
    if "ScheduledTimeBefore" in request:
        rows = [row for row in rows if row["ScheduledTime"] <= listing.epoch(request["ScheduledTimeBefore"])]
    return listing.answer(
        "ListMonitoringExecutions",
        request,
        rows,
        name="Key",
        status="MonitoringExecutionStatus",
        sort_members={"Status": "MonitoringExecutionStatus", "ScheduledTime": "ScheduledTime"},
    )


def of(schedule: str) -> list[Record]:
    """The schedule's executions, oldest first."""
    rows = [row for row in STORE.all(KIND) if row["MonitoringScheduleName"] == schedule]
    return sorted(rows, key=lambda row: row["CreationTime"])


def run(schedule: Record, scheduled: datetime, start: datetime, end: datetime) -> Record:
    """Execute a schedule over the captures of [start, end), on the calling thread; returns the execution's record.

    All outcomes, a window without captures among them, are statuses of the record.
    """
    config = schedule["MonitoringScheduleConfig"]
    key = f"{schedule['MonitoringScheduleName']}/{uuid.uuid4().hex}"
    now = time.time()
    record = {
        "Key": key,
        "MonitoringScheduleName": schedule["MonitoringScheduleName"],
        "ScheduledTime": scheduled.timestamp(),
        "CreationTime": now,
        "LastModifiedTime": now,
        "MonitoringExecutionStatus": "Pending",
        "EndpointName": schedule.get("EndpointName"),
        "MonitoringJobDefinitionName": config.get("MonitoringJobDefinitionName"),
        "MonitoringType": schedule["MonitoringType"],
    }
    STORE.put(KIND, key, record)
    try:
        if schedule["MonitoringType"] != "DataQuality":
            raise ValidationError(f"{schedule['MonitoringType']} schedules are recorded, not run, in the local cloud.")
        _execute(record, schedule, of_schedule(config, schedule["MonitoringType"]), scheduled, start, end)
    except (SageMakerError, s3.TransferError) as error:
        _settle(record, "Failed", FailureReason=str(error))
    except Exception as error:
        _settle(record, "Failed", FailureReason=f"InternalServerError: {error!r}")
        raise
    return record


def _execute(
    record: Record, schedule: Record, definition: Definition, scheduled: datetime, start: datetime, end: datetime
) -> None:
    capture.flush()
    destination = _destination(definition.source["EndpointName"])
    files = captured(destination, definition.source["EndpointName"], start, end)
    if not files:
        raise ValidationError("Job inputs had no data")
    name = f"model-monitoring-{scheduled:%Y%m%d%H%M}-{uuid.uuid4().hex[:16]}"
    manifest = s3.join(destination, "manifests", f"{name}.json")
    prefix = s3.join(destination) + "/"
    s3.put_bytes(manifest, json.dumps([{"prefix": prefix}, *(uri.removeprefix(prefix) for uri in files)]).encode())
    try:
        request = _job(name, schedule, definition, manifest, scheduled, start, end)
        job = processing.start(request, MonitoringScheduleArn=schedule["MonitoringScheduleArn"])
        STORE.update(record, MonitoringExecutionStatus="InProgress", ProcessingJobArn=job["ProcessingJobArn"])
        while job["ProcessingJobStatus"] in ("InProgress", "Stopping") and STORE.find(processing.KIND, name) is job:
            time.sleep(_POLL)
    finally:
        bucket, key = s3.split(manifest)
        s3.client().delete_object(Bucket=bucket, Key=key)
    status = job["ProcessingJobStatus"]
    message = job.get("ExitMessage", "")
    if status == "Completed" and message.startswith("CompletedWithViolations"):
        status = "CompletedWithViolations"
    _settle(record, status, FailureReason=job.get("FailureReason"))


def captured(destination: str, endpoint: str, start: datetime, end: datetime) -> list[str]:
    """URIs of the endpoint's capture files whose first line is of [start, end), hour by hour."""
    root = s3.join(destination, endpoint)
    bucket, prefix = s3.split(root)
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/", Delimiter="/")
    variants = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
    found = []
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour < end:
        for variant in variants:
            for uri in s3.list_keys(f"s3://{bucket}/{variant}{hour:%Y/%m/%d/%H}/"):
                moment = _moment(uri)
                if moment and start <= moment < end:
                    found.append(uri)
        hour += timedelta(hours=1)
    return found


def _moment(uri: str) -> datetime | None:
    match = _FILE.search(uri)
    if match is None:
        return None
    *whole, millisecond = (int(group) for group in match.groups())
    return datetime(*whole, millisecond * 1000, tzinfo=timezone.utc)


def _destination(endpoint: str) -> str:
    record = STORE.require("Endpoint", endpoint)
    summary = record.get("DataCaptureConfig")
    if summary is None:
        summary = configs.require(record["EndpointConfigName"]).get("DataCaptureConfig")
    if summary is None:
        raise ValidationError(f"Endpoint {endpoint} captures no data; give its configuration a DataCaptureConfig.")
    return summary["DestinationS3Uri"]


def _job(
    name: str,
    schedule: Record,
    definition: Definition,
    manifest: str,
    scheduled: datetime,
    start: datetime,
    end: datetime,
) -> Record:
    """The CreateProcessingJob request that Model Monitor sends."""
    source, application = definition.source, definition.application
    endpoint, schedule_name = source["EndpointName"], schedule["MonitoringScheduleName"]
    inputs = [_input("endpoint_input_1", manifest, source["LocalPath"], "ManifestFile")]
    environment = {
        "dataset_source": source["LocalPath"],
        "dataset_format": json.dumps(_DATASET_FORMAT),
        "output_path": definition.output["LocalPath"],
        "publish_cloudwatch_metrics": "Enabled",
        "start_time": _iso(start),
        "end_time": _iso(end),
        "sagemaker_endpoint_name": endpoint,
        "sagemaker_monitoring_schedule_name": schedule_name,
    }
    for member, variable, folder in (
        ("ConstraintsResource", "baseline_constraints", "constraints"),
        ("StatisticsResource", "baseline_statistics", "stats"),
    ):
        if uri := definition.baseline.get(member, {}).get("S3Uri"):
            inputs.append(_input(folder, uri, f"{_BASELINE}/{folder}"))
            environment[variable] = f"{_BASELINE}/{folder}/{PurePosixPath(uri).name}"
    for member, variable, folder in (
        ("RecordPreprocessorSourceUri", "record_preprocessor_script", "preprocessing"),
        ("PostAnalyticsProcessorSourceUri", "post_analytics_processor_script", "postprocessing"),
    ):
        if uri := application.get(member):
            inputs.append(_input(folder, uri, f"{_CODE}/{folder}"))
            environment[variable] = f"{_CODE}/{folder}/{PurePosixPath(uri).name}"
    report = s3.join(definition.output["S3Uri"], endpoint, schedule_name, f"{scheduled:%Y/%m/%d/%H}")
    output = {"S3Uri": report, "LocalPath": definition.output["LocalPath"], "S3UploadMode": "EndOfJob"}
    request = {
        "ProcessingJobName": name,
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "result", "S3Output": output}],
            "KmsKeyId": definition.kms_key,
        },
        "ProcessingResources": definition.resources,
        "AppSpecification": {
            member: application[member]
            for member in ("ImageUri", "ContainerEntrypoint", "ContainerArguments")
            if member in application
        },
        "Environment": {**environment, **definition.environment},
        "RoleArn": definition.role,
    }
    if definition.kms_key is None:
        del request["ProcessingOutputConfig"]["KmsKeyId"]
    if definition.network:
        request["NetworkConfig"] = definition.network
    if definition.stopping:
        request["StoppingCondition"] = definition.stopping
    return request


def _input(name: str, uri: str, path: str, kind: str = "S3Prefix") -> Record:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**source, "S3DataDistributionType": "FullyReplicated"}}


def _settle(record: Record, status: str, **members: Any) -> None:
    STORE.update(record, MonitoringExecutionStatus=status, LastModifiedTime=time.time(), **members)


def start(schedule: Record, scheduled: datetime, begin: datetime, end: datetime) -> None:
    """``run`` on a thread of its own."""
    target = hooks.bound(run)
    threading.Thread(target=target, args=(schedule, scheduled, begin, end), name="monitoring", daemon=True).start()


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
