"""The cloud under test: LOCALSTACK_HOST where set, else the embedded one and, where it can be had, a LocalStack."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from localstack_client.session import Session

from tests.local_cloud.conftest import REGION, Cloud, free_port
from tests.localstack import endpoints

GIVEN = os.environ.get("LOCALSTACK_HOST")
KINDS = ("given",) if GIVEN else ("ministack", "localstack")


@dataclass(frozen=True)
class Target:
    """A cloud by host and port, spoken to as its own users do: through localstack-client."""

    kind: str
    host: str

    def client(self, service: str) -> Any:
        return Session("000000000000", "local", None, REGION, localstack_host=self.host).client(service)


@pytest.fixture(scope="session", params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "given":
        yield Target("given", GIVEN if ":" in GIVEN else f"{GIVEN}:{os.environ.get('EDGE_PORT', '4566')}")
    elif request.param == "ministack":
        yield from _embedded(folder)
    else:
        try:
            with endpoints.running(folder, free_port()) as host:
                yield Target("localstack", host)
        except endpoints.Absent as reason:
            pytest.skip(str(reason))


def _embedded(folder: Path) -> Iterator[Target]:
    cloud = Cloud(folder / "state")
    cloud.run("up")
    yield Target("ministack", f"127.0.0.1:{cloud.port}")
    cloud.run("down")
