"""What a finished execution amounts to: its result, and where its logs are."""

import json

from botocore.exceptions import ClientError

from scripts.retraining.clients import Clients
from scripts.retraining.discovery import Platform
from scripts.retraining.errors import error_code
from scripts.retraining.follow import Snapshot
from scripts.retraining.options import RetrainResult

_LOG_GROUPS = {"prepare": "/aws/sagemaker/ProcessingJobs", "evaluate": "/aws/sagemaker/ProcessingJobs"}
_TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
_REJECTED = "GateRejected"


def outcome(clients: Clients, platform: Platform, snapshot: Snapshot, dataset_id: str) -> RetrainResult:
    """The result of a run as it stands in ``snapshot``."""
    execution = snapshot.execution
    output = _parse(execution.get("output"))
    status, cause = _status(execution, output), execution.get("cause")
    evaluation: dict = {}
    if snapshot.progress["evaluate"].ended:
        evaluation = read_evaluation(clients, platform, snapshot.run_id) or output.get("evaluation") or {}
    return RetrainResult(
        status=status,
        run_id=snapshot.run_id,
        execution_arn=execution["executionArn"],
        dataset_id=dataset_id,
        evaluation=evaluation,
        model_package_arn=output.get("modelPackageArn"),
        durations=snapshot.progress.durations(),
        trials=snapshot.trials,
        error=execution.get("error"),
        cause=cause or _default_cause(status, execution),
        logs=where_logs_are(clients, platform, snapshot) if status in ("Failed", "Stopped") else [],
    )


def _status(execution: dict, output: dict) -> str:
    if execution["status"] == "SUCCEEDED":
        return output.get("status", "Promoted")
    if execution["status"] == "RUNNING":
        return "Running"
    if execution.get("error") == _REJECTED:
        return "Rejected"
    return "Stopped" if execution["status"] == "ABORTED" else "Failed"


def _default_cause(status: str, execution: dict) -> str | None:
    if execution["status"] == "TIMED_OUT":
        return "the execution exceeded the state machine's time limit"
    return "the execution was stopped" if status == "Stopped" else None


def _parse(text: str | None) -> dict:
    try:
        value = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def read_json(clients: Clients, bucket: str, key: str) -> dict | None:
    """A JSON object in a bucket, None where there is none."""
    try:
        return json.loads(clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "404"):
            return None
        raise


def read_evaluation(clients: Clients, platform: Platform, run_id: str) -> dict | None:
    """The run's evaluation.json, None where it has not been written."""
    return read_json(clients, platform.artifacts_bucket, f"runs/{run_id}/evaluation/evaluation.json")


def where_logs_are(clients: Clients, platform: Platform, snapshot: Snapshot) -> list[str]:
    """Log groups and streams of the step that failed, as sentences; where a step has no logs, where to look."""
    step, job = snapshot.progress.current, f"{platform.prefix}-{snapshot.run_id}"
    if step is not None and step.id in _LOG_GROUPS:
        return _streams(clients, _LOG_GROUPS[step.id], f"{job}-{step.id}")
    if step is not None and step.id == "tune":
        failed = [trial["name"] for trial in snapshot.trials if trial["status"] == "Failed"]
        return [line for name in failed[:3] or [job] for line in _streams(clients, _TRAINING_LOGS, name)]
    if step is not None and step.id in ("serving", "monitoring"):
        stack = f"{platform.prefix}-{step.id}"
        lines = [f"CloudFormation events of {stack}: aws cloudformation describe-stack-events --stack-name {stack}"]
        if step.id == "serving":
            lines.append(f"container log: log group /aws/sagemaker/Endpoints/{platform.prefix}")
        return lines
    return [f"history: aws stepfunctions get-execution-history --execution-arn {snapshot.execution['executionArn']}"]


def _streams(clients: Clients, group: str, job: str) -> list[str]:
    try:
        found = clients.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job)["logStreams"]
    except ClientError:
        # Without permission to look, or before the first line: the prefix is enough to find it by.
        found = []
    if not found:
        return [f"log group {group}, streams beginning with {job}"]
    return [f"log group {group}, stream {stream['logStreamName']}" for stream in found[:3]]
