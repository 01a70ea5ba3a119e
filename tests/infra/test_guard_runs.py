"""Whole executions of the guard's definition against services that answer as AWS's do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.infra.guard_services import LINEAGE, MANUAL, NOW, Cloud
from tests.infra.service_models import assert_requests_are_valid


def test_an_alarm_collects_and_starts_a_run_of_the_champions_kind() -> None:
    cloud = Cloud()
    result = cloud.run()
    assert result.error is None, result.cause
    (started,) = cloud.started
    given = json.loads(started["Input"])
    collected = result.output["collectionId"]
    assert given == {
        "dataset": f"s3://transactions/datasets/{collected}/",
        "eventType": LINEAGE["eventType"],
        "algorithm": "xgboost",
        "trigger": "alarm fraudstack-dev-drift-score",
    }
    assert result.output["status"] == "Started" and result.output["run"] == started["Name"]
    assert result.path.count("Wait for export") == 2
    (message,) = cloud.messages
    assert "9000 events, 800 of them new (40 frauds)" in message["Message"]


def test_runs_that_the_guard_starts_are_named_as_runs_are() -> None:
    cloud = Cloud()
    cloud.run()
    assert re.fullmatch(r"r[0-9a-f]{8}-1", cloud.started[0]["Name"])


def test_the_collecting_job_reads_the_export_and_the_champions_data() -> None:
    job = Cloud().run().call("sagemaker:createProcessingJob.sync")
    sources = {i["InputName"]: i["S3Input"]["S3Uri"] for i in job["ProcessingInputs"]}
    assert sources["export"] == "s3://transactions/collections/c1/AWSDynamoDB/01-ab/"
    assert (sources["previous"], sources["event-type"]) == (LINEAGE["dataset"], LINEAGE["eventType"])
    assert job["RoleArn"].endswith("role/collection") and job["NetworkConfig"]["EnableNetworkIsolation"]
    flags = job["AppSpecification"]["ContainerArguments"]
    assert dict(zip(flags[::2], flags[1::2], strict=True)) == {
        "--now": NOW,
        "--window-days": "120",
        "--minimum-new-labelled": "500",
        "--minimum-new-frauds": "20",
        "--accept-labels": "no",
    }


def test_requests_satisfy_the_service_models() -> None:
    assert Cloud().run({"trigger": "recheck"}, MANUAL).output["status"] == "Idle"
    busy = Cloud()
    busy.alarms = ["fraudstack-dev-quality-auc"]
    result = busy.run({"trigger": "recheck"}, MANUAL)
    assert result.output["status"] == "Started" and result.output["alarm"] == "fraudstack-dev-quality-auc"
    assert_requests_are_valid(result)


def test_without_an_alarm_a_recheck_ends_quietly() -> None:
    cloud = Cloud()
    cloud.alarms = ["fraudstack-dev-latency", "fraudstack-dev-scoring-degraded"]
    result = cloud.run({"trigger": "recheck"})
    assert result.output == {"status": "Idle", "trigger": "recheck"} and cloud.messages == []


@pytest.mark.parametrize(
    "request_", [{"trigger": "me"}, {"override": "cooldown"}, {"override": ["in-flight"]}, {"alarm": 1}]
)
def test_a_request_that_makes_no_sense_fails_and_says_what_would(request_: dict[str, Any]) -> None:
    cloud = Cloud()
    result = cloud.run(request_)
    assert result.error == "InvalidInput" and "cooldown, weekly-limit" in result.cause
    assert cloud.started == []


@pytest.mark.parametrize(
    "resource",
    [
        "aws-sdk:sfn:listExecutions",
        "aws-sdk:s3:listObjectsV2",
        "aws-sdk:s3:putObject",
        "aws-sdk:cloudformation:describeStacks",
        "aws-sdk:sagemaker:describeModelPackage",
        "aws-sdk:dynamodb:exportTableToPointInTime",
        "aws-sdk:dynamodb:describeExport",
        "sagemaker:createProcessingJob.sync",
        "aws-sdk:s3:getObject",
        "aws-sdk:sfn:startExecution",
    ],
)
def test_a_guard_that_cannot_look_fails_and_starts_nothing(resource: str) -> None:
    cloud = Cloud()
    cloud.fails(resource, "Some.Exception", "no access")
    result = cloud.run()
    assert result.error == "Some.Exception" and "failed: no access" in result.cause
    assert cloud.started == [] and "guard failed" in cloud.messages[0]["Subject"]


def test_a_failed_export_is_told_with_its_reason() -> None:
    cloud = Cloud()
    cloud.export = ["FAILED"]
    result = cloud.run()
    assert result.error == "ExportFailed" and "the bucket is gone" in result.cause


def test_a_message_that_cannot_be_sent_changes_nothing() -> None:
    cloud = Cloud()
    cloud.fails("sns:publish", "Sns.AuthorizationErrorException", "no")
    result = cloud.run()
    assert result.output["status"] == "Started" and len(cloud.started) == 1
