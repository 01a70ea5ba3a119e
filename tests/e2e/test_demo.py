"""What `make demo` promises, on a small simulation."""

import re

import pytest

pytestmark = pytest.mark.timeout(900)


def test_both_models_were_registered_and_the_challenger_or_champion_answers(demo):
    group = demo.outputs("training")["ModelPackageGroupName"]
    packages = demo.client("sagemaker").list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    live = demo.outputs("serving")["ModelPackageArn"]
    assert packages and live in {package["ModelPackageArn"] for package in packages}


def test_the_live_endpoint_configuration_is_the_stacks(demo):
    endpoint = demo.client("sagemaker").describe_endpoint(EndpointName="fraudstack-dev")
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == demo.outputs("serving")["EndpointConfigName"]


def test_clean_traffic_passes_the_monitor_and_drifted_traffic_does_not(demo):
    verdicts = re.search(r"Monitor\n(.*?)Where the time went", demo.console, re.DOTALL).group(1)
    lines = [line.strip() for line in verdicts.splitlines()]
    clean, drifted = (line for line in lines if line.startswith(("hold-out", "after")))
    assert clean.split()[1] == "Completed"
    assert "CompletedWithViolations" in drifted and "TX_AMOUNT" in verdicts


def test_the_report_is_one_file_with_every_section(demo):
    html = (demo.folder / "report.html").read_text()
    for title in ("Precision", "ROC", "Calibration", "Tuning", "Drift", "Scored", "time went"):
        assert re.search(title, html, re.IGNORECASE), title
    assert "<svg" in html and not re.search(r'(?:src|href)="https?://', html)


def test_the_package_carries_metrics_baseline_and_lineage(demo):
    package = demo.client("sagemaker").describe_model_package(
        ModelPackageName=demo.outputs("serving")["ModelPackageArn"]
    )
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert package["DriftCheckBaselines"]["ModelDataQuality"]["Constraints"]["S3Uri"]
    lineage = package["CustomerMetadataProperties"]
    assert any(value.startswith("s3://") and "/datasets/" in value for value in lineage.values())


def test_repeating_a_retraining_starts_nothing(demo):
    machine = demo.outputs("training")["StateMachineArn"]
    steps = demo.client("stepfunctions")
    before = len(steps.list_executions(stateMachineArn=machine)["executions"])
    again = demo.run(
        "scripts.retrain", "--data", demo.data, "--algorithm", "logistic-regression", "--max-trials", 2,
        "--parallel-trials", 2,
    )  # fmt: skip
    assert again.returncode == 0, again.stdout + again.stderr
    assert "succeeded with these inputs" in again.stdout
    assert len(steps.list_executions(stateMachineArn=machine)["executions"]) == before


def test_bad_data_are_refused_before_anything_starts(demo, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(
        "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n1,2018-04-01 00:00:00,1,1,abc,0\n"
    )
    refused = demo.run("scripts.retrain", "--data", bad)
    assert refused.returncode == 2
    assert "TX_AMOUNT" in refused.stdout + refused.stderr
