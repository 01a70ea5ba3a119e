"""The local cloud is killed while the loop's platform makes a data set; no test can use that platform afterwards."""

import contextlib
import json
import os
import subprocess
import sys

import psutil
import pytest

from tests.e2e.monitors import until

pytestmark = pytest.mark.timeout(300)


def test_two_at_once_start_one_and_a_kill_in_the_middle_leaves_nothing_half_done(loop):
    steps, guard = loop.client("stepfunctions"), loop.outputs("retraining-loop")["GuardArn"]
    request = json.dumps({"trigger": "operator", "override": ["data"]})
    both = [steps.start_execution(stateMachineArn=guard, input=request)["executionArn"] for _ in range(2)]
    before = datasets(loop)
    # The job is held, since it would be over before it is saved that it runs.
    until(lambda: collecting(loop) and hold(loop, "training_code.collect"))
    until(lambda: sorted(saved(loop).get(one, "") for one in both) == ["RUNNING", "SUCCEEDED"])
    assert collecting(loop)
    server(loop).kill()
    again = [sys.executable, "-m", "local_cloud", "up", "--state-dir", str(loop.state), "--port", str(loop.port)]
    subprocess.run(again, check=True, capture_output=True, timeout=120, env={**os.environ, "AUTH": "true"})

    ended = [steps.describe_execution(executionArn=one) for one in both]
    outcomes = sorted(one["status"] for one in ended)
    assert outcomes == ["FAILED", "SUCCEEDED"], ended
    (refused,) = [json.loads(one["output"]) for one in ended if one["status"] == "SUCCEEDED"]
    assert (refused["status"], refused["check"]) == ("Refused", "in-flight")
    assert datasets(loop) == before
    asked = until(lambda: ask(loop), 120)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "Started" in asked.stdout and "overridden: data" in asked.stdout
    assert len(datasets(loop)) == len(before) + 1
    # What it has started would go on beside the tests that follow.
    loop.stop()


def ask(loop) -> subprocess.CompletedProcess[str] | None:
    """Ask the guard as an operator does; None where somebody else (an alarm that rang again) was first."""
    asked = loop.run("scripts.guard", "start", "--override", "data", "--reason", "the cloud was killed")
    return None if "Refused (in-flight)" in asked.stdout else asked


def server(loop) -> psutil.Process:
    return psutil.Process(json.loads((loop.state / "server.json").read_text())["pid"])


def hold(loop, module: str) -> bool:
    """Suspend the process that runs a job's module; whether there was one. It ends with the cloud all the same."""
    held = False
    for process in server(loop).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if module in process.cmdline():
                process.suspend()
                held = True
    return held


def datasets(loop) -> set[str]:
    bucket = loop.outputs("storage")["TransactionsBucket"]
    found = loop.client("s3").list_objects_v2(Bucket=bucket, Prefix="datasets/c").get("Contents", [])
    return {item["Key"].split("/")[1] for item in found}


def saved(loop) -> dict[str, str]:
    """Statuses of executions as a restart will know them, by ARN."""
    found = {}

    def look(value) -> None:
        if isinstance(value, dict):
            if "executionArn" in value and "status" in value:
                found[value["executionArn"]] = value["status"]
            value = list(value.values())
        for item in value if isinstance(value, list) else ():
            look(item)

    for path in (loop.state / "services").glob("stepfunctions*.json"):
        look(json.loads(path.read_text()))
    return found


def collecting(loop) -> bool:
    jobs = loop.client("sagemaker").list_processing_jobs(NameContains="-collect", StatusEquals="InProgress")
    return bool(jobs["ProcessingJobSummaries"])
