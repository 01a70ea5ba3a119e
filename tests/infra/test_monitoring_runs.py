"""Whole executions of the monitors' state machines against services that answer as AWS's do."""

from __future__ import annotations

import json
from pathlib import Path
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
from training_code.monitoring.pages import write_pages
from training_code.monitoring.results import METRICS_FILE

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
    challenged=True,
    tags=(("project", "fraudstack"),),
)
LINE = {"MetricName": "feature_baseline_drift_a", "Timestamp": "2026-11-18T14:00:00Z", "Dimensions": [], "Value": 0.5}
PAGE = json.dumps({"metrics": [LINE, LINE]})
DRIFT = {
    "constraint_check_type": "baseline_drift_check",
    "description": "Baseline drift distance: 0.25 exceeds threshold: 0.1",
}
VIOLATIONS = [{"constraint_check_type": kind} for kind in ("baseline_drift_check", "data_type_check")]


class Cloud:
    """What a run finds in S3, and what it puts into CloudWatch."""

    def __init__(self, *, package: str = PACKAGE, pages: tuple[str, ...] = (PAGE,)) -> None:
        self.package = package
        self.there = ["data-capture/", "ground-truth/", "model-packages/", "monitoring-history/"]
        self.files: dict[str, str] = {
            "run.json": json.dumps(
                {
                    "status": "CompletedWithViolations",
                    "message": "2 violations",
                    "metrics": {"recall": 0.75, "average_precision": 0.5, "f1": 0.6},
                    "metrics_pages": len(pages),
                }
            ),
            "constraint_violations.json": json.dumps({"violations": VIOLATIONS}, indent=1),
            **{f"{number}.json": page for number, page in enumerate(pages)},
        }
        self.executions: list[dict[str, str]] = []
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
        # What the other engine asks.
        self.watching = {
            **self.handlers,
            "aws-sdk:sagemaker:listMonitoringExecutions": lambda arguments: {
                "MonitoringExecutionSummaries": [
                    each
                    for each in self.executions
                    if each["MonitoringScheduleName"] == arguments["MonitoringScheduleName"]
                ]
            },
        }

    def describe_stack(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"Stacks": [{"Parameters": [{"ParameterKey": "ModelPackageArn", "ParameterValue": self.package}]}]}

    def list_objects(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"KeyCount": int(any(arguments["Prefix"].startswith(root) for root in self.there))}

    def get_object(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name = arguments["Key"].rsplit("/", 1)[1]
        if name not in self.files:
            raise StatesError("S3.NoSuchKeyException", "The specified key does not exist.")
        first, last = (int(at) for at in arguments.get("Range", "bytes=0-999999999")[6:].split("-"))
        result = {"Body": self.files[name][first : last + 1]}
        if len(json.dumps(result)) > 256 * 1024:
            raise StatesError("States.DataLimitExceeded", f"{name} is larger than a state may be")
        return result

    def run(self, monitor: str = "data-quality", **given: str) -> Execution:
        given = given or {"time": "2026-11-25T14:00:00Z"}
        return run(build_definition(SETTINGS), self.handlers, {"monitor": monitor, **given})

    def follow(self, given: dict[str, Any]) -> Execution:
        """An execution of the other engine's machine."""
        return run(build_outcome_definition(SETTINGS), self.watching, given)

    def counted(self, execution: Execution, schedule: str | None = None) -> dict[str, float]:
        data = [arguments for name, arguments in execution.calls if arguments.get("Namespace") == "fraudstack"]
        items = [item for arguments in data for item in arguments["MetricData"]]
        return {
            item["MetricName"]: item["Value"]
            for item in items
            if schedule in (None, item["Dimensions"][0]["Value"].removeprefix("fraudstack-dev-"))
        }


def inputs(execution: Execution) -> dict[str, str]:
    job = execution.call("sagemaker:createProcessingJob.sync")
    return {
        item["S3Input"]["LocalPath"].removeprefix("/opt/ml/processing/input/"): item["S3Input"]["S3Uri"]
        for item in job["ProcessingInputs"]
    }


def test_an_hour_is_analysed_reported_published_and_kept() -> None:
    cloud = Cloud(pages=(PAGE, json.dumps({"metrics": [LINE]})))
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
    assert [len(put["MetricData"]) for put in drift] == [2, 1]
    # Alarms look at now.
    assert all(item["Timestamp"] > LINE["Timestamp"] for put in drift for item in put["MetricData"])
    assert cloud.counted(execution) == {
        "MonitoringRuns": 1,
        "MonitoringRunsWithoutData": 0,
        "MonitoringViolations": 2,
        "DriftedFeatures": 1,
        "MonitoringFailures": 0,
        # Those that alarms have floors for.
        "average_precision": 0.5,
        "recall": 0.75,
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
        days = ["2026/11/17", "2026/11/18"]
        whose = ["captures", "captures/challenger"] if monitor == "model-quality" else ["captures"]
        wanted = [f"{folder}/{day}" for folder in whose for day in days]
        assert [name for name in given if name.startswith("captures")] == wanted
        for folder, variant in zip(whose, ("primary", "challenger"), strict=False):
            assert given[f"{folder}/{days[0]}"] == f"s3://captures/data-capture/fraudstack-dev/{variant}/{days[0]}/"
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


def test_the_analysers_score_drift_is_told_as_it_is() -> None:
    cloud = Cloud()
    cloud.files["run.json"] = json.dumps(
        {"status": "Completed", "message": "", "metrics": {"ScoreDrift": 0.03}, "metrics_pages": 0}
    )
    assert cloud.counted(cloud.run())["ScoreDrift"] == 0.03


def test_a_challengers_captures_leave_room_for_two_folders_of_each_kind() -> None:
    given = inputs(Cloud().run("model-quality", start="2026-11-23T00:00:00Z", end="2026-11-26T00:00:00Z"))
    windows = [name for name in given if name.startswith(("captures", "ground-truth"))]
    assert windows == ["captures/2026/11", "captures/challenger/2026/11", "ground-truth/2026/11"]
    refused = Cloud().run("model-quality", start="2026-09-01T00:00:00Z", end="2026-11-26T00:00:00Z")
    assert "the window spans more than 2 months" in refused.cause


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
    cloud.files = {"run.json": json.dumps({"status": "NoData", "message": "", "metrics": {}, "metrics_pages": 0})}
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


def test_reports_of_any_size_pass_through_states_of_256_kib(tmp_path: Path) -> None:
    line = {**LINE, "Dimensions": [{"Name": "Endpoint", "Value": "fraudstack-dev"}]}
    lines = [{**line, "MetricName": f"feature_baseline_drift_variable_{number:04}"} for number in range(3000)]
    (tmp_path / METRICS_FILE).write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert (tmp_path / METRICS_FILE).stat().st_size > 256 * 1024
    pages = write_pages(tmp_path)
    cloud = Cloud(pages=tuple((tmp_path / "metrics" / f"{number}.json").read_text() for number in range(pages)))
    description = "Baseline drift distance: 0.3 exceeds threshold: 0.1" + "." * 50
    many = [{"description": description, "constraint_check_type": "baseline_drift_check"} for _ in range(3000)]
    cloud.files["constraint_violations.json"] = json.dumps({"violations": many})
    execution = cloud.run()
    assert execution.error is None, execution.cause
    puts = [arguments for name, arguments in execution.calls if name.endswith(":putMetricData")]
    published = [put["MetricData"] for put in puts if put["Namespace"] != "fraudstack"]
    assert [item["MetricName"] for data in published for item in data] == [each["MetricName"] for each in lines]
    assert all(len(data) <= 1000 and len(json.dumps(data)) < 256 * 1024 for data in published)
    # What the first part of the file holds is more than any alarm asks for.
    assert 1000 < cloud.counted(execution)["DriftedFeatures"] < 3000


def event(kind: str = "data-quality", **detail: Any) -> dict[str, Any]:
    report = f"s3://reports/monitoring/fraudstack-dev/fraudstack-dev-{kind}/2026/11/25/14"
    return {
        "detail": {
            "ProcessingJobName": "model-monitoring-202611251400-0123456789abcdef",
            "ProcessingJobStatus": "Completed",
            "MonitoringScheduleArn": f"arn:aws:sagemaker:us-east-1:1:monitoring-schedule/fraudstack-dev-{kind}",
            "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": report}}]},
            **detail,
        }
    }


