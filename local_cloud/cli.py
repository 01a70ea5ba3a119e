"""Command line: up, down, status, reset and run-schedule."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from local_cloud import config, server

_READY_SECONDS = 60
_LOG_FILE = "server.log"
console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, or 1 with the cause on stderr."""
    options = _parser().parse_args(arguments)
    try:
        settings = config.from_environment(options.port, options.state_dir, options.config)
        return options.run(options, settings)
    except (server.CannotStart, ValueError) as error:
        errors.print(f"[red]error:[/] {error}")
        return 1


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--port", type=int, default=config.DEFAULT_PORT, help="port on 127.0.0.1 (default: 4566)")
    common.add_argument("--state-dir", type=Path, default=Path(".local-cloud"), help="default: .local-cloud")
    images = Path(os.environ.get("LOCAL_CLOUD_CONFIG", "local_cloud.toml"))
    common.add_argument("--config", type=Path, default=images, help="default: LOCAL_CLOUD_CONFIG, local_cloud.toml")
    parser = argparse.ArgumentParser("python -m local_cloud", description="AWS on this machine, SageMaker included.")
    commands = parser.add_subparsers(required=True, metavar="command")
    up = commands.add_parser("up", parents=[common], help="start in the background and wait until it answers")
    up.add_argument("--foreground", action="store_true", help="stay in the foreground, log to the terminal")
    up.set_defaults(run=_up)
    commands.add_parser("down", parents=[common], help="stop it; its state is kept").set_defaults(run=_down)
    commands.add_parser("status", parents=[common], help="what runs, and where").set_defaults(run=_status)
    commands.add_parser("reset", parents=[common], help="forget everything").set_defaults(run=_reset)
    schedule = commands.add_parser("run-schedule", parents=[common], help="run a monitoring schedule at once")
    schedule.add_argument("name", help="name of the monitoring schedule")
    schedule.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    schedule.set_defaults(run=_run_schedule)
    return parser


def _up(options: argparse.Namespace, settings: config.Settings) -> int:
    if options.foreground:
        server.run(settings)
        return 0
    if other := server.running(settings.state_dir):
        if other["port"] == settings.port and _healthy(settings.port):
            console.print(f"The local cloud already runs at {settings.endpoint_url} (process {other['pid']}).")
            return 0
        raise server.CannotStart(
            f"A local cloud already runs on {settings.state_dir} at port {other['port']} (process {other['pid']}); "
            "use it, stop it with `down`, or choose another --state-dir."
        )
    if holder := server.port_holder(settings.port):
        raise server.CannotStart(f"Port {settings.port} is taken by {holder}. Stop it, or choose another with --port.")
    server.make_state_folder(settings)
    log_file = settings.state_dir / _LOG_FILE
    command = [sys.executable, "-m", "local_cloud", "up", "--foreground", f"--port={settings.port}"]
    command += [f"--state-dir={settings.state_dir}", f"--config={settings.images}"]
    package_root = str(Path(__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([package_root, os.environ.get("PYTHONPATH", "")])}
    started = time.monotonic()
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    while not _healthy(settings.port):
        if process.poll() is not None:
            raise server.CannotStart(f"The server ended at once; {log_file} ends with:\n{_last_lines(log_file)}")
        if time.monotonic() - started > _READY_SECONDS:
            process.terminate()
            raise server.CannotStart(f"The server did not answer within {_READY_SECONDS} s; see {log_file}.")
        time.sleep(0.05)
    console.print(
        f"The local cloud answers at [bold]{settings.endpoint_url}[/] after {time.monotonic() - started:.1f} s "
        f"(process {process.pid}, state and log in {settings.state_dir})."
    )
    return 0


def _down(options: argparse.Namespace, settings: config.Settings) -> int:
    other = server.running(settings.state_dir)
    if other is None:
        console.print(f"No local cloud runs on {settings.state_dir}.")
        return 0
    try:
        process = psutil.Process(other["pid"])
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        raise server.CannotStart(
            f"Process {other['pid']} does not end; see {settings.state_dir / _LOG_FILE}."
        ) from None
    console.print(f"Stopped; the state stays in {settings.state_dir}.")
    return 0


def _status(options: argparse.Namespace, settings: config.Settings) -> int:
    other = server.running(settings.state_dir)
    if other is None:
        console.print(f"No local cloud runs on {settings.state_dir}.")
        return 1
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("endpoint", f"http://127.0.0.1:{other['port']}")
    table.add_row("answers", "yes" if _healthy(other["port"]) else "no")
    table.add_row("process", str(other["pid"]))
    table.add_row("up since", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(other["started"])))
    table.add_row("memory", f"{psutil.Process(other['pid']).memory_info().rss / 2**20:.0f} MB")
    table.add_row("state", str(settings.state_dir))
    table.add_row("log", str(settings.state_dir / _LOG_FILE))
    console.print(table)
    return 0


def _reset(options: argparse.Namespace, settings: config.Settings) -> int:
    if other := server.running(settings.state_dir):
        _request(f"http://127.0.0.1:{other['port']}/_ministack/reset", method="POST", timeout=60)
        console.print(f"The local cloud at port {other['port']} forgot everything.")
        return 0
    # Only what a server writes: the folder may be a wrong one, given by mistake.
    for name in ("services", "s3"):
        shutil.rmtree(settings.state_dir / name, ignore_errors=True)
    console.print(f"The state in {settings.state_dir} is removed.")
    return 0


def _run_schedule(options: argparse.Namespace, settings: config.Settings) -> int:
    other = server.running(settings.state_dir)
    if other is None:
        raise server.CannotStart(f"No local cloud runs on {settings.state_dir}; start it with `up`.")
    url = f"http://127.0.0.1:{other['port']}/_local-cloud/monitoring-schedules/{options.name}/run"
    try:
        answer = _request(url, method="POST", timeout=600, region=options.region)
    except urllib.error.HTTPError as error:
        raise server.CannotStart(json.loads(error.read() or b"{}").get("message", str(error))) from None
    console.print_json(data=answer)
    return 0


def _request(url: str, *, method: str, timeout: float, region: str = "us-east-1") -> Any:
    headers = _signed(method, url, region) if method == "POST" else {}
    request = urllib.request.Request(url, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return json.loads(response.read() or b"{}")


def _signed(method: str, url: str, region: str) -> dict[str, str]:
    """Headers of a request by the account's root. botocore is slow to import, and only this needs it."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, url)
    SigV4Auth(Credentials("000000000000", "local"), "sagemaker", region).add_auth(request)
    return dict(request.headers)


def _healthy(port: int) -> bool:
    try:
        _request(f"http://127.0.0.1:{port}/_ministack/health", method="GET", timeout=5)
    except (OSError, ValueError):
        return False
    return True


def _last_lines(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-12:])
