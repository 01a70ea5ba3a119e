"""The model server against AWS's container, MLServer, BentoML and handlers without a model: one client, one model.

    python -m benchmarks.bench_model_server [--seconds 5] [--rounds 3] [--only NAME …] [--write]

100 trees of depth 6, one row of 30 features a request, wrk on the same machine. Every server runs a process for each
core. Servers are measured in turns, so that other work on the machine meets all of them; each number is the median of
the rounds. Peers are installed into virtual environments below build/peers/. wrk must be installed (apt, brew); nginx
too, else the prebuilt container's gunicorn is asked directly and called so.

--write puts the table into benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import xgboost
from rich.console import Console
from rich.table import Table

from fraud.features.schema import Feature, FeatureSchema
from fraud.models.calibration import Calibration
from fraud.models.package import ModelPackage
from fraud.models.xgboost_trees import XGBoostModel

REPOSITORY = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
VENVS = REPOSITORY / "build" / "peers"
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
OURS = "this server"
HEADING = "## The model server"
FEATURES, TREES, DEPTH = 30, 100, 6
CONNECTIONS = (1, 4, 16)
WORKERS = os.cpu_count() or 1
ROW = [round(0.0371 * at - 0.5, 4) for at in range(FEATURES)]
CSV_ROW = ",".join(map(str, ROW))
# AWS's toolkit asks for a Flask of 2019; the container installs it beside these versions too.
_TOOLKIT = ("sagemaker-containers==2.8.6.post2",)
_PREBUILT = (
    *("Flask==3.1.3", "Werkzeug==3.1.8", "gunicorn==25.3.0", "gevent==26.4.0", "setuptools<81", "wheel"),
    *("xgboost-cpu==3.2.0", "numpy==2.1.3", "scipy==1.15.0", "psutil", "retrying", "six", "boto3", "inotify_simple"),
    *("paramiko", "protobuf"),
)


@dataclass
class Contender:
    """A server: how it is started on a port, what it is asked, and how its answer is read."""

    name: str
    start: Callable[[int, Path, ExitStack], subprocess.Popen]
    path: str = "/invocations"
    kind: str = "text/csv"
    body: str = CSV_ROW
    probability: Callable[[str], float] | None = float


@dataclass(frozen=True)
class Measured:
    """One run of wrk: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def venv(name: str, *stages: tuple[str, ...]) -> Path:
    """The bin folder of a peer's environment, installed once; a stage that begins with --no-deps installs no more."""
    folder = VENVS / name
    done = folder / "installed.json"
    if not done.is_file() or json.loads(done.read_text()) != [list(stage) for stage in stages]:
        print(f"installing {name} into {folder.relative_to(REPOSITORY)} …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        for stage in stages:
            subprocess.run([folder / "bin" / "pip", "install", "-qq", *stage], check=True)
        done.write_text(json.dumps(stages))
    return folder / "bin"


def version(bin_folder: Path, *packages: str) -> str:
    code = f"from importlib.metadata import version; print(', '.join(f'{{p}} {{version(p)}}' for p in {packages!r}))"
    return subprocess.check_output([bin_folder / "python", "-c", code], text=True).strip()


def spawn(stack: ExitStack, command: list, **options) -> subprocess.Popen:
    """Start a process of a group of its own, which the stack ends."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    log = tempfile.NamedTemporaryFile(prefix="peer-", suffix=".log")  # noqa: SIM115 - lives as long as the process
    process = subprocess.Popen(
        list(map(str, command)), env=environment, stdout=log, stderr=log, start_new_session=True, **options
    )
    process.log = log.name

    def end() -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        log.close()

    stack.callback(end)
    return process


def ours(port: int, model: Path, stack: ExitStack) -> subprocess.Popen:
    command = [sys.executable, "-m", "inference_code.server", "--model-dir", model, "--host", "127.0.0.1"]
    return spawn(stack, [*command, "--port", port, "--workers", WORKERS], cwd=REPOSITORY)


def bare(port: int, model: Path, stack: ExitStack) -> subprocess.Popen:
    return spawn(stack, [sys.executable, PEERS / "bare.py", port, WORKERS])


def bare_granian(port: int, model: Path, stack: ExitStack) -> subprocess.Popen:
    command = [venv("granian", ("granian==2.8.7",)) / "granian", "--interface", "rsgi", "--workers", WORKERS]
    return spawn(stack, [*command, "--port", port, "--no-access-log", "bare_granian:application"], cwd=PEERS)


def prebuilt(port: int, model: Path, stack: ExitStack) -> subprocess.Popen:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prebuilt-")))
    # nginx's workers are of another user where it is started by root.
    folder.chmod(0o755)
    environment = {
        "SUBMIT_DIRECTORY": str(model / "code"),
        "MODEL_DIR": str(model),
        "SAGEMAKER_BASE_DIR": str(folder / "ml"),
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
        "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python",
    }
    folders = venv("prebuilt", _PREBUILT, ("--no-deps", "--no-build-isolation", *_TOOLKIT))
    # Socket, worker class and connections are the toolkit's own (sagemaker_containers._server.start).
    address = f"unix:{folder}/gunicorn.sock" if shutil.which("nginx") else f"127.0.0.1:{port}"
    command = [folders / "gunicorn", "--timeout", 60, "-k", "gevent", "-b", address, "-w", WORKERS]
    process = spawn(
        stack,
        [*command, "--worker-connections", 1000 * WORKERS, "--log-level", "info", "prebuilt:main"],
        cwd=PEERS,
        env=environment,
    )
    if not shutil.which("nginx"):
        return process
    template = next((folders.parent / "lib").rglob("nginx.conf.template")).read_text()
    values = {"NGINX_HTTP_PORT": str(port), "NGINX_PROXY_READ_TIMEOUT": "60"}
    text = re.sub(r"%(\w+)%", lambda found: values[found[1]], template)
    text = text.replace("/tmp/gunicorn.sock", f"{folder}/gunicorn.sock").replace("/tmp/nginx.pid", f"{folder}/pid")
    (folder / "nginx.conf").write_text(text)
    return spawn(stack, ["nginx", "-p", folder, "-c", folder / "nginx.conf"])


def mlserver(port: int, model: Path, stack: ExitStack) -> subprocess.Popen:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlserver-")))
    (folder / "fraud").mkdir()
    shutil.copy(model / "xgboost.ubj", folder / "fraud" / "model.ubj")
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_endpoint": None, "host": "127.0.0.1"}
    settings = {**ports, "debug": False, "parallel_workers": WORKERS}
    (folder / "settings.json").write_text(json.dumps(settings))
    of_model = {"name": "fraud", "implementation": "mlserver_xgboost.XGBoostModel"}
    of_model["parameters"] = {"uri": "./model.ubj"}
    (folder / "fraud" / "model-settings.json").write_text(json.dumps(of_model))
    # Its worker processes do not start with uvloop 0.22 and later.
    command = venv("mlserver", ("mlserver==1.7.1", "mlserver-xgboost==1.7.1", "uvloop<0.22")) / "mlserver"
    return spawn(stack, [command, "start", folder], cwd=folder)


def bentoml(port: int, model: Path, stack: ExitStack) -> subprocess.Popen:
    environment = {"WORKERS": str(WORKERS), "BOOSTER": str(model / "xgboost.ubj"), "BENTOML_DO_NOT_TRACK": "true"}
    command = [venv("bentoml", ("bentoml", "xgboost-cpu==3.2.0")) / "bentoml", "serve", "bento:Fraud"]
    return spawn(stack, [*command, "--host", "127.0.0.1", "--port", port], cwd=PEERS, env=environment)


def contenders() -> list[Contender]:
    tensor = {"name": "x", "shape": [1, FEATURES], "datatype": "FP32", "data": ROW}
    layout = "nginx, gunicorn (gevent), Flask" if shutil.which("nginx") else "gunicorn (gevent), Flask; no nginx here"
    return [
        Contender(OURS, ours),
        Contender(f"AWS's container ({layout})", prebuilt),
        Contender(
            "MLServer",
            mlserver,
            "/v2/models/fraud/infer",
            "application/json",
            json.dumps({"inputs": [tensor]}),
            lambda text: json.loads(text)["outputs"][0]["data"][0],
        ),
        Contender(
            "BentoML",
            bentoml,
            "/predict",
            "application/json",
            json.dumps({"rows": [ROW]}),
            lambda text: json.loads(text)[0],
        ),
        Contender("bare handler (uvloop, llhttp)", bare, probability=None),
        Contender("bare handler (granian)", bare_granian, probability=None),
    ]


def make_model(folder: Path) -> float:
    """Write the model package of the benchmark; returns the probability of ROW."""
    random = np.random.default_rng(0)
    features = random.normal(size=(60_000, FEATURES)).astype(np.float32)
    features[random.random(features.shape) < 0.02] = np.nan
    noise = random.normal(size=len(features))
    labels = np.nan_to_num(features[:, :8]).sum(axis=1) + np.nan_to_num(features[:, 9] * features[:, 10]) + noise > 4
    settings = {"objective": "binary:logistic", "base_score": 0.5, "max_depth": DEPTH, "min_child_weight": 0.1}
    booster = xgboost.train({**settings, "eta": 0.1}, xgboost.DMatrix(features, labels), TREES)
    columns = tuple(Feature(f"f{at}", "float") for at in range(FEATURES))
    schema = FeatureSchema({"name": "benchmark"}, columns, "fraud", "id", "at", None, None)
    # MLServer and BentoML know no calibration: without one all must answer the same number.
    package = ModelPackage(XGBoostModel(booster), schema, Calibration(), {})
    package.save(folder, REPOSITORY)
    return float(package.fraud_probability(np.array([ROW], dtype=np.float32))[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check(contender: Contender, port: int, process: subprocess.Popen, expected: float) -> None:
    """Wait until the server answers, and see that it is the model's answer; SystemExit where it is not."""
    url, body = f"http://127.0.0.1:{port}{contender.path}", contender.body.encode()
    headers = {"Content-Type": contender.kind, "Accept": contender.kind}
    deadline, problem = time.monotonic() + 90, ""
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5) as answer:
                text = answer.read().decode()
        except OSError as error:
            problem = str(error)
            time.sleep(0.2)
            continue
        if contender.probability and abs(contender.probability(text) - expected) > 1e-6:
            raise SystemExit(f"{contender.name} answers {text[:200]}, not {expected}")
        return
    log = Path(process.log).read_text(errors="replace")[-2000:]
    raise SystemExit(f"{contender.name} does not answer ({problem}):\n{log}")


