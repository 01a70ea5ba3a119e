"""Whole executions of the monitors' state machines against services that answer as AWS's do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fraud import event_types
from stacks.config import MonitoringConfig, PlatformConfig
from stacks.monitoring import monitors_of
from stacks.monitoring.definition import build_definition
from stacks.monitoring.outcome import build_outcome_definition
from stacks.monitoring.plan import has_facets
from stacks.monitoring.settings import MachineSettings
from stacks.names import Names
from stacks.network.placement import Placement
from tests.infra.interpreter import Execution, StatesError, run

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraudstack-dev/7"
CONFIG = PlatformConfig(environment="dev", monitoring=MonitoringConfig(engine="processing"))
SETTINGS = MachineSettings(
    placement=Placement(),
    prefix="fraudstack-dev",
    monitors=monitors_of(CONFIG, Names(CONFIG)),
    monitoring=CONFIG.monitoring,
    image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    code_uri="s3://assets/c0de.tar.gz",
    wheels_uri="s3://assets/4ee1.tar",
    artifacts_bucket="artifacts",
    captures_bucket="captures",
    reports_bucket="reports",
    data_key="arn:aws:kms:us-east-1:123456789012:key/data",
    role="arn:aws:iam::123456789012:role/monitoring",
    endpoint="fraudstack-dev",
    variant="primary",
    monitoring_stack="fraudstack-dev-monitoring",
    namespace="fraudstack",
    tags=(("project", "fraudstack"),),
)
LINE = {"MetricName": "feature_baseline_drift_a", "Timestamp": "2026-11-18T14:00:00Z", "Dimensions": [], "Value": 0.5}
VIOLATIONS = [{"constraint_check_type": kind} for kind in ("baseline_drift_check", "data_type_check")]


class Cloud:
    """What a run finds in S3, and what it puts into CloudWatch."""

    def __init__(self, *, package: str = PACKAGE, metrics: int = 2) -> None:
        self.package = package
        self.there = ["data-capture/", "ground-truth/", "model-packages/", "monitoring-history/"]
        self.files: dict[str, str] = {
            "run.json": json.dumps({"status": "CompletedWithViolations", "message": "2 violations"}),
            "cloudwatch_metrics.jsonl": "".join(json.dumps(LINE) + "\n" for _ in range(metrics)),
            "constraint_violations.json": json.dumps({"violations": VIOLATIONS}),
        }
        self.handlers = {
            "aws-sdk:cloudformation:describeStacks": self.describe_stack,
            "aws-sdk:sagemaker:describeModelPackage": lambda arguments: {
                "InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://artifacts/runs/r/model.tar.gz"}]}
            },
            "aws-sdk:s3:listObjectsV2": self.list_objects,
            "aws-sdk:s3:getObject": self.get_object,
            "aws-sdk:s3:copyObject": lambda arguments: {},
            "aws-sdk:cloudwatch:putMetricData": lambda arguments: {},
            "sagemaker:createProcessingJob.sync": lambda arguments: {"ProcessingJobStatus": "Completed"},
        }

    def describe_stack(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"Stacks": [{"Parameters": [{"ParameterKey": "ModelPackageArn", "ParameterValue": self.package}]}]}

    def list_objects(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"KeyCount": int(any(arguments["Prefix"].startswith(root) for root in self.there))}

    def get_object(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name = arguments["Key"].rsplit("/", 1)[1]
        if name not in self.files:
            raise StatesError("S3.NoSuchKeyException", "The specified key does not exist.")
        return {"Body": self.files[name]}

    def run(self, monitor: str = "data-quality", **given: str) -> Execution:
        given = given or {"time": "2026-11-25T14:00:00Z"}
        return run(build_definition(SETTINGS), self.handlers, {"monitor": monitor, **given})

    def counted(self, execution: Execution) -> dict[str, float]:
        data = [arguments for name, arguments in execution.calls if arguments.get("Namespace") == "fraudstack"]
        return {item["MetricName"]: item["Value"] for arguments in data for item in arguments["MetricData"]}


def inputs(execution: Execution) -> dict[str, str]:
    job = execution.call("sagemaker:createProcessingJob.sync")
    return {
        item["S3Input"]["LocalPath"].removeprefix("/opt/ml/processing/input/"): item["S3Input"]["S3Uri"]
        for item in job["ProcessingInputs"]
    }


def test_an_hour_is_analysed_reported_published_and_kept() -> None:
    cloud = Cloud(metrics=151)
    execution = cloud.run()
    assert execution.error is None, execution.cause
    job = execution.call("sagemaker:createProcessingJob.sync")
    given = inputs(execution)
    assert given["captures/2026/11/25/13"] == "s3://captures/data-capture/fraudstack-dev/primary/2026/11/25/13/"
    assert given["baseline"] == "s3://artifacts/model-packages/fraudstack-dev/7/data-quality/"
    assert given["history"] == "s3://reports/monitoring-history/fraudstack-dev/fraudstack-dev-data-quality/2026/11/"
    environment = job["Environment"]
    assert (environment["start_time"], environment["end_time"]) == ("2026-11-25T13:00:00Z", "2026-11-25T14:00:00Z")
    assert environment["analysis_type"] == "DATA_QUALITY"
    (output,) = job["ProcessingOutputConfig"]["Outputs"]
    report = "s3://reports/monitoring/fraudstack-dev/fraudstack-dev-data-quality/2026/11/25/14"
    assert output["S3Output"]["S3Uri"] == execution.output["reportUri"] == report
    assert environment["output_path"] == output["S3Output"]["LocalPath"]
    puts = [arguments for name, arguments in execution.calls if name.endswith(":putMetricData")]
    drift = [put for put in puts if put["Namespace"] == "aws/sagemaker/Endpoints/data-metrics"]
    assert [len(put["MetricData"]) for put in drift] == [150, 1]
    # Alarms look at now.
    assert all(item["Timestamp"] > LINE["Timestamp"] for put in drift for item in put["MetricData"])
    assert cloud.counted(execution) == {
        "MonitoringRuns": 1,
        "MonitoringRunsWithoutData": 0,
        "MonitoringViolations": 2,
        "DriftedFeatures": 1,
        "MonitoringFailures": 0,
    }
    assert execution.output["status"] == "CompletedWithViolations"


@pytest.mark.parametrize(
    ("monitor", "environment", "folders"),
    [
        ("model-quality", {"problem_type": "BinaryClassification"}, {"captures", "ground-truth"}),
        ("model-bias", {}, {"captures", "ground-truth"}),
        ("model-explainability", {"model_source": "/opt/ml/processing/input/model"}, {"captures", "model"}),
    ],
)
def test_each_monitor_gets_what_it_needs(monitor: str, environment: dict[str, str], folders: set[str]) -> None:
    execution = Cloud().run(monitor)
    job = execution.call("sagemaker:createProcessingJob.sync")
    given = inputs(execution)
    assert {name.split("/")[0] for name in given} == {"code", "wheels", "baseline", "history", *folders}
    # SageMaker takes ten inputs.
    assert len(given) <= 10
    assert environment.items() <= job["Environment"].items()
    if "ground-truth" in folders:
        # The labels of card transactions are known after seven days.
        assert job["Environment"]["start_time"] == "2026-11-17T14:00:00Z"
        assert [name for name in given if name.startswith("captures")] == ["captures/2026/11/17", "captures/2026/11/18"]
    if monitor != "model-quality":
        assert job["Environment"]["analysis_config"] == "/opt/ml/processing/input/baseline/analysis_config.json"


@pytest.mark.parametrize(
    ("start", "end", "folders"),
    [
        ("2026-11-25T13:10:00Z", "2026-11-25T14:20:00Z", ["2026/11/25/13", "2026/11/25/14"]),
        ("2026-11-25T23:59:59Z", "2026-11-26T00:00:01Z", ["2026/11/25/23", "2026/11/26/00"]),
        ("2026-11-25T00:00:00Z", "2026-11-25T04:00:00Z", ["2026/11/25"]),
        ("2026-11-01T00:00:00Z", "2026-12-02T00:00:00Z", ["2026/11", "2026/12"]),
        ("2026-11-25T13:00:00+02:00", "2026-11-25T14:00:00+02:00", ["2026/11/25/11"]),
    ],
)
def test_a_window_is_given_as_few_folders(start: str, end: str, folders: list[str]) -> None:
    given = inputs(Cloud().run(start=start, end=end))
    assert [name.removeprefix("captures/") for name in given if name.startswith("captures/")] == folders


@pytest.mark.parametrize(
    ("missing", "monitor", "reason"),
    [
        ("data-capture/", "data-quality", "Nothing was captured from 2026-11-25T13:00:00Z to 2026-11-25T14:00:00Z."),
        ("ground-truth/", "model-quality", "No label is known of events from 2026-11-17T14:00:00Z"),
    ],
)
def test_an_empty_window_is_a_status(missing: str, monitor: str, reason: str) -> None:
    cloud = Cloud()
    cloud.there.remove(missing)
    execution = cloud.run(monitor)
    assert execution.error is None
    assert execution.output["status"] == "NoData" and execution.output["reason"].startswith(reason)
    assert not [name for name, _ in execution.calls if name.startswith("sagemaker:")]
    assert cloud.counted(execution)["MonitoringRunsWithoutData"] == 1


def test_before_the_first_model_there_is_nothing_to_do() -> None:
    execution = Cloud(package="").run()
    assert (execution.output["status"], execution.output["reason"]) == ("NoData", "No model is deployed yet.")


def test_a_window_whose_records_are_all_outside_it_has_no_metrics() -> None:
    cloud = Cloud()
    cloud.files = {"run.json": json.dumps({"status": "NoData", "message": "nothing"})}
    execution = cloud.run()
    assert execution.error is None and execution.output["status"] == "NoData"
    assert cloud.counted(execution)["MonitoringViolations"] == 0


def test_a_model_without_this_baseline_fails_with_the_remedy_and_is_counted() -> None:
    cloud = Cloud()
    cloud.there.remove("model-packages/")
    execution = cloud.run("model-bias")
    assert execution.error == "NoBaseline"
    assert "model-packages/fraudstack-dev/7/model-bias/" in execution.cause and "retrain" in execution.cause
    assert cloud.counted(execution) == {"MonitoringRuns": 1, "MonitoringFailures": 1}


@pytest.mark.parametrize("resource", sorted(Cloud().handlers))
def test_failure_of_any_call_fails_the_run_with_its_step_or_is_not_its_outcome(resource: str) -> None:
    cloud = Cloud()

    def broken(arguments: dict[str, Any]) -> Any:
        raise StatesError("Service.Broken", "a broken service")

    cloud.handlers[resource] = broken
    execution = cloud.run()
    assert execution.error == "Service.Broken"
    assert execution.cause.startswith("Step ") and execution.cause.endswith("a broken service")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"monitor": "sorcery"},
        {"monitor": 7},
        {"monitor": "data-quality", "time": "yesterday"},
        {"monitor": "data-quality", "start": "2026-11-25T14:00:00Z", "end": "2026-11-25T13:00:00Z"},
        {"monitor": "data-quality", "start": "2026-01-01T00:00:00Z", "end": "2026-11-25T13:00:00Z"},
    ],
)
def test_wrong_input_is_refused_with_what_is_right(given: dict[str, Any]) -> None:
    execution = run(build_definition(SETTINGS), Cloud().handlers, given)
    assert execution.error == "InvalidInput" and execution.cause.startswith("Step read the input failed: ")
    assert not [name for name, _ in execution.calls if name.startswith("sagemaker:")]


def event(**detail: Any) -> dict[str, Any]:
    report = "s3://reports/monitoring/fraudstack-dev/fraudstack-dev-data-quality/2026/11/25/14"
    return {
        "detail": {
            "ProcessingJobName": "model-monitoring-202611251400-0123456789abcdef",
            "ProcessingJobStatus": "Completed",
            "MonitoringScheduleArn": "arn:aws:sagemaker:us-east-1:1:monitoring-schedule/fraudstack-dev-data-quality",
            "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": report}}]},
            **detail,
        }
    }


def test_what_sagemakers_schedule_found_is_counted() -> None:
    cloud = Cloud()
    execution = run(build_outcome_definition(SETTINGS), cloud.handlers, event())
    assert execution.error is None, execution.cause
    assert cloud.counted(execution)["MonitoringViolations"] == 2
    assert cloud.counted(execution)["DriftedFeatures"] == 1
    failed = run(
        build_outcome_definition(SETTINGS), cloud.handlers, event(ProcessingJobStatus="Failed", FailureReason="no data")
    )
    assert failed.error == "MonitoringJobFailed" and failed.cause.endswith("is Failed: no data")
    merged = run(
        build_outcome_definition(SETTINGS), cloud.handlers, event(ProcessingJobName="groundtruth-merge-2026-0123")
    )
    assert merged.error is None and merged.calls == []


def test_requests_satisfy_the_service_models() -> None:
    from botocore.session import get_session
    from botocore.validate import validate_parameters

    models: dict[str, Any] = {}
    for monitor in ("data-quality", "model-quality", "model-bias", "model-explainability"):
        execution = Cloud().run(monitor)
        for resource, arguments in execution.calls:
            *_, service, action = resource.removesuffix(".sync").split(":")
            model = models.setdefault(service, get_session().get_service_model(service))
            validate_parameters(arguments, model.operation_model(action[0].upper() + action[1:]).input_shape)


def test_bias_needs_something_to_part_events_by() -> None:
    monitoring = MonitoringConfig()
    assert has_facets(monitoring, event_types.load("card-transactions"))
    assert not has_facets(monitoring, event_types.load("ulb"))
    named = MonitoringConfig(bias={"facets": [{"name": "Amount", "values": [100]}]})
    assert has_facets(named, event_types.load("ulb"))
