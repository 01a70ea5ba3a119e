import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from retrain_cloud import PREFIX, STATE_MACHINE, Executions, Jobs

from scripts.retraining.discovery import Platform
from scripts.retraining.options import Options
from scripts.retraining.runs import find_or_start, fingerprint

PLATFORM = Platform(PREFIX, "transactions", "artifacts", STATE_MACHINE, PREFIX)
OPTIONS = Options(Path("data.parquet"), max_trials=4)


@pytest.fixture
def cloud():
    return SimpleNamespace(stepfunctions=Executions(), sagemaker=Jobs())


def start(cloud, force=False):
    return find_or_start(cloud, PLATFORM, "r12345678", {"dataset": "s3://d/"}, force)


def test_the_same_inputs_have_the_same_fingerprint_and_any_other_input_another():
    definition = json.dumps({"StartAt": "A"})
    one = fingerprint("data1", "cards", OPTIONS, definition)
    assert one == fingerprint("data1", "cards", replace(OPTIONS, force=True, follow=False), definition)
    assert len(one) == 8 and int(one, 16) >= 0
    others = {
        fingerprint("data2", "cards", OPTIONS, definition),
        fingerprint("data1", "ulb", OPTIONS, definition),
        fingerprint("data1", "cards", replace(OPTIONS, algorithm="random-forest"), definition),
        fingerprint("data1", "cards", replace(OPTIONS, max_trials=5), definition),
        fingerprint("data1", "cards", replace(OPTIONS, parallel_trials=2), definition),
        fingerprint("data1", "cards", OPTIONS, definition.replace("A", "B")),
    }
    assert len(others) == 6 and one not in others


def test_the_names_of_a_runs_jobs_fit_sagemakers_limit_for_tuning_jobs(cloud):
    assert len(f"fraudstack-staging-{start(cloud).id}") <= 32


def test_a_first_run_is_started_with_its_input(cloud):
    run = start(cloud)
    assert (run.id, run.new, run.status) == ("r12345678-1", True, "RUNNING")
    assert run.execution_arn == PLATFORM.execution_arn("r12345678-1")
    assert cloud.stepfunctions.started == [{"name": "r12345678-1", "input": {"dataset": "s3://d/"}}]


@pytest.mark.parametrize("force", [False, True])
def test_a_running_execution_is_attached_to(cloud, force):
    cloud.stepfunctions.put("r12345678-1", "FAILED")
    cloud.stepfunctions.put("r12345678-2", "RUNNING")
    run = start(cloud, force)
    assert (run.id, run.new) == ("r12345678-2", False)
    assert cloud.stepfunctions.started == []


def test_a_succeeded_execution_is_returned_and_runs_again_only_when_forced(cloud):
    cloud.stepfunctions.put("r12345678-1", "SUCCEEDED")
    assert (start(cloud).id, start(cloud).status) == ("r12345678-1", "SUCCEEDED")
    assert start(cloud, force=True).id == "r12345678-2"


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
def test_after_a_failure_the_next_attempt_is_started(cloud, status):
    cloud.stepfunctions.put("r12345678-1", "SUCCEEDED")
    cloud.stepfunctions.put("r12345678-2", status)
    run = start(cloud)
    assert (run.id, run.new) == ("r12345678-3", True)


def test_names_that_an_older_run_left_to_its_jobs_are_passed_over(cloud):
    cloud.sagemaker.taken = {f"{PREFIX}-r12345678-1-prepare"}
    assert start(cloud).id == "r12345678-2"


@pytest.mark.parametrize(
    ("status", "expected", "new"), [("RUNNING", 1, False), ("SUCCEEDED", 1, False), ("FAILED", 2, True)]
)
def test_an_execution_that_another_caller_started_meanwhile_is_taken_over(cloud, status, expected, new):
    def race(name):
        cloud.stepfunctions.before_start = None
        cloud.stepfunctions.put(name, status)

    cloud.stepfunctions.before_start = race
    run = start(cloud)
    assert (run.id, run.new) == (f"r12345678-{expected}", new)


def test_two_callers_who_force_at_once_share_one_run(cloud):
    def race(name):
        cloud.stepfunctions.before_start = None
        cloud.stepfunctions.put(name, "SUCCEEDED")

    cloud.stepfunctions.put("r12345678-1", "SUCCEEDED")
    cloud.stepfunctions.before_start = race
    assert start(cloud, force=True).id == "r12345678-2"
    assert cloud.stepfunctions.started == []