def wrk(contender: Contender, port: int, connections: int, seconds: float, folder: Path) -> Measured:
    script = folder / "request.lua"
    lines = [f"wrk.method = 'POST'\nwrk.body = [==[{contender.body}]==]"]
    lines += [f"wrk.headers['{name}'] = '{contender.kind}'" for name in ("Content-Type", "Accept")]
    script.write_text("\n".join(lines))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script)]
    text = subprocess.check_output([*command, f"http://127.0.0.1:{port}{contender.path}"], text=True)
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"{contender.name} failed under {connections} connections:\n{text}")

    def latency(percent: str) -> float:
        value, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE).groups()
        return float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]

    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return Measured(rate, latency("50"), latency("99"))


def median(runs: list[Measured]) -> Measured:
    return Measured(*(statistics.median(getattr(run, name) for run in runs) for name in ("rate", "p50", "p99")))


def table_rows(results: dict[str, dict[int, Measured]]) -> list[list[str]]:
    """Rows of the table: connections, server, numbers, and this server's requests a second and p99 against them."""
    rows = []
    for connections in CONNECTIONS:
        own = results[OURS][connections]
        for name, by_connections in results.items():
            run = by_connections[connections]
            ratios = (f"{own.rate / run.rate:.2f}", f"{own.p99 / run.p99:.2f}")
            rows.append([str(connections), name, f"{run.rate:,.0f}", f"{run.p50:.2f}", f"{run.p99:.2f}", *ratios])
    return rows


