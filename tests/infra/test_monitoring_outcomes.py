"""What SageMaker's own schedules found: executions of the machine that follows them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.monitoring_services import SETTINGS, Cloud
from tests.infra.service_models import assert_requests_are_valid

DRIFT = {
    "constraint_check_type": "baseline_drift_check",
    "description": "Baseline drift distance: 0.25 exceeds threshold: 0.1",
}
HOURLY = {"time": "2026-11-25T14:10:00Z"}


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
    execution = cloud.follow(HOURLY)
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
    execution = cloud.follow(HOURLY)
    assert execution.error is None, execution.cause
    assert "aws-sdk:sagemaker:listMonitoringExecutions" not in [name for name, _ in execution.calls]
    for monitor in SETTINGS.monitors:
        counted = cloud.counted(execution, monitor.kind)
        assert counted == {"MonitoringRuns": 1, "MonitoringRunsWithoutData": 1, "MonitoringFailures": 0}


@pytest.mark.parametrize("given", [*(event(monitor.kind) for monitor in SETTINGS.monitors), HOURLY])
def test_requests_satisfy_the_service_models(given: dict[str, Any]) -> None:
    assert_requests_are_valid(Cloud().follow(given))
