"""Monitoring schedules: the API, the clock that runs them, and runs on demand."""

import asyncio
import json
import logging
import re
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

from local_cloud import hooks
from local_cloud.sagemaker import lifecycle, listing, service
from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.errors import ResourceInUse, SageMakerError, ValidationError
from local_cloud.sagemaker.monitoring import cron, definitions, executions
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
KIND = "MonitoringSchedule"
log = logging.getLogger("local_cloud.monitoring")

_TICK = 1.0
_PENDING_SECONDS = 0.3
_LAST_HOUR = timedelta(hours=1)


@operation("CreateMonitoringSchedule")
def create_schedule(request: Record) -> Record:
    name = request["MonitoringScheduleName"]
    now = time.time()
    record = {
        **request,
        "MonitoringScheduleArn": arn("monitoring-schedule", name),
        "CreationTime": now,
        "LastModifiedTime": now,
        **_checked(request["MonitoringScheduleConfig"]),
    }
    with STORE.lock:
        if STORE.find(KIND, name):
            raise ResourceInUse(f"Monitoring Schedule {record['MonitoringScheduleArn']} already exists.")
        STORE.put(KIND, name, record)
    _begin(record)
    return record


@operation("UpdateMonitoringSchedule")
def update_schedule(request: Record) -> Record:
    record = _settled(request["MonitoringScheduleName"])
    members = _checked(request["MonitoringScheduleConfig"])
    config = request["MonitoringScheduleConfig"]
    STORE.update(record, MonitoringScheduleConfig=config, LastModifiedTime=time.time(), **members)
    _begin(record)
    return record


@operation("DescribeMonitoringSchedule")
def describe_schedule(request: Record) -> Record:
    record = STORE.require(KIND, request["MonitoringScheduleName"])
    runs = executions.of(record["MonitoringScheduleName"])
    return {**record, "LastMonitoringExecutionSummary": runs[-1] if runs else None}


@operation("ListMonitoringSchedules")
def list_schedules(request: Record) -> Record:
    rows = [
        {**row, "MonitoringJobDefinitionName": row["MonitoringScheduleConfig"].get("MonitoringJobDefinitionName")}
        for row in STORE.all(KIND)
    ]
    for member, wanted in (
        ("EndpointName", "EndpointName"),
        ("MonitoringJobDefinitionName", "MonitoringJobDefinitionName"),
        ("MonitoringType", "MonitoringTypeEquals"),
    ):
        if wanted in request:
            rows = [row for row in rows if row.get(member) == request[wanted]]
    return listing.answer(
        "ListMonitoringSchedules", request, rows, name="MonitoringScheduleName", status="MonitoringScheduleStatus"
    )


@operation("StopMonitoringSchedule")
def stop_schedule(request: Record) -> Record:
    record = _settled(request["MonitoringScheduleName"])
    if record["MonitoringScheduleStatus"] != "Stopped":
        STORE.update(record, MonitoringScheduleStatus="Stopped", NextRun=None, LastModifiedTime=time.time())
    return {}


@operation("StartMonitoringSchedule")
def start_schedule(request: Record) -> Record:
    record = _settled(request["MonitoringScheduleName"])
    if record["MonitoringScheduleStatus"] != "Stopped":
        raise ValidationError(f"Monitoring Schedule is in status {record['MonitoringScheduleStatus']}, not Stopped.")
    STORE.update(record, LastModifiedTime=time.time())
    _begin(record)
    return {}


@operation("DeleteMonitoringSchedule")
def delete_schedule(request: Record) -> Record:
    name = request["MonitoringScheduleName"]
    record = _settled(name)
    if any(run["MonitoringExecutionStatus"] in executions.RUNNING for run in executions.of(name)):
        raise ValidationError(
            f"Monitoring Schedule {record['MonitoringScheduleArn']} cannot be deleted while it has an execution in "
            "progress; wait for it to end, or stop its processing job."
        )
    STORE.remove(KIND, name)
    return {}


def trigger(name: str, start: datetime | None = None, end: datetime | None = None) -> Record:
    """Run a schedule at once, whatever its status, and wait; returns the execution's record.

    Args:
        start, end: the window of captures; by default the last hour, the current minute included.

    Raises:
        ResourceNotFound: there is no such schedule.
        ValidationError: the window is empty.
    """
    now = datetime.now(timezone.utc)
    end = end or now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    start = start or end - timedelta(minutes=1) - _LAST_HOUR
    if start >= end:
        raise ValidationError(f"start ({start.isoformat()}) must be before end ({end.isoformat()}).")
    return executions.run(STORE.require(KIND, name), now, start, end)


@service.route("/_local[-_]cloud/monitoring-schedules/([^/]+)/run")
async def run_on_demand(
    match: re.Match[str], method: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
) -> service.Response:
    """POST with optional start and end (ISO 8601): answers the execution when it has ended."""
    try:
        if method != "POST":
            raise SageMakerError("Use POST.", status=405)
        window = {key: _time(query[key][0], key) for key in ("start", "end") if key in query}
        answer = await asyncio.to_thread(trigger, unquote(match[1]), **window)
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
    except SageMakerError as error:
        return error.status, {"Content-Type": "application/json"}, json.dumps({"message": str(error)}).encode()


