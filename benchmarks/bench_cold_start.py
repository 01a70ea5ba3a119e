"""What a cold start of the scoring function costs, beside one that imports boto3 and makes the same three clients.

    python -m benchmarks.bench_cold_start [--runs 9] [--python python3.12]

Each run unpacks the package anew, as Lambda does: none of its modules is compiled, while the runtime's boto3 is. A
fresh interpreter imports the handler, makes its clients and answers one request that needs no AWS. Medians and their
ratio.
"""

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from fraud import event_types
from stacks.assets import pack_function

RUNTIME = ("boto3", "botocore", "s3transfer", "dateutil", "urllib3", "six", "jmespath")
PEER = """
import json, boto3
clients = [boto3.client(name) for name in ("dynamodb", "sagemaker-runtime", "s3")]
def handler(event, context):
    return {"statusCode": 404, "body": json.dumps({})}
"""
RUN = """
import importlib, sys, time
started = time.perf_counter()
sys.path[:0] = sys.argv[2:]
handler = importlib.import_module(sys.argv[1]).handler
event = {"httpMethod": "GET", "path": "/x", "headers": {}, "requestContext": {}}
assert handler(event, None)["statusCode"] == 404
print(time.perf_counter() - started)
"""
ENVIRONMENT = {
    **{name: "x" for name in ("PROFILES_TABLE", "DECISIONS_TABLE", "RULES_TABLE", "ENDPOINT_NAME", "CAPTURES_BUCKET")},
    **{name: "x" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "POWERTOOLS_METRICS_NAMESPACE")},
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
}


def main() -> int:
    """Print and return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--python", default=shutil.which("python3.12") or sys.executable)
    options = parser.parse_args()
    version = subprocess.check_output([options.python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    own_abi = version.decode().strip() == "3.12"
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder) / "runtime"
        _link(runtime, [*RUNTIME, *([] if own_abi else ["cel_expr_python"])])
        package = pack_function(event_types.load("card-transactions"), "x86_64", Path(folder) / "function.zip")
        seconds: dict[str, list[float]] = {"peer": [], "scoring": []}
        for run in track(range(options.runs + 1), "cold starts", transient=True):
            for name, times in seconds.items():
                task = Path(folder) / f"{name}-{run}"
                _unpack(name, task, package, own_abi)
                module = "peer" if name == "peer" else "inference_code.scoring.app"
                measured = _start(options.python, module, task, runtime)
                if run:  # the first compiled the runtime's modules
                    times.append(measured)
                shutil.rmtree(task)
    _show(seconds, package_mb=_megabytes(), version=version.decode().strip())
    return 0


def _link(folder: Path, names: list[str]) -> None:
    """What the Lambda runtime has, copied so that its compiled modules are this interpreter's."""
    folder.mkdir()
    for name in names:
        found = importlib.util.find_spec(name)
        origin = Path((found.submodule_search_locations or [found.origin])[0])
        copy = shutil.copytree if origin.is_dir() else shutil.copyfile
        copy(origin, folder / origin.name)


def _unpack(name: str, task: Path, package: Path, own_abi: bool) -> None:
    task.mkdir()
    if name == "peer":
        (task / "peer.py").write_text(PEER)
        return
    zipfile.ZipFile(package).extractall(task)
    if not own_abi:
        shutil.rmtree(task / "cel_expr_python")


def _start(python: str, module: str, task: Path, runtime: Path) -> float:
    """Seconds from the first import to the first answer; modules of the package are not compiled into files."""
    environment = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    command = [python, "-s", "-c", RUN, module, str(task), str(runtime)]
    return float(subprocess.check_output(command, env=environment, cwd=task).decode().splitlines()[-1])


def _megabytes() -> float:
    with tempfile.TemporaryDirectory() as folder:
        package = pack_function(event_types.load("card-transactions"), "x86_64", Path(folder) / "f.zip")
        return package.stat().st_size / 1e6


def _show(seconds: dict[str, list[float]], package_mb: float, version: str) -> None:
    peer, scoring = (statistics.median(seconds[name]) for name in ("peer", "scoring"))
    table = Table(title=f"Cold start, Python {version}, package {package_mb:.1f} MB")
    for head in ("function", "median, s", "ratio"):
        table.add_column(head, justify="left" if head == "function" else "right")
    table.add_row("boto3 and three clients", f"{peer:.2f}", "1.00")
    table.add_row("scoring", f"{scoring:.2f}", f"{scoring / peer:.2f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
