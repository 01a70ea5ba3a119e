"""Hyperparameter tuning jobs: the API, and the record that sums the search up."""

import random
import time
from typing import Any

from local_cloud.sagemaker import events, listing
from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.errors import ResourceInUse, ValidationError
from local_cloud.sagemaker.jobs import runner
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE
from local_cloud.sagemaker.tuning import definitions
from local_cloud.sagemaker.tuning.proposer import Proposer
from local_cloud.sagemaker.tuning.search import Search, Trial

Record = dict[str, Any]
KIND = "HyperParameterTuningJob"
_SUMMARY = (
    "TrainingJobDefinitionName", "TrainingJobName", "TrainingJobArn", "TuningJobName", "CreationTime",
    "TrainingStartTime", "TrainingEndTime", "TrainingJobStatus", "TunedHyperParameters", "FailureReason",
    "FinalHyperParameterTuningJobObjectiveMetric", "ObjectiveStatus",
)  # fmt: skip


@operation("CreateHyperParameterTuningJob")
def create_tuning_job(request: Record) -> Record:
    name = request["HyperParameterTuningJobName"]
    found = definitions.read(request)
    parents = _parents(request, name)
    now = time.time()
    config = request["HyperParameterTuningJobConfig"]
    record = {
        **request,
        "HyperParameterTuningJobArn": arn("hyper-parameter-tuning-job", name),
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        "Strategy": config["Strategy"],
        "ResourceLimits": config["ResourceLimits"],
        **_counters([]),
    }
    proposers = [_proposer(config, definition, index) for index, definition in enumerate(found)]
    for proposer, definition in zip(proposers, found, strict=True):
        proposer.learn(_results(parents, definition))
    with STORE.lock:
        if STORE.find(KIND, name):
            raise ResourceInUse(f"Job name must be unique; {record['HyperParameterTuningJobArn']} exists.")
        STORE.put(KIND, name, record)
    announce(record)

    def body(run: runner.Run) -> None:
        search = Search(record, found, proposers, run, lambda search: _update(record, search))
        search.execute()
        if not run.abandoned:
            _finish(record, search)

    runner.launch(KIND, name, body, lambda reason: end(record, "Failed", FailureReason=reason))
    return record


@operation("DescribeHyperParameterTuningJob")
def describe_tuning_job(request: Record) -> Record:
    return STORE.require(KIND, request["HyperParameterTuningJobName"])


