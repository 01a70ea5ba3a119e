"""The demo run once, small, on a free port: the tests of this tier look at what it left."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from scripts.cdk import ACCOUNT

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Demo:
    """A finished demo whose cloud is still up."""

    console: str
    folder: Path
    state: Path
    port: int

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "transactions"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make boto3 and the scripts talk to the demo's cloud and to nothing else."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
        )

    def outputs(self, stack: str) -> dict[str, str]:
        found = self.client("cloudformation").describe_stacks(StackName=f"fraudstack-dev-{stack}")["Stacks"][0]
        return {item["OutputKey"]: item["OutputValue"] for item in found["Outputs"]}

    def run(self, module: str, *arguments: object, timeout: int = 240) -> subprocess.CompletedProcess[str]:
        """One of the operators' commands against this cloud."""
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def json(self, bucket: str, key: str) -> Any:
        return json.load(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """FRAUDSTACK_DEMO=<folder>:<port> names one that is still up (its console in demo.log), while tests are written."""
    if running := os.environ.get("FRAUDSTACK_DEMO"):
        place, _, port = running.rpartition(":")
        console = Path(place) / "demo.log"
        yield Demo(console.read_text() if console.exists() else "", Path(place), Path(place) / "state", int(port))
        return
    small = ("--customers", 400, "--days", 60, "--seed", 3, "--trials", 2, "--replay", 1500)
    yield from _told(tmp_path_factory.mktemp("demo"), *small)


@pytest.fixture(scope="session")
def people(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What was refused to each persona that did all that it can do: nothing, if its role suffices."""
    from tests.e2e.personas import exercise

    return exercise(demo, tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo of the loop: a platform of its own, whose prices tripled."""
    # A test kills this one in the middle of a second's work, which must have been saved by then.
    os.environ["LOCAL_CLOUD_SNAPSHOT_SECONDS"] = "0.2"
    try:
        yield from _told(tmp_path_factory.mktemp("loop"), "--loop", "--seed", 3)
    finally:
        del os.environ["LOCAL_CLOUD_SNAPSHOT_SECONDS"]


def _told(folder: Path, *arguments: object) -> Iterator[Demo]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = folder / "state"
    command = [sys.executable, "-m", "scripts.demo", "--port", port, "--out", folder, "--state-dir", state, *arguments]
    try:
        done = subprocess.run(
            [str(word) for word in command], cwd=REPOSITORY, capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            pytest.fail(f"the demo exited with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}")
        yield Demo(done.stdout, folder, state, port)
    finally:
        subprocess.run(
            [sys.executable, "-m", "local_cloud", "down", "--state-dir", str(state), "--port", str(port)],
            cwd=REPOSITORY,
            capture_output=True,
        )
