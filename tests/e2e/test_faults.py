"""The deployed platform under faults that only a whole one can have."""

import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from scripts.scoring.client import ScoringClient
from tests.e2e.conftest import Demo
from tests.e2e.monitors import until

pytestmark = pytest.mark.timeout(300)
PAYMENTS = 120


def test_the_endpoints_processes_are_killed_under_load_and_no_decision_is_lost(demo, monkeypatch):
    """All processes of the model die while payments come in over eight connections.

    Promised: each payment is answered with a decision, once; those without a score say so (`degraded`); the model
    answers again by itself.
    """
    for name, value in demo.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    client = ScoringClient(demo.outputs("scoring")["ApiUrl"], "us-east-1", endpoint_url=demo.endpoint_url)
    answered, killed = [], threading.Event()

    def pay(number: int) -> dict:
        status, answer = client.request("POST", "/transactions", _payment(f"killed-{number}", number))
        answered.append(status)
        if len(answered) > PAYMENTS // 3 and not killed.is_set():
            killed.set()
            for process in _models(demo):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        return answer

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(pay, range(PAYMENTS)))
    assert killed.is_set() and set(answered) == {200}
    for number, answer in enumerate(answers):
        kept = client.decision(f"killed-{number}")
        assert kept["status"] == "decided" and kept["outcome"] == answer["outcome"]
        assert (answer["score"] is None) == answer["degraded"]
    assert _scored_again(client)


def _payment(identifier: str, number: int) -> dict:
    moment = f"2018-05-30T12:{number % 60:02d}:00Z"
    return {
        "TRANSACTION_ID": identifier,
        "TX_DATETIME": moment,
        "CUSTOMER_ID": 1000 + number,
        "TERMINAL_ID": 2000 + number,
        "TX_AMOUNT": 12.5,
    }


def _models(demo: Demo) -> list[psutil.Process]:
    server = psutil.Process(json.loads((demo.state / "server.json").read_text())["pid"])
    found = []
    for process in server.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--model-dir" in process.cmdline():
                found.append(process)
    assert found
    return found


def _scored_again(client: ScoringClient) -> bool:
    deadline = time.monotonic() + 60
    for number in range(10_000):
        if not client.score(_payment(f"after-{number}", number))["degraded"]:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return False


def test_while_the_data_key_is_disabled_nothing_is_decided_and_nothing_is_lost(demo, monkeypatch):
    """Promised: callers are told to send the same request again, and once the key is back it is decided once."""
    for name, value in demo.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    client = ScoringClient(demo.outputs("scoring")["ApiUrl"], "us-east-1", endpoint_url=demo.endpoint_url)
    before = client.score(_payment("key-0", 0))
    kms = demo.client("kms")
    key = kms.describe_key(KeyId="alias/fraudstack-dev-data")["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    try:
        refused = [
            client.request("POST", "/transactions", _payment("key-1", 1)),
            client.request("POST", "/labels", {"id": "key-0", "label": "fraud"}),
            client.request("GET", "/decisions/key-0"),
        ]
    finally:
        kms.enable_key(KeyId=key)
    assert [(status, "send the same request again" in problem["detail"]) for status, problem in refused] == [
        (500, True)
    ] * 3
    kept = client.decision("key-0")
    assert kept["outcome"] == before["outcome"] and kept["label"] is None
    again = client.score(_payment("key-1", 1))
    assert again == client.score(_payment("key-1", 1))
    # The next test kills the cloud: that the key is enabled has to be saved by then, as all is that came before a tag.
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "fault", "TagValue": "is over"}])
    until(lambda: "is over" in (demo.state / "services" / "kms.json").read_text())
