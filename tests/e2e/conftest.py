"""The demo run once, small, on a free port: the tests of this tier look at what it left."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scripts.cdk import ACCOUNT

if TYPE_CHECKING:
    from tests.e2e.payments import Payments

REPOSITORY = Path(__file__).resolve().parent.parent.parent


class LocalSession(boto3.Session):
    """boto3 against one local cloud."""

    def __init__(self, endpoint_url: str) -> None:
        super().__init__(aws_access_key_id=ACCOUNT, aws_secret_access_key="local", region_name="us-east-1")
        self._endpoint_url = endpoint_url

    def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        return super().client(service_name, *arguments, endpoint_url=self._endpoint_url, **options)


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
        return self.session().client(service)

    def session(self) -> boto3.Session:
        """What the scripts of the demo ask for clients."""
        return LocalSession(self.endpoint_url)

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

    def stop(self) -> None:
        """Stop the cloud; one that is stopped stays so."""
        place = ("--state-dir", str(self.state), "--port", str(self.port))
        subprocess.run([sys.executable, "-m", "local_cloud", "down", *place], cwd=REPOSITORY, capture_output=True)

    def json(self, bucket: str, key: str) -> Any:
        return json.load(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """FRAUDSTACK_DEMO=<folder>:<port> names one that is still up (its console in demo.log), while tests are written."""
    if running := _running("FRAUDSTACK_DEMO"):
        yield running
        return
    small = ("--customers", 400, "--days", 60, "--seed", 3, "--trials", 2, "--replay", 1500)
    yield from _told(tmp_path_factory.mktemp("demo"), *small)


@pytest.fixture(scope="session")
def people(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What was refused to each persona that did all that it can do: nothing, if its role suffices."""
    from tests.e2e.people.exercise import exercise

    return exercise(demo, tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo of the loop: a platform of its own, whose prices tripled; FRAUDSTACK_LOOP names one that is still up.

    The files test_loop*.py are its story in the order of their names: the last one kills its cloud.
    """
    if running := _running("FRAUDSTACK_LOOP"):
        yield running
        return
    yield from _told(tmp_path_factory.mktemp("loop"), "--loop", "--seed", 3)


@pytest.fixture(scope="session")
def payments(loop: Demo) -> Payments:
    """Payments of the days after the loop's, at its prices."""
    from scripts.demo.loop import EVENT_TYPE, PRICE_FACTOR, SPELL
    from tests.e2e.payments import Payments

    return Payments.after(loop, loop.folder / "simulated", EVENT_TYPE, days=SPELL, price=PRICE_FACTOR)


def _running(variable: str) -> Demo | None:
    if not (given := os.environ.get(variable)):
        return None
    place, _, port = given.rpartition(":")
    console = Path(place) / "demo.log"
    return Demo(console.read_text() if console.exists() else "", Path(place), Path(place) / "state", int(port))


def _told(folder: Path, *arguments: object) -> Iterator[Demo]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = Demo("", folder, folder / "state", port)
    command = [sys.executable, "-m", "scripts.demo", "--port", port, "--out", folder, "--state-dir", told.state]
    try:
        done = subprocess.run(
            [str(word) for word in (*command, *arguments)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode:
            pytest.fail(f"the demo exited with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}")
        yield replace(told, console=done.stdout)
    finally:
        told.stop()