COLUMNS = ("connections", "server", "requests/s", "p50, ms", "p99, ms", "requests/s, ours to it", "p99, ours to it")


def machine() -> str:
    packages = ("uvloop", "httptools", "treelite", "xgboost")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    processors = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", processors.read_text()) if processors.exists() else None
    processor = named[1].strip() if named else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of {processor}, Python {platform.python_version()}, {versions}"


def peers() -> str:
    installed = []
    for name, packages in {
        "prebuilt": ("sagemaker-containers", "Flask", "gunicorn", "gevent"),
        "mlserver": ("mlserver", "mlserver-xgboost"),
        "bentoml": ("bentoml",),
        "granian": ("granian",),
    }.items():
        if (VENVS / name / "installed.json").is_file():
            installed.append(version(VENVS / name / "bin", *packages))
    return "; ".join(installed)


def write(rows: list[list[str]], seconds: float, rounds: int) -> None:
    """Replace the section of RESULTS.md."""
    text = RESULTS.read_text(encoding="utf-8")
    lines = [
        HEADING,
        "",
        textwrap.fill(
            f"`python -m benchmarks.bench_model_server --seconds {seconds:g} --rounds {rounds}`: {TREES} trees of "
            f"depth {DEPTH}, one row of {FEATURES} features a request, wrk on the same machine, a process for each "
            "core, medians of the rounds. The last two columns are this server's number divided by the row's.",
            120,
        ),
        "",
        textwrap.fill(f"{machine()}. Peers: {peers()}.", 120, break_on_hyphens=False),
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    before, _, rest = text.partition(f"{HEADING}\n")
    after = rest[rest.index("\n## ") + 1 :] if "\n## " in rest else ""
    section = "\n".join([*lines, after] if after else lines)
    RESULTS.write_text(f"{before.rstrip()}\n\n{section}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="of each run of wrk (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of all servers (default: 3)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="part of a server's name; this one is always in"
    )
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed: `apt-get install wrk` or `brew install wrk`")
    chosen = contenders()
    if options.only:
        chosen = [c for at, c in enumerate(chosen) if not at or any(word in c.name for word in options.only)]
    runs: dict[str, dict[int, list[Measured]]] = {c.name: {n: [] for n in CONNECTIONS} for c in chosen}
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        expected = make_model(folder / "model")
        ports = {}
        for contender in chosen:
            ports[contender.name] = free_port()
            process = contender.start(ports[contender.name], folder / "model", stack)
            for _ in range(4 * WORKERS):
                check(contender, ports[contender.name], process, expected)
        for _ in range(options.rounds):
            for connections in CONNECTIONS:
                for contender in chosen:
                    run = wrk(contender, ports[contender.name], connections, options.seconds, folder)
                    runs[contender.name][connections].append(run)
    rows = table_rows({name: {n: median(of) for n, of in by.items()} for name, by in runs.items()})
    table = Table(*COLUMNS)
    for at, row in enumerate(rows, 1):
        table.add_row(*row, end_section=at % len(chosen) == 0)
    console = Console()
    console.print(table)
    console.print(machine(), peers(), sep="\n")
    if options.write:
        write(rows, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
