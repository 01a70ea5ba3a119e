"""The trials of a tuning job as plain dictionaries."""

from datetime import UTC, datetime

from botocore.exceptions import ClientError

from scripts.retraining.clients import Clients
from scripts.retraining.errors import error_code

FINISHED = ("Completed", "Failed", "Stopped")


def list_trials(clients: Clients, tuning_job: str) -> list[dict]:
    """The trials of ``tuning_job`` in the order they were created; [] while the job does not exist.

    Each: name, status, hyperparameters (str -> str), objective (float or None), metric, best (the best so far when it
    was created, by order), started (ISO 8601 or None), seconds (float or None), reason (of a failure, or None).
    """
    try:
        pages = clients.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=tuning_job, SortBy="CreationTime", SortOrder="Ascending"
        )
        summaries = [item for page in pages for item in page["TrainingJobSummaries"]]
    except ClientError as error:
        if error_code(error) in ("ResourceNotFound", "ValidationException"):
            return []
        raise
    return with_best([_trial(item) for item in summaries])


def with_best(trials: list[dict]) -> list[dict]:
    """The same trials, each with ``best``: the greatest objective up to and including it (the metric is maximised)."""
    best = None
    for trial in trials:
        if trial["objective"] is not None and (best is None or trial["objective"] > best):
            best = trial["objective"]
        trial["best"] = best
    return trials


def _trial(summary: dict) -> dict:
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    started, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    seconds = None
    if started:
        seconds = max(0.0, ((ended or datetime.now(UTC)) - started).total_seconds())
    return {
        "name": summary["TrainingJobName"],
        "status": summary["TrainingJobStatus"],
        "hyperparameters": dict(summary.get("TunedHyperParameters") or {}),
        "objective": float(metric["Value"]) if "Value" in metric else None,
        "metric": metric.get("MetricName"),
        "started": started.isoformat() if started else None,
        "seconds": seconds,
        "reason": summary.get("FailureReason"),
    }
