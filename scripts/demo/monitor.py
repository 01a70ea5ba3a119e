"""The platform's monitoring schedule, run at once over a window of the demo's traffic."""

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3

from scripts.demo.cloud import StepFailed

TIMEOUT_SECONDS = 300
FILES = ("constraint_violations", "statistics")
# The local cloud tells services apart by the credential scope, as AWS does by host name.
SCOPE = "AWS4-HMAC-SHA256 Credential=local/20000101/{}/sagemaker/aws4_request, SignedHeaders=, Signature="


@dataclass(frozen=True)
class Verdict:
    """What one execution of the schedule found; ``violations`` is the file Model Monitor writes."""

    status: str
    exit_message: str = ""
    violations: list[dict[str, Any]] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)

    @property
    def drifted_features(self) -> list[str]:
        return [v["feature_name"] for v in self.violations if v["constraint_check_type"] == "baseline_drift_check"]


def run_schedule(session: boto3.Session, endpoint_url: str, schedule: str, start: datetime, end: datetime) -> Verdict:
    """Run the schedule at once over the captures of [start, end) and read its report from S3."""
    window = urllib.parse.urlencode({"start": start.isoformat(), "end": end.isoformat()})
    url = f"{endpoint_url}/_local_cloud/monitoring-schedules/{schedule}/run?{window}"
    request = urllib.request.Request(url, method="POST", headers={"Authorization": SCOPE.format(session.region_name)})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            execution = json.load(answer)
    except urllib.error.HTTPError as error:
        raise StepFailed(f"the schedule {schedule} could not be run: {error.read().decode()}") from None
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
    )


def _read(session: boto3.Session, uri: str) -> dict[str, Any] | None:
    s3 = session.client("s3")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
    except s3.exceptions.NoSuchKey:
        return None
