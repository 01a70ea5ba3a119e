"""The retraining command from end to end against moto's S3 and scripted stacks and executions."""

import io
import json
import random
from datetime import datetime, timedelta

import polars as pl
import pytest
from moto import mock_aws
from retrain_cloud import PACKAGE, Cloud, client_error, events
from rich.console import Console

from scripts import retrain as command
from scripts.retraining import Detached, OperatorError, Options, flow, retrain

DONE = ("Route", "Prepare", "Tune", "Find champion", "Evaluate", "Gate", "Register", "Check package")
PROMOTED = (*DONE, "Look at serving", "Check endpoint", "Look at monitoring", "Tell of promotion", "Promoted")
EVALUATION = {
    "candidate": {
        "metrics": {"average_precision": 0.71, "ece": 0.002},
        "intervals": {"average_precision": {"low": 0.69, "high": 0.73}, "ece": None},
    },
    "champion": {"metrics": {"average_precision": 0.7, "ece": None}, "intervals": {}},
    "difference": {
        "metrics": {"average_precision": 0.01, "ece": None},
        "intervals": {"average_precision": {"low": -0.004, "high": 0.024}},
    },
    "gate": {"passed": True, "metric": "average_precision", "reasons": ["It reaches the [floor]."]},
}


def transactions(days=60, a_day=60):
    """A small data set of the shipped card-transactions type, frauds spread over all days."""
    random.seed(1)
    rows = days * a_day
    start = datetime(2024, 1, 1)
    return pl.DataFrame(
        {
            "TRANSACTION_ID": range(rows),
            "TX_DATETIME": [start + timedelta(minutes=24 * 60 / a_day * row) for row in range(rows)],
            "CUSTOMER_ID": [random.randrange(40) for _ in range(rows)],
            "TERMINAL_ID": [random.randrange(40) for _ in range(rows)],
            "TX_AMOUNT": [random.uniform(1, 200) for _ in range(rows)],
            "TX_FRAUD": [int(row % 20 == 7) for row in range(rows)],
        }
    )


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.parquet"
    transactions().write_parquet(path)
    return path


@pytest.fixture
def cloud(monkeypatch):
    with mock_aws():
        cloud = Cloud()
        monkeypatch.setattr(flow, "Clients", lambda endpoint_url, region: cloud)
        monkeypatch.setattr("scripts.retraining.follow.time.sleep", lambda seconds: None)
        monkeypatch.setattr(flow, "follow", lambda follower: FOLLOW(follower, sleep=lambda seconds: None))
        yield cloud


FOLLOW = flow.follow


@pytest.fixture
def deployed(cloud):
    cloud.deploy("storage", "training", "serving")
    return cloud


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200, force_terminal=False)


def run(data, console, *flags):
    """Run the command; its exit code and what it printed."""
    code = command.main(["--env", "dev", "--data", str(data), *flags], console)
    return code, console.file.getvalue()


def plan_success(cloud, **output):
    result = {"status": "Promoted", "modelPackageArn": PACKAGE, "evaluation": EVALUATION} | output
    cloud.stepfunctions.plan = [
        {"status": "RUNNING", "events": events("Route", "Prepare")},
        {"status": "RUNNING", "events": events("Route", "Prepare", "Tune")},
        {
            "status": "SUCCEEDED",
            "output": json.dumps(result),
            "events": events(*PROMOTED, last="ExecutionSucceeded"),
        },
    ]
    cloud.sagemaker.add_trial(0.6)
    cloud.sagemaker.add_trial(None, "Failed", FailureReason="AlgorithmError")
    cloud.sagemaker.add_trial(0.71)


def test_a_run_that_succeeds(deployed, data, console):
    plan_success(deployed)
    code, text = run(data, console, "--max-trials", "3", "--parallel-trials", "2")
    assert code == 0
    (started,) = deployed.stepfunctions.started
    prefix = started["input"]["dataset"]
    assert started["input"] == {
        "dataset": prefix,
        "eventType": prefix.rstrip("/") + ".event-type.yaml",
        "algorithm": "xgboost",
        "maxTrials": 3,
        "parallelTrials": 2,
    }
    keys = {f"s3://transactions/{key}" for key in deployed.objects()}
    assert keys == {f"{prefix}data.parquet", started["input"]["eventType"]}
    assert "Event type card-transactions" in text
    assert "Prepare: done (10.0 s)" in text and "Promote monitoring: done" in text
    assert "objective=0.7100 best=0.7100 eta=0.123 max_depth=6" in text
    assert "0.7100" in text and "+0.0100" in text and "-0.0040 to +0.0240" in text
    assert "It reaches the [floor]." in text
    assert PACKAGE in text


