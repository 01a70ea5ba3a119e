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
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="local",
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
    folder = tmp_path_factory.mktemp("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = folder / "state"
    command = [sys.executable, "-m", "scripts.demo", "--port", port, "--out", folder, "--state-dir", state]
    command += ["--customers", 400, "--days", 60, "--seed", 3, "--trials", 2]
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
