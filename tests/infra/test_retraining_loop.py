"""The retraining loop's stack: what asks the guard, and the deployed definition."""

from __future__ import annotations

import json
from typing import Any

from stacks.config import PlatformConfig
from stacks.prices import run_cost
from tests.infra.conftest import Assembly, text

STACK = "retraining-loop"


def definition(assembly: Assembly) -> dict[str, Any]:
    return json.loads(text(assembly.one(STACK, "AWS::StepFunctions::StateMachine")["DefinitionString"]))


def rules(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = assembly.resources(STACK, "AWS::Events::Rule").values()
    prefix = f"fraudstack-{assembly.environment}-retraining-"
    return {rule["Properties"]["Name"].removeprefix(prefix): rule["Properties"] for rule in found}


def test_alarms_of_drift_and_quality_ask_the_guard(assembly: Assembly) -> None:
    prefix = f"fraudstack-{assembly.environment}"
    alarm = rules(assembly)["alarm"]
    assert alarm["EventPattern"]["detail"] == {
        "alarmName": [{"prefix": f"{prefix}-drift-"}, {"prefix": f"{prefix}-quality-"}],
        "state": {"value": ["ALARM"]},
    }
    (target,) = alarm["Targets"]
    assert target["InputTransformer"]["InputTemplate"] == '{"trigger": "alarm", "alarm": <alarm>, "reason": <reason>}'
    assert text(target["RoleArn"]).endswith(f"role/{prefix}-trigger-us-east-1")


def test_an_alarm_that_stays_on_is_looked_at_again(assembly: Assembly, varied: Assembly) -> None:
    recheck = rules(assembly)["recheck"]
    assert recheck["ScheduleExpression"] == "rate(6 hours)"
    assert json.loads(recheck["Targets"][0]["Input"]) == {"trigger": "recheck"}
    assert set(rules(assembly)) == {"alarm", "recheck"}
    found = rules(varied)
    assert set(found) == {"schedule"} and found["schedule"]["ScheduleExpression"] == "cron(0 3 ? * SUN *)"


def test_every_state_is_reached_and_every_task_caught(assembly: Assembly) -> None:
    machine = definition(assembly)
    targets = {machine["StartAt"]}
    for name, state in machine["States"].items():
        targets |= {state[key] for key in ("Next", "Default") if key in state}
        targets |= {choice["Next"] for choice in state.get("Choices", [])}
        if state["Type"] == "Task":
            (catcher,) = state["Catch"]
            assert catcher["ErrorEquals"] == ["States.ALL"], name
            assert "lambda" not in state["Resource"]
            targets.add(catcher["Next"])
    assert targets == set(machine["States"])
    assert machine["QueryLanguage"] == "JSONata" and machine["TimeoutSeconds"] >= 3600


def test_candidates_are_looked_at_where_people_approve(dev: Assembly, prod: Assembly) -> None:
    assert "List candidates" in definition(prod)["States"]
    assert "List candidates" not in definition(dev)["States"]


def test_the_collecting_job_is_isolated_encrypted_and_under_its_own_role(assembly: Assembly) -> None:
    job = definition(assembly)["States"]["Collect"]["Arguments"]
    key = f"${{import:fraudstack-{assembly.environment}-data-key-arn}}"
    assert job["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert job["ProcessingOutputConfig"]["KmsKeyId"] == key
    assert job["RoleArn"].endswith(f"role/fraudstack-{assembly.environment}-collection-us-east-1")
    assert len(job["AppSpecification"]["ContainerEntrypoint"][2]) <= 256
    export = definition(assembly)["States"]["Export decisions"]["Arguments"]
    assert (export["S3SseAlgorithm"], export["S3SseKmsKeyId"]) == ("KMS", key)


def test_limits_stand_where_the_commands_read_them(dev: Assembly) -> None:
    limits = definition(dev)["States"]["Set limits"]["Assign"]
    assert limits["maxRunsPerWeek"] == 3 and limits["monthlyBudgetUsd"] == 200 and limits["mostUsdOfARun"] == 2.3


def test_without_the_api_there_is_no_loop(unscored: Assembly) -> None:
    assert not (unscored.folder / "fraudstack-staging-retraining-loop.template.json").exists()


def test_a_run_costs_what_its_jobs_may_take() -> None:
    training = PlatformConfig(environment="dev").training
    # At most four processing jobs and twelve trials of an hour each at 0.23 USD; two trials at a time.
    assert run_cost(training, {}).most == 3.68 and run_cost(training, {}).hourly == 0.46
    assert run_cost(training, {"ml.m5.xlarge": 1.0}).most == 16.0