def test_the_result_for_programs(deployed, data, console):
    plan_success(deployed)
    result = retrain(Options(data, environment="dev"), console)
    assert (result.status, result.exit_code, result.model_package_arn) == ("Promoted", 0, PACKAGE)
    assert result.run_id == deployed.stepfunctions.started[0]["name"]
    assert result.durations["prepare"] == 10 and set(result.durations) > {"tune", "serving", "verify", "monitoring"}
    assert [(t["status"], t["objective"], t["best"]) for t in result.trials] == [
        ("Completed", 0.6, 0.6),
        ("Failed", None, 0.6),
        ("Completed", 0.71, 0.71),
    ]
    assert result.evaluation == EVALUATION
    assert (result.data["rows"], result.data["frauds"]) == (3600, 180)


def test_the_runs_own_evaluation_file_is_preferred(deployed, data, console):
    plan_success(deployed, evaluation={})
    put = deployed.s3.put_object

    def write(name):
        put(Bucket="artifacts", Key=f"runs/{name}/evaluation/evaluation.json", Body=json.dumps(EVALUATION))

    deployed.stepfunctions.before_start = write
    assert retrain(Options(data), console).evaluation == EVALUATION


def test_running_again_after_a_success_shows_its_result_and_starts_nothing(deployed, data, console):
    plan_success(deployed)
    first, _ = run(data, console)
    again, text = run(data, console)
    assert (first, again) == (0, 0)
    assert len(deployed.stepfunctions.started) == 1
    assert "--force runs them again" in text
    plan_success(deployed)
    assert run(data, console, "--force")[0] == 0
    assert [started["name"][-2:] for started in deployed.stepfunctions.started] == ["-1", "-2"]


def test_a_run_that_is_under_way_is_followed(deployed, data, console):
    assert run(data, console, "--no-follow")[0] == 0
    plan_success(deployed)
    code, text = run(data, console)
    assert code == 0 and len(deployed.stepfunctions.started) == 1
    assert "is running already" in text


def test_a_failed_run_exits_with_its_cause_and_where_its_logs_are(deployed, data, console):
    deployed.sagemaker.add_trial(None, "Failed", FailureReason="AlgorithmError: out of memory")
    deployed.stepfunctions.plan = [
        {
            "status": "FAILED",
            "error": "States.TaskFailed",
            "cause": "Step tune failed: out of [bold]memory",
            "events": events("Route", "Prepare", "Tune", "Explain failure", "Failed", last="ExecutionFailed"),
        }
    ]
    code, text = run(data, console)
    assert code == 1
    assert "cause: States.TaskFailed: Step tune failed: out of [bold]memory" in text
    assert "log group /aws/sagemaker/TrainingJobs, stream fraudstack-dev-r12345678-1-001-abcd/algo-1-" in text
    assert "Tune: failed (10.0 s)" in text


def test_a_failed_processing_job_points_to_its_own_log(deployed, data, console):
    deployed.stepfunctions.plan = [
        {
            "status": "FAILED",
            "error": "SageMaker",
            "cause": "Step prepare failed",
            "events": events("Route", "Prepare", "Explain failure", "Failed", last="ExecutionFailed"),
        }
    ]
    code, text = run(data, console)
    name = deployed.stepfunctions.started[0]["name"]
    assert code == 1
    assert f"log group /aws/sagemaker/ProcessingJobs, stream fraudstack-dev-{name}-prepare/" in text


def test_a_rejected_candidate_exits_with_3_and_the_reasons(deployed, data, console):
    deployed.stepfunctions.plan = [
        {
            "status": "FAILED",
            "error": "GateRejected",
            "cause": "Step gate failed: below the floor",
            "events": events(*DONE[:6], "Reject", "Explain failure", "Failed", last="ExecutionFailed"),
        }
    ]
    code, text = run(data, console)
    assert code == 3
    assert "rejected the candidate" in text and "below the floor" in text


@pytest.mark.parametrize(("status", "words"), [("ABORTED", "stopped"), ("TIMED_OUT", "time limit")])
def test_a_run_that_is_stopped_or_too_slow_exits_with_1(deployed, data, console, status, words):
    kind = {"ABORTED": "ExecutionAborted", "TIMED_OUT": "ExecutionTimedOut"}[status]
    deployed.stepfunctions.plan = [{"status": status, "events": events("Route", "Prepare", last=kind)}]
    code, text = run(data, console)
    assert code == 1 and words in text


