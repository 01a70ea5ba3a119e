"""Whole executions of the retraining definition against services that answer as AWS's do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.retraining_services import CHAMPION, INPUT, PACKAGE, TRAINING, Cloud, rejected
from tests.infra.service_models import assert_requests_are_valid


def test_first_run_promotes_and_tells() -> None:
    cloud = Cloud()
    execution = cloud.run()
    assert execution.error is None, execution.cause
    assert execution.output["status"] == "Promoted"
    assert execution.output["modelPackageArn"] == PACKAGE
    assert execution.output["evaluation"]["candidate"]["metrics"]["auc"] == 0.95
    assert "thresholds" not in execution.output["evaluation"]
    assert set(cloud.deployed.values()) == {PACKAGE}
    assert "Describe champion" not in execution.path
    (message,) = cloud.messages
    assert PACKAGE in message["Message"] and len(message["Subject"]) <= 100


def test_jobs_are_named_and_placed_after_the_run() -> None:
    execution = Cloud().run()
    jobs = [arguments for name, arguments in execution.calls if name == "sagemaker:createProcessingJob.sync"]
    assert [job["ProcessingJobName"] for job in jobs] == [
        "fraudstack-dev-r0123abcd-1-prepare",
        "fraudstack-dev-r0123abcd-1-evaluate",
    ]
    tuning = execution.call("sagemaker:createHyperParameterTuningJob.sync")
    assert tuning["HyperParameterTuningJobName"] == "fraudstack-dev-r0123abcd-1"
    assert len(tuning["HyperParameterTuningJobName"]) <= 32
    sources = {i["InputName"]: i["S3Input"]["S3Uri"] for i in jobs[0]["ProcessingInputs"]}
    assert sources["transactions"] == "s3://transactions/datasets/abc/"
    assert sources["event-type"] == INPUT["eventType"]
    for output in jobs[0]["ProcessingOutputConfig"]["Outputs"]:
        assert output["S3Output"]["S3Uri"] == f"s3://artifacts/runs/r0123abcd-1/prepare/{output['OutputName']}"


def test_requests_satisfy_the_service_models() -> None:
    """Every request that the run makes is one that botocore would send."""
    execution = Cloud(champion=CHAMPION).run()
    assert execution.error is None, execution.cause
    assert_requests_are_valid(execution)


def test_tuning_request() -> None:
    execution = Cloud().run({**INPUT, "algorithm": "random-forest", "maxTrials": 3, "parallelTrials": 1})
    request = execution.call("sagemaker:createHyperParameterTuningJob.sync")
    job, config = request["TrainingJobDefinition"], request["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 1}
    assert config["RandomSeed"] == TRAINING.random_seed
    assert job["StaticHyperParameters"] == {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": '"/opt/ml/input/data/code/c0de.tar.gz"',
        "algorithm": "random-forest",
        "subsample": "0.25",
    }
    names = [entry["Name"] for entry in config["ParameterRanges"]["IntegerParameterRanges"]]
    assert names == ["num_round", "max_depth"]
    assert job["AlgorithmSpecification"]["TrainingImage"].endswith("/trials:1")
    assert job["EnableNetworkIsolation"] and job["EnableInterContainerTrafficEncryption"]
    assert job["OutputDataConfig"]["S3OutputPath"] == "s3://artifacts/runs/r0123abcd-1/models"


def test_parallel_trials_never_exceed_the_trials_asked_for() -> None:
    execution = Cloud().run({**INPUT, "maxTrials": 1})
    config = execution.call("sagemaker:createHyperParameterTuningJob.sync")["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}


def test_champion_is_evaluated_beside_the_candidate() -> None:
    execution = Cloud(champion=CHAMPION).run()
    assert execution.error is None, execution.cause
    evaluate = [a for n, a in execution.calls if n == "sagemaker:createProcessingJob.sync"][1]
    sources = {i["InputName"]: i["S3Input"]["S3Uri"] for i in evaluate["ProcessingInputs"]}
    assert sources["champion"] == "s3://artifacts/old/model.tar.gz"
    assert sources["candidate"].endswith("/models/fraudstack-dev-r0-003-ab/output/model.tar.gz")
    assert list(sources) == ["code", "wheels", "candidate", "test", "validation", "schema", "champion"]


def test_registration_keeps_the_lineage_and_the_baseline() -> None:
    execution = Cloud(champion=CHAMPION).run({**INPUT, "dataset": "s3://transactions/datasets/" + "x" * 400})
    request = execution.call("aws-sdk:sagemaker:createModelPackage")
    lineage = request["CustomerMetadataProperties"]
    assert lineage["run"] == "r0123abcd-1" and lineage["champion"] == CHAMPION
    assert lineage["trainingJob"] == "fraudstack-dev-r0-003-ab" and lineage["algorithm"] == "xgboost"
    assert lineage["metric.average_precision"] == "0.71" and lineage["hyperparameter.eta"] == "0.1"
    assert "metric.brier" not in lineage
    # By which its answers, and so every decision, name it.
    assert lineage["modelVersion"] == "3f1c2a9b7d10"
    assert all(isinstance(value, str) and len(value) <= 256 for value in lineage.values())
    assert request["ModelApprovalStatus"] == "Approved" and request["ClientToken"] == "r0123abcd-1"
    copies = [arguments for name, arguments in execution.calls if name == "aws-sdk:s3:copyObject"]
    assert [(c["CopySource"], c["Key"]) for c in copies] == [
        (f"artifacts/runs/r0123abcd-1/baseline/{name}", f"model-packages/fraudstack-dev/7/{name}")
        for name in Cloud().baselines
    ]


def test_a_package_names_the_baselines_that_there_are() -> None:
    request = Cloud().run().call("aws-sdk:sagemaker:createModelPackage")
    metrics, checks = request["ModelMetrics"], request["DriftCheckBaselines"]
    assert set(metrics) == set(checks) == {"ModelDataQuality", "Explainability"}
    root = "s3://artifacts/runs/r0123abcd-1/baseline"
    assert metrics["ModelDataQuality"]["Statistics"] == {
        "ContentType": "application/json",
        "S3Uri": f"{root}/data-quality/statistics.json",
    }
    assert metrics["Explainability"]["Report"]["S3Uri"] == f"{root}/model-explainability/analysis.json"
    assert checks["Explainability"]["ConfigFile"]["S3Uri"] == f"{root}/model-explainability/analysis_config.json"

    cloud = Cloud()
    cloud.baselines = [
        *(f"model-quality/{name}.json" for name in ("statistics", "constraints")),
        *(f"model-bias/{name}.json" for name in ("analysis", "analysis_config", "constraints")),
    ]
    request = cloud.run().call("aws-sdk:sagemaker:createModelPackage")
    assert set(request["DriftCheckBaselines"]["Bias"]) == {"ConfigFile", "PostTrainingConstraints"}
    assert set(request["DriftCheckBaselines"]["ModelQuality"]) == {"Statistics", "Constraints"}


def test_clarify_is_told_the_model_of_the_registered_version() -> None:
    put = Cloud().run().call("aws-sdk:s3:putObject")
    assert put["Key"] == "model-packages/fraudstack-dev/7/model-explainability/analysis_config.json"
    assert put["Body"]["headers"] == ["a"]
    assert put["Body"]["predictor"]["model_name"] == "fraudstackdev-explained-v7"
    cloud = Cloud()
    cloud.baselines = ["data-quality/statistics.json"]
    assert not [name for name, _ in cloud.run().calls if name == "aws-sdk:s3:putObject"]


def test_gate_that_says_no_ends_readably_and_changes_nothing() -> None:
    cloud = Cloud(champion=CHAMPION, evaluation=rejected())
    execution = cloud.run()
    assert execution.error == "GateRejected"
    assert execution.cause == "Step gate failed: It is below the floor. It is below the champion."
    assert set(cloud.deployed.values()) == {CHAMPION}
    assert "It is below the floor." in cloud.messages[0]["Message"]


def test_failed_job_ends_with_its_reason() -> None:
    cloud = Cloud()
    description = {"ProcessingJobStatus": "Failed", "FailureReason": "column AMOUNT is missing", "Big": {"a": 1}}
    cloud.fails("sagemaker:createProcessingJob.sync", "States.TaskFailed", json.dumps(description))
    execution = cloud.run()
    assert execution.error == "States.TaskFailed"
    assert execution.cause == "Step prepare failed: column AMOUNT is missing"
    assert "column AMOUNT is missing" in cloud.messages[0]["Message"]


def test_failed_tuning_ends_with_the_reason_of_a_trial() -> None:
    cloud = Cloud()
    cause = json.dumps({"FailureReason": "All training jobs failed."})
    cloud.fails("sagemaker:createHyperParameterTuningJob.sync", "States.TaskFailed", cause)
    execution = cloud.run()
    assert execution.cause == ("Step tune failed: All training jobs failed. (trial t-1 failed: label has one class)")


def test_failed_tuning_keeps_its_cause_if_trials_cannot_be_listed() -> None:
    cloud = Cloud()
    cloud.fails("sagemaker:createHyperParameterTuningJob.sync", "SageMaker.ResourceLimitExceeded", "quota")
    cloud.fails("aws-sdk:sagemaker:listTrainingJobsForHyperParameterTuningJob", "SageMaker.NotFound", "no job")
    execution = cloud.run()
    assert (execution.error, execution.cause) == ("SageMaker.ResourceLimitExceeded", "Step tune failed: quota")


def test_tuning_without_a_candidate_fails() -> None:
    cloud = Cloud()
    cloud.handlers["sagemaker:createHyperParameterTuningJob.sync"] = lambda arguments: {"BestTrainingJob": {}}
    cloud.handlers["aws-sdk:sagemaker:listTrainingJobsForHyperParameterTuningJob"] = lambda arguments: {
        "TrainingJobSummaries": []
    }
    execution = cloud.run()
    assert execution.error == "NoCandidate" and "no trial reported" in execution.cause


def test_failure_is_kept_when_the_message_cannot_be_sent() -> None:
    cloud = Cloud(evaluation=rejected())
    cloud.fails("sns:publish", "Sns.AuthorizationErrorException", "not allowed")
    assert cloud.run().error == "GateRejected"
    cloud = Cloud()
    cloud.fails("sns:publish", "Sns.AuthorizationErrorException", "not allowed")
    assert cloud.run().output["status"] == "Promoted"


@pytest.mark.parametrize("resource", sorted(set(Cloud().handlers) - {"sns:publish"}))
def test_failure_of_any_call_is_told_with_its_step(resource: str) -> None:
    cloud = Cloud(champion=CHAMPION)
    cloud.challenger = {"ChallengerModelPackageArn": PACKAGE}
    if resource.endswith("describeStackEvents"):
        cloud.after_update["fraudstack-dev-serving"] = ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
    if resource.endswith("listTrainingJobsForHyperParameterTuningJob"):
        cloud.fails("sagemaker:createHyperParameterTuningJob.sync", "Boom", "first")
    cloud.fails(resource, "Service.Broken", "a broken service")
    execution = cloud.run()
    assert execution.error and execution.cause.startswith("Step ")
    (message,) = cloud.messages
    assert message["Message"].startswith(execution.cause)


@pytest.mark.parametrize(
    ("name", "run_id"),
    [("r0123abcd-12", "r0123abcd-12"), ("by-hand", None), ("R0123ABCD-1", None), ("r0123abcd-123", None)],
)
def test_run_id_is_the_execution_name_or_made_of_it(name: str, run_id: str | None) -> None:
    job = Cloud().run(name=name).call("sagemaker:createHyperParameterTuningJob.sync")["HyperParameterTuningJobName"]
    assert len(job) <= 32
    assert job == f"fraudstack-dev-{run_id}" if run_id else job.endswith("-1")


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": None},
        {"dataset": 5},
        {"dataset": "/local/path"},
        {"eventType": "s3://bucket-only"},
        {"algorithm": 1},
        {"maxTrials": 0},
        {"maxTrials": 1.5},
        {"maxTrials": "6"},
        {"maxTrials": 2, "parallelTrials": 3},
    ],
)
def test_bad_input_is_refused_before_any_job(change: dict[str, Any]) -> None:
    given = {key: value for key, value in {**INPUT, **change}.items() if value is not None}
    execution = Cloud().run(given)
    assert execution.error == "InvalidInput"
    assert "The input must have dataset" in execution.cause
    assert [name for name, _ in execution.calls] == ["sns:publish"]


@pytest.mark.parametrize("given", [{}, [], "text", {"algorithm": "xgboost"}])
def test_input_of_another_shape_is_refused(given: Any) -> None:
    assert Cloud().run(given).error == "InvalidInput"


def test_unknown_algorithm_names_the_known_ones() -> None:
    execution = Cloud().run({**INPUT, "algorithm": "oracle"})
    assert execution.error == "InvalidInput"
    assert "xgboost, random-forest, logistic-regression" in execution.cause and "oracle" in execution.cause
