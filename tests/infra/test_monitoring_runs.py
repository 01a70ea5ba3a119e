"""Whole executions of the monitors' state machine against services that answer as AWS's do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fraud import event_types
from stacks.config import MonitoringConfig
from stacks.monitoring.definition import build_definition
from stacks.monitoring.plan import has_facets
from tests.infra.interpreter import Execution, StatesError, run
from tests.infra.monitoring_services import LINE, PAGE, SETTINGS, Cloud
from tests.infra.service_models import assert_requests_are_valid
from training_code.monitoring.pages import write_pages
from training_code.monitoring.results import METRICS_FILE


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


@pytest.mark.parametrize("kind", [monitor.kind for monitor in SETTINGS.monitors])
def test_requests_satisfy_the_service_models(kind: str) -> None:
    assert_requests_are_valid(Cloud().run(kind))


def test_bias_needs_something_to_part_events_by() -> None:
    monitoring = MonitoringConfig()
    assert has_facets(monitoring, event_types.load("card-transactions"))
    assert not has_facets(monitoring, event_types.load("ulb"))
    named = MonitoringConfig(bias={"facets": [{"name": "Amount", "values": [100]}]})
    assert has_facets(named, event_types.load("ulb"))
