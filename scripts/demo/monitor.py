"""The platform's monitors, run at once over a window of the demo's traffic, whichever engine is configured."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from scripts.demo.cloud import StepFailed

TIMEOUT_SECONDS = 300
NO_DATA = "Job inputs had no data"
FILES = ("constraint_violations", "statistics")
# The local cloud tells services apart by the credential scope, as AWS does by host name.


@dataclass(frozen=True)
class Verdict:
    """What one execution of the schedule found; ``violations`` is the file Model Monitor writes, ``folder`` its URI."""

    status: str
    exit_message: str = ""
    violations: list[dict[str, Any]] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)
    folder: str = ""

    @property
    def drifted_features(self) -> list[str]:
        return [v["feature_name"] for v in self.violations if v["constraint_check_type"] == "baseline_drift_check"]

    @property
    def worst(self) -> str:
        """What the first violations are about, in a few words."""
        names = ("feature_name", "metric_name", "facet", "label")
        found = [
            next((str(v[name]) for name in names if v.get(name)), v["constraint_check_type"]) for v in self.violations
        ]
        return ", ".join(dict.fromkeys(found))


def run_monitor(
    session: boto3.Session, endpoint_url: str, stack: dict[str, str], name: str, start: datetime, end: datetime
) -> Verdict:
    """Run a monitor at once over the captures of [start, end); ``stack`` has the monitoring stack's outputs.

    Args:
        name: of its schedule, which ends in the kind: ``<prefix>-data-quality``.
    """
    if stack["MonitoringEngine"] == "processing":
        kind = next(kind for kind in stack["Monitors"].split(",") if name.endswith(f"-{kind}"))
        return _run_machine(session, stack["MonitoringMachineArn"], kind, start, end)
    return run_schedule(session, endpoint_url, name, start, end)


def _run_machine(session: boto3.Session, machine: str, kind: str, start: datetime, end: datetime) -> Verdict:
    """The engine ``processing``: an execution of the monitors' state machine."""
    steps = session.client("stepfunctions")
    window = {key: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for key, moment in (("start", start), ("end", end))}
    started = steps.start_execution(stateMachineArn=machine, input=json.dumps({"monitor": kind, **window}))
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (execution := steps.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            raise StepFailed(f"the monitor {kind} did not end within {TIMEOUT_SECONDS} s")
        time.sleep(0.5)
    if execution["status"] != "SUCCEEDED":
        raise StepFailed(f"the monitor {kind} failed: {execution.get('cause', 'no cause given')}")
    output = json.loads(execution["output"])
    if output["status"] == "NoData":
        return Verdict(output["status"], output["reason"])
    report = {file: _read(session, f"{output['reportUri']}/{file}.json") or {} for file in FILES}
    violations = report["constraint_violations"].get("violations", [])
    return Verdict(output["status"], output["reason"], violations, report["statistics"], output["reportUri"])


def run_schedule(session: boto3.Session, endpoint_url: str, schedule: str, start: datetime, end: datetime) -> Verdict:
    """Run the schedule at once over the captures of [start, end) and read its report from S3."""
    window = urllib.parse.urlencode({"start": start.isoformat(), "end": end.isoformat()})
    url = f"{endpoint_url}/_local_cloud/monitoring-schedules/{schedule}/run?{window}"
    signed = AWSRequest("POST", url)
    SigV4Auth(session.get_credentials().get_frozen_credentials(), "sagemaker", session.region_name).add_auth(signed)
    request = urllib.request.Request(url, method="POST", headers=dict(signed.headers))
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            execution = json.load(answer)
    except urllib.error.HTTPError as error:
        raise StepFailed(f"the schedule {schedule} could not be run: {error.read().decode()}") from None
    if execution.get("FailureReason") == NO_DATA:
        return Verdict("NoData", NO_DATA)
    if execution["MonitoringExecutionStatus"] == "Failed":
        raise StepFailed(f"the monitoring job failed: {execution.get('FailureReason', 'no reason given')}")
    return _verdict(session, execution)


def _verdict(session: boto3.Session, execution: dict[str, Any]) -> Verdict:
    name = execution["ProcessingJobArn"].rpartition("/")[2]
    job = session.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    folder = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].rstrip("/")
    report = {file: _read(session, f"{folder}/{file}.json") or {} for file in FILES}
    return Verdict(
        status=execution["MonitoringExecutionStatus"],
        exit_message=job.get("ExitMessage", ""),
        violations=report["constraint_violations"].get("violations", []),
        statistics=report["statistics"],
        folder=folder,
    )


def _read(session: boto3.Session, uri: str) -> dict[str, Any] | None:
    s3 = session.client("s3")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
    except s3.exceptions.NoSuchKey:
        return None
