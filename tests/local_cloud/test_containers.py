"""Containers without a server: what a process sees, and that nothing of it stays."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from local_cloud import config
from local_cloud.sagemaker import containers
from local_cloud.sagemaker.containers import Container
from tests.local_cloud.conftest import wait_until

Make = Callable[..., Container]


def sleeping(mark: str) -> list[psutil.Process]:
    """Processes that sleep so many seconds: nothing else on the machine does."""
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", mark]]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture(params=["own /opt/ml", "rewritten paths"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> Make:
    """Makes containers in both ways that /opt/ml is provided."""
    if request.param == "rewritten paths":
        monkeypatch.setattr(containers, "has_namespaces", lambda: False)
    elif not containers.has_namespaces():
        pytest.skip("user namespaces are not available here")
    monkeypatch.setattr(config, "_current", config.Settings(work_dir=tmp_path, state_dir=tmp_path / "state"))
    monkeypatch.setattr(containers.logs, "append", lambda group, stream, new: lines.extend(new))

    def made(*argv: str, **options: object) -> Container:
        environment = options.pop("environment", {})
        root = containers.new_root("test")
        return Container(root, argv, environment, log_group="g", log_stream="s", **options)  # type: ignore[arg-type]

    return made


def test_opt_ml_and_exit_code(make: Make, lines: list[str]):
    container = make(
        "bash", "-c", 'echo "$PLACE"; echo data > /opt/ml/file; exit 7', environment={"PLACE": "/opt/ml/x"}
    )
    container.start()
    assert container.wait() == 7
    assert (container.root / "opt/ml/file").read_text() == "data\n"
    assert lines[0].endswith("/opt/ml/x") and container.tail == lines


def test_environment_is_clean_and_python_is_this_one(make: Make, lines: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret of the developer")
    script = "import os, sys; print(sys.prefix); print(*sorted(os.environ)); print(os.environ['HOME'])"
    container = make("python3", "-c", script, environment={"MINE": "1", "LOCAL_CLOUD": "no"})
    container.start()
    assert container.wait() == 0
    names = set(lines[1].split())
    assert lines[0] == sys.prefix
    assert {"MINE", "PATH", "AWS_ENDPOINT_URL", "LOCAL_CLOUD"} <= names and "AWS_SESSION_TOKEN" not in names
    assert lines[2].startswith(str(container.root))


@pytest.mark.parametrize(("given", "waits"), [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active")])
def test_threads_that_wait_leave_the_cores_to_others_unless_a_job_says_otherwise(
    make: Make, lines: list[str], given: dict[str, str], waits: str
):
    container = make("bash", "-c", "echo $OMP_WAIT_POLICY", environment=given)
    container.start()
    assert container.wait() == 0 and lines == [waits]


def test_signals_become_exit_codes_as_in_docker(make: Make):
    container = make("bash", "-c", "kill -SEGV $$")
    container.start()
    assert container.wait() == 128 + signal.SIGSEGV


def test_stop_lets_the_process_finish_within_the_grace_time(make: Make, lines: list[str]):
    container = make("bash", "-c", "trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    container.start()
    wait_until(lambda: "up" in lines, 5)
    assert container.stop(5) == 0
    assert (lines[0], lines[-1]) == ("up", "saved")


def test_stop_kills_what_ignores_it(make: Make, lines: list[str]):
    container = make("bash", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    container.start()
    wait_until(lambda: "up" in lines, 5)
    started = time.monotonic()
    assert container.stop(0.3) == 137
    assert time.monotonic() - started < 3


def test_no_descendant_outlives_its_container(make: Make, lines: list[str]):
    mark = str(20_000 + os.getpid() % 10_000)
    container = make("bash", "-c", f"(setsid sleep {mark} &) ; setsid sleep {mark} & echo up; sleep {mark}")
    container.start()
    wait_until(lambda: len(sleeping(mark)) == 3, 20)
    container.kill()
    assert sleeping(mark) == []


def test_containers_die_with_a_server_that_is_killed():
    """The supervisor notices the end of the process that holds the lifeline, whatever ends it."""
    mark = str(30_000 + os.getpid() % 10_000)
    program = (
        "import os, subprocess, sys, time\n"
        "read, write = os.pipe()\n"
        f"command = [sys.executable, '-I', '-S', {str(containers._SUPERVISOR)!r}, '{{\"lifeline\": %d}}' % read]\n"
        f"subprocess.Popen([*command, 'bash', '-c', 'setsid sleep {mark} & sleep {mark}; wait'], pass_fds=[read])\n"
        "time.sleep(100)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program])
    try:
        wait_until(lambda: len(sleeping(mark)) == 2, 20)
    finally:
        holder.kill()
        holder.wait()
    wait_until(lambda: not sleeping(mark), 5)


def test_long_and_odd_output(make: Make, lines: list[str]):
    script = "import sys; o = sys.stdout.buffer; o.write(b'\\xff\\r\\n' + b'x' * 600_000 + b'\\n\\nend'); o.flush()"
    container = make("python3", "-c", script)
    container.start()
    assert container.wait() == 0
    assert lines[0] == "\ufffd" and sum(line.count("x") for line in lines) == 600_000
    assert lines[-2:] == ["", "end"] and max(map(len, lines)) <= 2 * containers._LONGEST_LINE


def test_files_of_a_container_can_be_removed_even_when_read_only(make: Make):
    container = make("bash", "-c", "mkdir -p /opt/ml/a/b; touch /opt/ml/a/b/c; chmod -R a-w /opt/ml/a")
    container.start()
    container.wait()
    containers.remove_root(container.root)
    assert not container.root.exists()


def test_a_container_starts_where_the_server_has_more_files_open_than_select_takes() -> None:
    """Its end of the lifeline keeps the number that it has in the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= 1100:
        pytest.skip(f"no more than {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    read, write = os.pipe()
    lifeline = fcntl.fcntl(read, fcntl.F_DUPFD, 1100)
    try:
        command = [sys.executable, "-I", "-S", str(containers._SUPERVISOR), json.dumps({"lifeline": lifeline})]
        done = subprocess.run([*command, "sh", "-c", "exit 7"], pass_fds=[lifeline], timeout=30)
    finally:
        for descriptor in (read, write, lifeline):
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert done.returncode == 7