def _time(text: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValidationError(f"{name} must be a time such as 2026-01-31T14:00:00Z, not {text!r}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _checked(config: Record) -> Record:
    """MonitoringType and EndpointName of a schedule's configuration, refused where it could never run."""
    kind = config.get("MonitoringType", "DataQuality")
    schedule = config.get("ScheduleConfig")
    if schedule is None:
        raise ValidationError("MonitoringScheduleConfig.ScheduleConfig must be given.")
    if schedule["ScheduleExpression"] == cron.NOW:
        for member in ("DataAnalysisStartTime", "DataAnalysisEndTime"):
            if member not in schedule:
                raise ValidationError(f"ScheduleConfig.{member} must be given with ScheduleExpression NOW.")
            cron.offset(schedule[member], f"ScheduleConfig.{member}")
    else:
        cron.parse(schedule["ScheduleExpression"])
    source = definitions.of_schedule(config, kind).source
    for member in ("StartTimeOffset", "EndTimeOffset"):
        if member in source:
            cron.offset(source[member], f"EndpointInput.{member}")
    return {"MonitoringType": kind, "EndpointName": source["EndpointName"]}


def _settled(name: str) -> Record:
    """The schedule's record; as on AWS, nothing can be done with one that is Pending."""
    record = STORE.require(KIND, name)
    if record.get("MonitoringScheduleStatus") == "Pending":
        raise ValidationError(
            f"Monitoring Schedule {record['MonitoringScheduleArn']} is Pending; wait until it is Scheduled."
        )
    return record


def _begin(record: Record) -> None:
    """Pending for a moment, then scheduled."""
    STORE.update(record, MonitoringScheduleStatus="Pending", NextRun=None)
    timer = threading.Timer(_PENDING_SECONDS, hooks.bound(_arm), args=(record,))
    timer.daemon = True
    timer.start()


def _arm(record: Record) -> None:
    """Scheduled from now on: the next due time is set; NOW is due at once."""
    if STORE.find(KIND, record["MonitoringScheduleName"]) is not record:
        return
    schedule = record["MonitoringScheduleConfig"]["ScheduleConfig"]
    now = datetime.now(timezone.utc)
    due = now if schedule["ScheduleExpression"] == cron.NOW else cron.parse(schedule["ScheduleExpression"]).after(now)
    STORE.update(record, MonitoringScheduleStatus="Scheduled", NextRun=due.timestamp())


def window(config: Record, source: Record, due: datetime) -> tuple[datetime, datetime]:
    """The window of captures that a run due at a time analyses."""
    schedule = config["ScheduleConfig"]
    if schedule["ScheduleExpression"] == cron.NOW:
        return (
            due + cron.offset(schedule["DataAnalysisStartTime"], "DataAnalysisStartTime"),
            due + cron.offset(schedule["DataAnalysisEndTime"], "DataAnalysisEndTime"),
        )
    start, end = cron.parse(schedule["ScheduleExpression"]).window(due)
    if "StartTimeOffset" in source:
        start = due + cron.offset(source["StartTimeOffset"], "StartTimeOffset")
    if "EndTimeOffset" in source:
        end = due + cron.offset(source["EndTimeOffset"], "EndTimeOffset")
    return start, end


def tick(now: float) -> None:
    """Start what is due at ``now`` (epoch seconds), in every account and region."""
    for (account, region, kind, name), record in STORE.everywhere():
        if kind != KIND or record["MonitoringScheduleStatus"] != "Scheduled" or not record.get("NextRun"):
            continue
        if record["NextRun"] <= now:
            try:
                hooks.scope(account, region, _start_due)(record, now)
            except Exception:
                log.exception("Monitoring schedule %s could not be run", name)


def _start_due(record: Record, now: float) -> None:
    due = datetime.fromtimestamp(record["NextRun"], timezone.utc)
    config = record["MonitoringScheduleConfig"]
    once = config["ScheduleConfig"]["ScheduleExpression"] == cron.NOW
    following = None
    if not once:
        moment = datetime.fromtimestamp(now, timezone.utc)
        following = cron.parse(config["ScheduleConfig"]["ScheduleExpression"]).after(moment).timestamp()
    STORE.update(record, NextRun=following)
    source = definitions.of_schedule(config, record["MonitoringType"]).source
    executions.start(record, due, *window(config, source, due))


@lifecycle.on_restore
def _put_right() -> None:
    """Runs that were due while the server was down are left out; executions it cut off have failed."""
    for (account, region, kind, _), record in STORE.everywhere():
        pending = kind == KIND and record["MonitoringScheduleStatus"] == "Pending"
        if pending or (kind == KIND and record["MonitoringScheduleStatus"] == "Scheduled" and record.get("NextRun")):
            hooks.scope(account, region, _arm)(record)
        if kind == executions.KIND and record["MonitoringExecutionStatus"] in executions.RUNNING:
            reason = "InternalServerError: the local cloud was stopped during the execution."
            record.update(MonitoringExecutionStatus="Failed", FailureReason=reason)


@lifecycle.on_ready
def _start_clock() -> None:
    def work() -> None:
        while True:
            time.sleep(_TICK)
            tick(time.time())

    threading.Thread(target=work, name="monitoring schedules", daemon=True).start()