@pytest.mark.parametrize(
    ("violations", "drift"),
    [
        ([], 0),
        ([{"feature_name": "fraud_probability", "constraint_check_type": "completeness_check", "description": "x"}], 0),
        ([{"feature_name": "amount", **DRIFT}, {"feature_name": "fraud_probability", **DRIFT}], 0.25),
        ([{"feature_name": "fraud_probability", **DRIFT}, {"feature_name": "amount", **DRIFT}], 0.25),
        ([{"feature_name": "fraud_probability_old", **DRIFT}], 0),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_the_scores_drift_is_told_at_the_time_of_the_run(
    violations: list[dict[str, str]], drift: float, indent: int | None
) -> None:
    cloud = Cloud()
    cloud.files["constraint_violations.json"] = json.dumps({"violations": violations}, indent=indent)
    execution = cloud.follow(event())
    assert execution.error is None, execution.cause
    assert cloud.counted(execution)["ScoreDrift"] == drift
    for kind in ("model-quality", "model-bias"):
        assert "ScoreDrift" not in cloud.counted(cloud.follow(event(kind)))


def test_what_sagemakers_schedule_found_is_counted() -> None:
    cloud = Cloud()
    execution = cloud.follow(event())
    assert execution.error is None, execution.cause
    assert cloud.counted(execution)["MonitoringViolations"] == 2
    assert cloud.counted(execution)["DriftedFeatures"] == 1
    failed = cloud.follow(event(ProcessingJobStatus="Failed", FailureReason="no data"))
    assert failed.error == "MonitoringJobFailed" and failed.cause.endswith("is Failed: no data")
    merged = cloud.follow(event(ProcessingJobName="groundtruth-merge-2026-0123"))
    assert merged.error is None and merged.calls == []


def test_quality_is_told_when_it_is_known_whatever_time_awss_container_gives_it() -> None:
    # The example of AWS's documentation, with a value that is none and a curve that says more.
    measured = {
        "confusion_matrix": {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}},
        "recall": {"value": 1.0, "standard_deviation": "NaN"},
        "precision": {"value": 0.3333333333333333, "standard_deviation": "NaN"},
        "auc": {"value": "NaN", "standard_deviation": "NaN"},
        "precision_recall_curve": {"precisions": [1.0, 1.0, 0.5, 0.6], "recalls": [0.0, 0.25, 0.25, 1.0]},
    }
    cloud = Cloud()
    cloud.files["statistics.json"] = json.dumps({"version": 0.0, "binary_classification_metrics": measured})
    execution = cloud.follow(event("model-quality"))
    assert execution.error is None, execution.cause
    put = execution.call("aws-sdk:cloudwatch:putMetricData")
    # Without a time of its own a metric is of now.
    assert not [item for item in put["MetricData"] if "Timestamp" in item]
    found = cloud.counted(execution, "model-quality")
    assert found["recall"] == 1.0 and found["average_precision"] == pytest.approx(0.25 + 0.75 * 0.6)
    assert "precision" not in found and "auc" not in found
    # Other monitors have a statistics.json of another kind, and that is not read.
    assert not [name for name in cloud.counted(cloud.follow(event())) if name in ("recall", "average_precision")]
    del cloud.files["statistics.json"]
    unlabelled = cloud.follow(event("model-quality"))
    assert unlabelled.error is None and cloud.counted(unlabelled)["MonitoringRuns"] == 1


def test_executions_that_leave_no_job_are_counted_every_hour() -> None:
    cloud = Cloud()
    cloud.executions = [
        {"MonitoringScheduleName": f"fraudstack-dev-{kind}", "FailureReason": reason, **job}
        for kind, reason, job in (
            ("data-quality", "Job inputs had no data", {}),
            ("model-bias", "The role could not be assumed", {}),
            # Its job's end was an event.
            ("model-bias", "broken", {"ProcessingJobArn": "arn"}),
            # The labels were merged, and then there were none.
            ("model-quality", "Job inputs had no data", {"ProcessingJobArn": "arn"}),
        )
    ]
    execution = cloud.follow({"time": "2026-11-25T14:10:00Z"})
    assert execution.error is None, execution.cause
    asked = [arguments for name, arguments in execution.calls if name.endswith(":listMonitoringExecutions")]
    assert {arguments["MonitoringScheduleName"] for arguments in asked} == {each.schedule for each in SETTINGS.monitors}
    moments = {(each["CreationTimeAfter"], each["CreationTimeBefore"]) for each in asked}
    assert moments == {("2026-11-25T12:40:00.000Z", "2026-11-25T13:40:00.000Z")}
    names = ("MonitoringRuns", "MonitoringRunsWithoutData", "MonitoringFailures")
    found = {
        kind: tuple(cloud.counted(execution, kind)[name] for name in names)
        for kind in ("data-quality", "model-bias", "model-quality", "model-explainability")
    }
    assert found == {
        "data-quality": (1, 1, 0),
        "model-bias": (1, 0, 1),
        "model-quality": (1, 1, 0),
        "model-explainability": (0, 0, 0),
    }


def test_before_the_first_model_there_are_no_schedules_to_wait_for() -> None:
    cloud = Cloud(package="")
    execution = cloud.follow({"time": "2026-11-25T14:10:00Z"})
    assert execution.error is None, execution.cause
    assert "aws-sdk:sagemaker:listMonitoringExecutions" not in [name for name, _ in execution.calls]
    for monitor in SETTINGS.monitors:
        counted = cloud.counted(execution, monitor.kind)
        assert counted == {"MonitoringRuns": 1, "MonitoringRunsWithoutData": 1, "MonitoringFailures": 0}


def test_requests_satisfy_the_service_models() -> None:
    from botocore.session import get_session
    from botocore.validate import validate_parameters

    models: dict[str, Any] = {}
    kinds = ("data-quality", "model-quality", "model-bias", "model-explainability")
    executions = [Cloud().run(kind) for kind in kinds]
    executions += [Cloud().follow(event(kind)) for kind in kinds] + [Cloud().follow({"time": "2026-11-25T14:10:00Z"})]
    for execution in executions:
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