@operation("ListHyperParameterTuningJobs")
def list_tuning_jobs(request: Record) -> Record:
    return listing.answer(
        "ListHyperParameterTuningJobs",
        request,
        STORE.all(KIND),
        name="HyperParameterTuningJobName",
        status="HyperParameterTuningJobStatus",
        sort_by="Name",
    )


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs(request: Record) -> Record:
    record = STORE.require(KIND, request["HyperParameterTuningJobName"])
    rows = [
        {**job, "ObjectiveValue": job.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")}
        for job in STORE.all("TrainingJob")
        if job.get("TuningJobArn") == record["HyperParameterTuningJobArn"]
    ]
    if request.get("SortBy") == "FinalObjectiveMetricValue":
        rows = [row for row in rows if row["ObjectiveValue"] is not None]
    return listing.answer(
        "ListTrainingJobsForHyperParameterTuningJob",
        request,
        rows,
        name="TrainingJobName",
        status="TrainingJobStatus",
        sort_by="Name",
        order="Ascending",
        sort_members={"FinalObjectiveMetricValue": "ObjectiveValue"},
    )


@operation("StopHyperParameterTuningJob")
def stop_tuning_job(request: Record) -> Record:
    record = STORE.require(KIND, request["HyperParameterTuningJobName"])
    with STORE.lock:
        if record["HyperParameterTuningJobStatus"] == "Stopping":
            return {}
        if record["HyperParameterTuningJobStatus"] != "InProgress":
            raise ValidationError(
                "The request was rejected because the tuning job is in status "
                f"{record['HyperParameterTuningJobStatus']}."
            )
        STORE.update(record, HyperParameterTuningJobStatus="Stopping", LastModifiedTime=time.time())
    announce(record)
    if run := runner.find(KIND, request["HyperParameterTuningJobName"]):
        run.end(runner.STOPPED)
    return {}


@operation("DeleteHyperParameterTuningJob")
def delete_tuning_job(request: Record) -> Record:
    record = STORE.require(KIND, request["HyperParameterTuningJobName"])
    if record["HyperParameterTuningJobStatus"] in ("InProgress", "Stopping"):
        raise ValidationError("A running tuning job cannot be deleted; stop it first.")
    STORE.remove(KIND, request["HyperParameterTuningJobName"])
    return {}


def end(record: Record, status: str, **members: Any) -> None:
    """Give the tuning job its final status and say so."""
    record_end(record, status, **members)
    announce(record)


def record_end(record: Record, status: str, **members: Any) -> None:
    """``end`` without the event."""
    now = time.time()
    STORE.update(
        record,
        HyperParameterTuningJobStatus=status,
        HyperParameterTuningEndTime=now,
        LastModifiedTime=now,
        **members,
    )


def announce(record: Record) -> None:
    """Send the event of the tuning job's present status."""
    detail = {key: value for key, value in record.items() if key not in ("Tags", "Strategy", "ResourceLimits")}
    detail["Tags"] = {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}
    arns = [record["HyperParameterTuningJobArn"]]
    events.emit("SageMaker HyperParameter Tuning Job State Change", detail, arns)


def _proposer(config: Record, definition: definitions.Definition, index: int) -> Proposer:
    seed = config.get("RandomSeed")
    band = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    least = band.get("MinResource", 1)
    # Optuna's seeds end at 2**32 - 1; definitions must not search the same points.
    return Proposer(
        definition.parameters,
        config["Strategy"],
        maximize=definition.maximize,
        seed=(random.Random().getrandbits(32) if seed is None else seed + index) % 2**32,
        budget=config["ResourceLimits"].get("MaxNumberOfTrainingJobs", 1),
        resources=(least, band.get("MaxResource", least * 27)),
    )


def _parents(request: Record, name: str) -> list[Record]:
    warm = request.get("WarmStartConfig")
    if not warm:
        return []
    parents = []
    for parent in warm["ParentHyperParameterTuningJobs"]:
        record = STORE.find(KIND, parent.get("HyperParameterTuningJobName", ""))
        if record is None or record["HyperParameterTuningJobStatus"] in ("InProgress", "Stopping"):
            raise ValidationError(
                f"WarmStartConfig: the parent {parent.get('HyperParameterTuningJobName')} of {name} does not exist, or "
                "is not over yet."
            )
        parents.append(record)
    return parents


def _results(parents: list[Record], definition: definitions.Definition) -> list[tuple[dict[str, str], float]]:
    arns = {parent["HyperParameterTuningJobArn"] for parent in parents}
    return [
        (job["TunedHyperParameters"], job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
        for job in sorted(STORE.all("TrainingJob"), key=lambda job: job["TrainingJobName"])
        if job.get("TuningJobArn") in arns
        and job.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("MetricName") == definition.metric
    ]


def _update(record: Record, search: Search) -> None:
    members: Record = _counters(search.trials)
    best = search.best()
    if best and best.record:
        members["BestTrainingJob"] = {key: best.record[key] for key in _SUMMARY if best.record.get(key) is not None}
        if record.get("WarmStartConfig", {}).get("WarmStartType") == "IdenticalDataAndAlgorithm":
            members["OverallBestTrainingJob"] = members["BestTrainingJob"]
    STORE.update(record, LastModifiedTime=time.time(), **members)


def _counters(trials: list[Trial]) -> Record:
    statuses = [trial.record["TrainingJobStatus"] for trial in trials if trial.record]
    ended = [trial for trial in trials if trial.ended]
    succeeded = sum(trial.value is not None for trial in ended)
    return {
        "TrainingJobStatusCounters": {
            "Completed": statuses.count("Completed"),
            "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": statuses.count("Failed"),
            "Stopped": statuses.count("Stopped"),
        },
        "ObjectiveStatusCounters": {
            "Succeeded": succeeded,
            "Pending": len(trials) - len(ended),
            "Failed": len(ended) - succeeded,
        },
    }


def _finish(record: Record, search: Search) -> None:
    _update(record, search)
    if search.reason == "Stopped":
        end(record, "Stopped")
    elif search.best() is None:
        end(record, "Failed", FailureReason=_why(search))
    else:
        end(record, "Completed")


def _why(search: Search) -> str:
    records = [trial.record for trial in search.trials if trial.record]
    reasons = [record["FailureReason"] for record in records if "FailureReason" in record]
    first = f"The first failed with: {reasons[0]}" if reasons else "None of them printed the objective metric."
    return runner.text(f"No training job succeeded after {len(search.trials)} attempts. {first}")
