"""The platform's monitoring schedule, run at once over a window of the demo's traffic."""

import json
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3

from scripts.demo.cloud import StepFailed

FINAL = {"Completed", "CompletedWithViolations", "Failed", "Stopped"}
TIMEOUT_SECONDS = 180


@dataclass(frozen=True)
class Verdict:
    """What one execution of the schedule found; ``violations`` is the file Model Monitor writes."""

    status: str
    violations: list[dict[str, Any]] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)
    constraints: dict[str, Any] = field(default_factory=dict)

    @property
    def drifted_features(self) -> list[str]:
        return [v["feature_name"] for v in self.violations if v["constraint_check_type"] == "baseline_drift_check"]


def run_schedule(session: boto3.Session, endpoint_url: str, schedule: str, start: datetime, end: datetime) -> Verdict:
    """Run the schedule over [start, end) and read its report from S3."""
    url = f"{endpoint_url}/_local_cloud/monitoring-schedules/{schedule}/run"
    query = f"?start={start.isoformat()}&end={end.isoformat()}".replace("+", "%2B")
    with urllib.request.urlopen(urllib.request.Request(url + query, method="POST"), timeout=30) as answer:
        job_name = json.load(answer)["ProcessingJobName"]
    sagemaker = session.client("sagemaker")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        job = sagemaker.describe_processing_job(ProcessingJobName=job_name)
        if job["ProcessingJobStatus"] in FINAL:
            return _verdict(session, job)
        time.sleep(0.3)
    raise StepFailed(f"the monitoring job {job_name} did not end within {TIMEOUT_SECONDS} s")


def _verdict(session: boto3.Session, job: dict[str, Any]) -> Verdict:
    if job["ProcessingJobStatus"] != "Completed":
        raise StepFailed(f"the monitoring job failed: {job.get('FailureReason') or job.get('ExitMessage')}")
    status = job.get("ExitMessage", "").partition(":")[0] or "Completed"
    folder = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].rstrip("/")
    read = {
        name: _read(session, f"{folder}/{name}.json") for name in ("constraint_violations", "statistics", "constraints")
    }
    return Verdict(
        status=status,
        violations=(read["constraint_violations"] or {}).get("violations", []),
        statistics=read["statistics"] or {},
        constraints=read["constraints"] or {},
    )


def _read(session: boto3.Session, uri: str) -> dict[str, Any] | None:
    s3 = session.client("s3")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
    except s3.exceptions.NoSuchKey:
        return None
