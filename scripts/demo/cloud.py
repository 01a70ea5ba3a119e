"""The demo's local cloud and the CDK application in it."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from scripts.cdk import ACCOUNT, REGION, run_cdk
from scripts.demo.options import ROOT, DemoOptions

# On a laptop a container may start, and jobs may run, while payments are decided: what else they would wait for is CPU.
PATIENT: dict[str, Any] = {"scoring": {"endpoint_timeout_ms": 3000}}


class StepFailed(Exception):
    """A step of the demo did not succeed; the message says why and what to do."""


def start_fresh(options: DemoOptions, environment: Mapping[str, str]) -> None:
    """A local cloud without state, with more variables: the demo tells the story from the first deploy on.

    Raises:
        StepFailed: it cannot start, or another demo is being told with the same state.
    """
    _keep_to_oneself(options)
    for command in (["down"], ["reset"], ["up"]):
        _local_cloud(options, *command, environment=environment)


def _keep_to_oneself(options: DemoOptions) -> None:
    """Hold the state folder until this process ends: a second demo would stop the first one's cloud."""
    options.state_dir.mkdir(parents=True, exist_ok=True)
    lock = (options.state_dir / "demo.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StepFailed(
            f"another demo is being told on {options.state_dir}; wait for its end, or run this one beside it with "
            "`python -m scripts.demo` and --port, --state-dir and --out of its own"
        ) from None
    _held.append(lock)


_held: list[Any] = []


def stop(options: DemoOptions) -> None:
    _local_cloud(options, "down")


def deploy(options: DemoOptions, event_type: str, settings: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Synthesize, bootstrap and deploy every stack with the real CDK CLI; ``say`` gets each line it prints.

    Payments wait longer for the endpoint than by default (PATIENT).
    """
    changed = ["-c", f"settings={json.dumps(PATIENT | dict(settings))}"]
    assembly = str(options.out / "cdk.out")
    for arguments in (
        ["synth", "--quiet", "-c", "env=dev", "-c", f"event_type={event_type}", *changed, "--output", assembly],
        ["bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", assembly],
        ["deploy", "--all", "--require-approval", "never", "--progress", "events", "--app", assembly],
    ):
        code = run_cdk(arguments, options.endpoint_url, on_line=say)
        if code:
            raise StepFailed(f"cdk {arguments[0]} exited with {code}; the lines above say why")


def _local_cloud(options: DemoOptions, *command: str, environment: Mapping[str, str] | None = None) -> None:
    arguments = [sys.executable, "-m", "local_cloud", *command]
    arguments += ["--port", str(options.port), "--state-dir", str(options.state_dir)]
    # Every job, function and state machine acts under its own role: the demo also shows that the roles suffice.
    variables = {**os.environ, "AUTH": os.environ.get("AUTH", "true"), **(environment or {})}
    done = subprocess.run(arguments, cwd=ROOT, env=variables, text=True, capture_output=True)
    if done.returncode and command[0] != "down":
        raise StepFailed((done.stdout + done.stderr).strip())
