"""A real server process for the tests of this tier, on a free port and an empty state folder."""

import io
import os
import socket
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_cloud.sagemaker import containers

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ACCOUNT = "000000000000"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Cloud:
    """One local cloud; ``run`` calls its command line, ``client`` gives boto3 clients of it."""

    state_dir: Path
    config: Path = REPOSITORY / "local_cloud.toml"
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        common = [f"--port={self.port}", f"--state-dir={self.state_dir}", f"--config={self.config}"]
        result = subprocess.run(
            [sys.executable, "-m", "local_cloud", *arguments, *common],
            cwd=REPOSITORY,
            env={**os.environ, "LOCAL_CLOUD_SNAPSHOT_SECONDS": "0.5", **self.environment},
            capture_output=True,
            text=True,
            timeout=90,
        )
        if check and result.returncode:
            raise AssertionError(f"local_cloud {arguments} failed:\n{result.stdout}{result.stderr}")
        return result

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 0}, read_timeout=120, s3={"addressing_style": "path"}),
        )


CONTAINERS = Path(__file__).with_name("containers")
IMAGES = f"""
[[image]]
match = "^plain-trial:"
training = ["python3", "/opt/ml/input/data/code/trial.py"]

[[image]]
match = "^monitors.test/sagemaker-model-monitor-groundtruth-merger"
processing = ["python3", "{CONTAINERS}/merger.py"]

[[image]]
match = "^monitors.test/"
processing = ["python3", "{CONTAINERS}/analyser.py"]
"""


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The server all tests of this tier share: use names of your own."""
    images = tmp_path_factory.mktemp("images") / "local_cloud.toml"
    images.write_text(IMAGES + (REPOSITORY / "local_cloud.toml").read_text())
    secret = {"DEVELOPER_SECRET": "must not reach a job", "PYTHONPATH": str(REPOSITORY)}
    cloud = Cloud(tmp_path_factory.mktemp("cloud"), images, environment=secret)
    cloud.run("up")
    yield cloud
    cloud.run("down")


@pytest.fixture
def own_cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A server that the test may kill or reset; it is not started yet."""
    cloud = Cloud(tmp_path / "state")
    yield cloud
    cloud.run("down", check=False)


def wait_until(condition: Callable[[], Any], seconds: float = 60, every: float = 0.05) -> Any:
    """The first true value of the condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(every)
    raise AssertionError(f"not reached within {seconds} s")


ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
XGBOOST = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.2-0"
NEEDS_OPT_ML = pytest.mark.skipif(
    not containers.has_namespaces(),
    reason="the kernel gives this user no mount namespaces, so scripts that know /opt/ml by heart cannot run",
)
# Any script with any metric may be tuned in this one; AWS treats its XGBoost image as a built-in algorithm.
SCIKIT_LEARN = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def tar_gz(files: dict[str, str | bytes]) -> bytes:
    """A tar.gz of the files, given by name and content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
