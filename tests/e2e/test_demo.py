"""What `make demo` promises, on a small simulation."""

import json
import re

import polars as pl
import pytest

from scripts import score_batch
from tests.e2e.people.persona import Persona

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
    clean, drifted = (line.split() for line in verdicts.splitlines() if "data-quality" in line)
    assert clean[0] == "replay" and "Completed" in clean
    assert "CompletedWithViolations" in drifted and "TX_AMOUNT" in verdicts
    assert all(kind in verdicts for kind in ("model-quality", "model-bias", "model-explainability"))


def test_the_replay_was_decided_by_the_model_and_the_labels_arrived(demo):
    replayed = re.search(r"transactions +([\d,]+) of ([\d,]+) in", demo.console)
    assert replayed and replayed[1] == replayed[2]
    assert "refused" not in demo.console and "decided by rules alone" not in demo.console
    decisions = demo.client("dynamodb").scan(TableName="fraudstack-dev-decisions", Select="COUNT")
    assert decisions["Count"] > 0
    bucket = next(b["Name"] for b in demo.client("s3").list_buckets()["Buckets"] if "-captures-" in b["Name"])
    labels = demo.client("s3").list_objects_v2(Bucket=bucket, Prefix="ground-truth/")["KeyCount"]
    posted = re.search(r"([\d,]+) labels posted", demo.console)
    assert labels == min(int(posted[1].replace(",", "")), 1000) > 0


def test_what_was_decided_can_be_looked_up_and_collected(demo, tmp_path):
    customer = next(iter(demo.client("dynamodb").scan(TableName="fraudstack-dev-decisions", Limit=1)["Items"]))
    shown = demo.run("scripts.score", "decisions", f"customer:{customer['entity_customer']['S']}", "--limit", 3)
    assert shown.returncode == 0 and '"outcome"' in shown.stdout, shown.stderr
    collected = demo.run("scripts.collect", "--out", tmp_path / "collected.parquet")
    assert collected.returncode == 0 and "labelled fraud" in collected.stdout, collected.stdout + collected.stderr


def test_a_batch_has_the_scores_that_the_api_gave(demo, tmp_path):
    """As a data scientist has them made, who sees nothing of the endpoint's model."""
    asked = ("--data", demo.data, "--days", 7, "--out", tmp_path / "scores.parquet")
    assert Persona(demo, "data-scientist", "persona").command(score_batch.main, *asked) == ""
    batch = pl.read_parquet(tmp_path / "scores.parquet")
    table, dynamodb = "fraudstack-dev-decisions", demo.client("dynamodb")
    same = []
    for row in batch.tail(200).iter_rows(named=True):
        item = dynamodb.get_item(TableName=table, Key={"id": {"S": str(row["TRANSACTION_ID"])}}).get("Item")
        if item:  # some cards are not replayed
            answer = json.loads(item["answer"]["S"])
            same.append(answer["probability"] == pytest.approx(row["probability"], abs=1e-6))
    # Requests side by side may be counted in another order than their times.
    assert len(same) > 20 and sum(same) > 0.8 * len(same)


def test_the_report_is_one_file_with_every_section(demo):
    html = (demo.folder / "report.html").read_text()
    for title in ("Precision", "ROC", "Calibration", "Tuning", "Drift", "Replay", "Scored", "time went"):
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
