"""One monitoring execution: the captures of its window, its processing jobs, and the status their message means."""

import contextlib
import threading
import time
import uuid
from datetime import datetime
from typing import Any

from local_cloud import hooks
from local_cloud.authorization import Refused, acting_as
from local_cloud.sagemaker import capture, listing, s3
from local_cloud.sagemaker.errors import SageMakerError, ValidationError
from local_cloud.sagemaker.jobs import processing
from local_cloud.sagemaker.monitoring import requests, windows
from local_cloud.sagemaker.monitoring.definitions import of_schedule
from local_cloud.sagemaker.monitoring.requests import Run
from local_cloud.sagemaker.operations import call, operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
KIND = "MonitoringExecution"
RUNNING = ("Pending", "InProgress", "Stopping")
# AWS's words for a window in which nothing was captured, or nothing has a label.
NO_DATA = "Job inputs had no data"

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
        definition = of_schedule(config, schedule["MonitoringType"])
        with acting_as(definition.role, "sagemaker.amazonaws.com"):
            _execute(record, Run(schedule, definition, scheduled, start, end, uuid.uuid4().hex[:24]))
    except (SageMakerError, s3.TransferError, Refused) as error:
        _settle(record, "Failed", FailureReason=str(error))
    except Exception as error:
        _settle(record, "Failed", FailureReason=f"InternalServerError: {error!r}")
        raise
    return record


def _execute(record: Record, run: Run) -> None:
    capture.flush()
    root, truth = windows.destination(run.endpoint), run.definition.ground_truth
    files = windows.captured(root, run.endpoint, run.start, run.end)
    if not files:
        raise ValidationError(NO_DATA)
    if truth:
        labels = windows.ground_truth(truth, run.start, run.end)
        if not labels:
            raise ValidationError(NO_DATA)
        name = run.job_name("groundtruth-merge")
        with windows.manifest(root, name, files) as manifest, windows.manifest(truth, name, labels) as truth_manifest:
            job = _follow(record, run, requests.merge(run, manifest, truth_manifest))
        if job["ProcessingJobStatus"] != "Completed":
            return _settle(record, job["ProcessingJobStatus"], FailureReason=job.get("FailureReason"))
        root = requests.merged_uri(run)
        files = windows.of_variants(root, run.endpoint, run.start, run.end)
        if not files:
            raise ValidationError(NO_DATA)
    with windows.manifest(root, run.job_name("monitoring"), files) as manifest:
        job = _follow(record, run, requests.analysis(run, manifest))
    status = job["ProcessingJobStatus"]
    if status == "Completed" and job.get("ExitMessage", "").startswith("CompletedWithViolations"):
        status = "CompletedWithViolations"
    return _settle(record, status, FailureReason=job.get("FailureReason"))


def _follow(record: Record, run: Run, request: Record) -> Record:
    """Start one of the execution's jobs and wait for its end; returns the job's record."""
    if record["MonitoringExecutionStatus"] == "Stopping":
        return {"ProcessingJobStatus": "Stopped"}
    job = processing.start(request, MonitoringScheduleArn=run.schedule["MonitoringScheduleArn"])
    STORE.update(record, MonitoringExecutionStatus="InProgress", ProcessingJobArn=job["ProcessingJobArn"])
    while job["ProcessingJobStatus"] in ("InProgress", "Stopping") and _is_there(job):
        time.sleep(_POLL)
    return job


def _is_there(job: Record) -> bool:
    return STORE.find(processing.KIND, job["ProcessingJobName"]) is job


def stop(schedule: str) -> None:
    """Stop what runs of a schedule, and wait until it has ended."""
    running = [row for row in of(schedule) if row["MonitoringExecutionStatus"] in RUNNING]
    for row in running:
        arn = row.get("ProcessingJobArn")
        STORE.update(row, MonitoringExecutionStatus="Stopping")
        if arn:
            with contextlib.suppress(SageMakerError):
                call("StopProcessingJob", {"ProcessingJobName": arn.rpartition("/")[2]})
    while any(row["MonitoringExecutionStatus"] in RUNNING for row in running):
        time.sleep(_POLL)


def _settle(record: Record, status: str, **members: Any) -> None:
    STORE.update(record, MonitoringExecutionStatus=status, LastModifiedTime=time.time(), **members)


def start(schedule: Record, scheduled: datetime, begin: datetime, end: datetime) -> None:
    """``run`` on a thread of its own."""
    target = hooks.bound(run)
    threading.Thread(target=target, args=(schedule, scheduled, begin, end), name="monitoring", daemon=True).start()
