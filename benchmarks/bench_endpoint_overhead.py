"""What InvokeEndpoint of the local cloud adds to calling the model's process directly.

    python benchmarks/bench_endpoint_overhead.py [--calls 1000]

The same CSV row is posted over one kept connection to the model's own port and through the runtime, without and with
data capture, in turns; a call of another service that does next to nothing (GetCallerIdentity) shows the server's
floor. Printed are medians and their ratios to that floor.
"""

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from rich.console import Console
from rich.table import Table

from tests.local_cloud.conftest import Cloud
from tests.local_cloud.hosting import BUCKET, Hosting

ROUNDS = 5
ROW = b"1,2,3,4,5,6,7,8"


def authorization(service: str) -> dict[str, str]:
    credential = f"Credential=000000000000/20000101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=, Signature="}


def model_port(cloud: Cloud) -> int:
    server = json.loads((cloud.state_dir / "server.json").read_text())["pid"]
    for process in psutil.Process(server).children(recursive=True):
        if "--model-dir" in process.cmdline():
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    return connection.laddr.port
    raise SystemExit("The model's process was not found.")


def milliseconds(port: int, path: str, body: bytes, headers: dict[str, str], calls: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - started) * 1e3)
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}.")
    connection.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000, help="of each kind (default: 1000)")
    calls = parser.parse_args().calls // ROUNDS
    cloud = Cloud(Path(tempfile.mkdtemp(prefix="bench-")) / "state")
    cloud.run("up")
    try:
        hosting = Hosting(cloud)
        hosting.config("plain", hosting.model("plain"))
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/captures",
            "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        }
        hosting.config("captured", "plain", DataCaptureConfig=capture)
        for name in ("plain", "captured"):
            hosting.deploy(name, name)
        csv = {"Content-Type": "text/csv"}
        form = {"Content-Type": "application/x-www-form-urlencoded", **authorization("sts")}
        signed = {**csv, **authorization("sagemaker")}
        kinds = {
            "model's process, directly": (model_port(cloud), "/invocations", ROW, csv),
            "GetCallerIdentity (floor)": (cloud.port, "/", b"Action=GetCallerIdentity&Version=2011-06-15", form),
            "InvokeEndpoint": (cloud.port, "/endpoints/plain/invocations", ROW, signed),
            "InvokeEndpoint, captured": (cloud.port, "/endpoints/captured/invocations", ROW, signed),
        }
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, request in kinds.items():
                times[name] += milliseconds(*request, calls)
    finally:
        cloud.run("down")
    floor = statistics.median(times["GetCallerIdentity (floor)"])
    table = Table("call", "median, ms", "p99, ms", "ratio to the floor")
    for name, values in times.items():
        median = statistics.median(values)
        table.add_row(name, f"{median:.2f}", f"{statistics.quantiles(values, n=100)[-1]:.2f}", f"{median / floor:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
