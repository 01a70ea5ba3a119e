"""A stop that comes while a job is being started is not lost."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from local_cloud import config
from local_cloud.sagemaker import containers
from local_cloud.sagemaker.jobs import runner
from local_cloud.sagemaker.store import STORE
from tests.local_cloud.conftest import unique

SUPERVISOR = Path(containers.__file__).with_name("supervisor.py")

# The supervisor with a child that says where it is and stays there for a while.
SLOW = """
import importlib.util, os, sys, time

specification = importlib.util.spec_from_file_location("supervisor", sys.argv.pop(1))
supervisor = importlib.util.module_from_spec(specification)
specification.loader.exec_module(supervisor)
name = sys.argv.pop(1)
original = getattr(os, name)

def slow(*arguments):
    os.write(1, b"here\\n")
    time.sleep(1)
    return original(*arguments)

setattr(os, name, slow)
sys.exit(supervisor.main())
"""


@pytest.mark.parametrize("step", ["setsid", "chdir", "execvp"])
def test_a_container_that_is_being_made_hears_the_signal(step: str) -> None:
    lifeline, other = os.pipe()
    options = json.dumps({"lifeline": lifeline, "opt_ml": None, "network": True, "directory": "/"})
    command = [sys.executable, "-I", "-c", SLOW, str(SUPERVISOR), step, options, "sleep", "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[lifeline])
    try:
        assert process.stdout and process.stdout.readline() == b"here\n"
        process.terminate()
        assert process.wait(15) == 128 + 15
    finally:
        os.close(other)
        process.wait(30)
        os.close(lifeline)


def test_a_stop_between_a_jobs_record_and_its_run_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_current", config.Settings(work_dir=tmp_path, state_dir=tmp_path / "state"))
    name = unique("job")
    STORE.put("ProcessingJob", name, {"ProcessingJobName": name, "ProcessingJobStatus": "Stopping"})
    seen: list[Any] = []
    over = threading.Event()
    runner.launch("ProcessingJob", name, lambda run: seen.append(run.ended_by), seen.append, over.set)
    assert over.wait(10)
    assert seen == [runner.STOPPED]
    STORE.remove("ProcessingJob", name)
