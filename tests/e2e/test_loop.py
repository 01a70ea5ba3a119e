"""Drift in live traffic, and the platform that retrains itself: `python -m scripts.demo --loop`, and what it left."""

import json

import pytest

from tests.e2e.monitors import guard_outputs
from tests.e2e.privileges import read_run

pytestmark = pytest.mark.timeout(900)


def by(outputs: list[dict], trigger: str, status: str) -> dict:
    """The first decision of the kind; several alarms may have gone off over one shock."""
    return next(one for one in outputs if (one["trigger"], one["status"]) == (trigger, status))


def test_an_alarm_led_to_a_promotion_and_what_was_refused_says_why(loop):
    outputs = guard_outputs(loop)
    calm, alarmed, again = outputs[0], by(outputs, "alarm", "Started"), by(outputs, "operator", "Refused")
    assert (calm["status"], calm["check"], calm["trigger"]) == ("Refused", "data", "schedule")
    assert "0 new events have a known outcome, 500 are needed" in calm["reason"]
    assert (alarmed["status"], alarmed["trigger"]) == ("Started", "alarm")
    assert alarmed["alarm"].startswith("fraudstack-dev-drift-") and alarmed["collection"]["new_labelled"] > 1000
    assert again["check"] == "in-flight" and alarmed["run"] in again["reason"]
    run = loop.client("stepfunctions").describe_execution(executionArn=alarmed["executionArn"])
    assert run["status"] == "SUCCEEDED" and json.loads(run["output"])["status"] == "Promoted"


def test_the_model_that_serves_says_what_it_was_retrained_for_and_on(loop):
    alarmed = by(guard_outputs(loop), "alarm", "Started")
    live = loop.outputs("serving")["ModelPackageArn"]
    assert live == loop.outputs("monitoring")["ModelPackageArn"] and live.endswith("/2")
    lineage = loop.client("sagemaker").describe_model_package(ModelPackageName=live)["CustomerMetadataProperties"]
    assert lineage["trigger"] == f"alarm {alarmed['alarm']}"
    assert lineage["dataset"].endswith(f"/datasets/{alarmed['collectionId']}/")


def test_the_drift_is_gone_and_the_alarm_with_it(loop):
    after = loop.console.rsplit("Before and after", 1)[1]
    drifted = next(line.split()[-2:] for line in after.splitlines() if line.startswith("features that drift"))
    assert int(drifted[0]) > 0 and int(drifted[1]) == 0
    alarms = loop.client("cloudwatch").describe_alarms(AlarmNamePrefix="fraudstack-dev-drift-")["MetricAlarms"]
    assert alarms and {alarm["StateValue"] for alarm in alarms} <= {"OK", "INSUFFICIENT_DATA"}


def test_the_api_goes_on_with_the_new_model(loop):
    pages = loop.client("dynamodb").get_paginator("scan").paginate(TableName="fraudstack-dev-decisions")
    answers = [json.loads(item["answer"]["S"]) for page in pages for item in page["Items"]]
    assert len(answers) > 2000 and not [answer for answer in answers if answer["degraded"]]


def test_no_role_of_the_loop_lacked_anything_and_each_did_its_part(loop):
    asked = read_run(loop.state / "authorizations.jsonl", "fraudstack-dev-")
    assert not [one for one in asked if not one.allowed]
    roles = {one.role for one in asked}
    for role in ("guard", "trigger", "collection", "retraining", "promotion"):
        assert any(f"fraudstack-dev-{role}-" in name for name in roles), role


def test_an_operator_sees_every_decision_and_its_reason(loop):
    status = loop.run("scripts.guard", "status")
    assert status.returncode == 0, status.stderr
    assert "runs in seven days" in status.stdout and "Refused (data)" in status.stdout
    execution = loop.client("stepfunctions").list_executions(
        stateMachineArn=loop.outputs("retraining-loop")["GuardArn"]
    )["executions"][-1]["name"]
    shown = loop.run("scripts.guard", "show", execution)
    assert shown.returncode == 0 and json.loads(shown.stdout)["check"] == "data"