def test_a_model_that_awaits_approval_comes_with_the_command_that_approves_it(deployed, data, console):
    plan_success(deployed, status="AwaitingApproval")
    code, text = run(data, console, "--endpoint-url", "http://127.0.0.1:9", "--region", "eu-west-1")
    assert code == 0
    assert (
        f"aws sagemaker update-model-package --model-package-arn {PACKAGE} --model-approval-status Approved "
        "--endpoint-url http://127.0.0.1:9 --region eu-west-1"
    ) in text


def test_control_c_detaches_and_says_how_to_return(deployed, data, console, monkeypatch):
    def interrupted(follower):
        yield follower.look()
        raise KeyboardInterrupt

    monkeypatch.setattr(flow, "follow", interrupted)
    with pytest.raises(Detached) as caught:
        retrain(Options(data), console)
    assert caught.value.exit_code == 130
    assert "aws stepfunctions stop-execution --execution-arn arn:aws:states" in str(caught.value)
    assert "run the same command" in str(caught.value)


BAD = {
    "renamed": (lambda f: f.rename({"TX_AMOUNT": "AMOUNT"}), "TX_AMOUNT"),
    "text amount": (lambda f: f.with_columns(pl.lit(True).alias("TX_AMOUNT")), "TX_AMOUNT"),
    "empty": (lambda f: f.head(0), "no row"),
    "one class": (lambda f: f.with_columns(pl.lit(0).alias("TX_FRAUD")), "TX_FRAUD"),
    "future": (lambda f: f.with_columns(pl.col("TX_DATETIME").dt.offset_by("100y")), "TX_DATETIME"),
    "not a number": (lambda f: f.with_columns(pl.lit(float("nan")).alias("TX_AMOUNT")), "TX_AMOUNT"),
    "duplicates": (lambda f: f.with_columns(pl.lit(1).alias("TRANSACTION_ID")), "TRANSACTION_ID"),
    "too short": (lambda f: f.head(600), "TX_DATETIME"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_data_exit_with_2_before_anything_is_uploaded_or_started(deployed, tmp_path, console, fault):
    change, words = BAD[fault]
    path = tmp_path / "bad.parquet"
    change(transactions()).write_parquet(path)
    code, text = run(path, console)
    assert code == 2
    assert words in text and "Traceback" not in text
    assert deployed.objects() == [] and deployed.stepfunctions.started == []


def test_a_corrupt_file_is_named(deployed, data, console):
    data.write_bytes(data.read_bytes()[:-100])
    code, text = run(data, console)
    assert code == 2 and "data.parquet" in text
    assert deployed.objects() == []


def test_unknown_columns_list_what_each_event_type_misses(deployed, tmp_path, console):
    path = tmp_path / "other.csv"
    path.write_text("id,when\n1,2024-01-01\n")
    code, text = run(path, console)
    assert code == 2
    assert "columns found: id, when" in text
    assert "card-transactions misses: TRANSACTION_ID" in text and "--event-type" in text


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--event-type", "no-such-type"], "no-such-type"),
        (["--max-trials", "0"], "--max-trials"),
        (["--max-trials", "2", "--parallel-trials", "3"], "--parallel-trials"),
    ],
)
def test_wrong_options_are_named(deployed, data, console, flags, words):
    code, text = run(data, console, *flags)
    assert code == 2 and words in text
    assert deployed.objects() == []


def test_a_platform_that_is_not_deployed_says_what_to_run(cloud, data, console):
    cloud.deploy("storage")
    code, text = run(data, console)
    assert code == 1
    assert "fraudstack-dev-training is not deployed" in text and "cdk deploy" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [("ExpiredTokenException", "renew"), ("AccessDeniedException", "may not"), ("ThrottlingException", "throttled")],
)
def test_refusals_by_aws_are_explained(deployed, data, console, monkeypatch, error, words):
    def refuse(**_):
        raise client_error(error, "DescribeStateMachine")

    monkeypatch.setattr(deployed.stepfunctions, "describe_state_machine", refuse)
    with pytest.raises(OperatorError, match=words):
        retrain(Options(data), console)


def test_credentials_that_expire_while_following_leave_the_run_to_return_to(deployed, data, console, monkeypatch):
    def expire(follower):
        yield follower.look()
        raise client_error("ExpiredTokenException", "DescribeExecution")

    monkeypatch.setattr(flow, "follow", expire)
    code, text = run(data, console)
    assert code == 1
    assert "renew" in text and "run the same command" in text
