"""The scoring API as it is deployed: API Gateway, the packed function, its tables, a real endpoint, over real HTTP."""

from __future__ import annotations

import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.session import Session

from fraud import event_types
from fraud.features.online import OnlineEngine
from scripts.scoring.client import Refused, ScoringClient
from tests.local_cloud import project
from tests.local_cloud.conftest import REGION, Cloud, wait_until
from tests.local_cloud.hosting import Hosting

NAME = "fraudstack-dev"
WRITERS = 64
# The endpoint's answer in the form of inference_code/inference.py: risky above 500, in proportion below.
MODEL = """
import json
def model_fn(folder):
    return None
def input_fn(body, content_type):
    return json.loads(body)
def predict_fn(request, model):
    return [min(row[0] / 500, 0.999) for row in request["instances"]]
def output_fn(values, accept):
    predictions = [
        {"probability": value, "score": round(1000 * value), "reasons": [{"feature": "TX_AMOUNT", "contribution": 1.0}]}
        for value in values
    ]
    return json.dumps({"predictions": predictions, "model": {"algorithm": "test"}}), "application/json"
"""


@dataclass
class Api:
    """The deployed API, its client, and a way to see what was stored."""

    cloud: Cloud
    client: ScoringClient
    url: str
    hosting: Hosting

    def features(self, identifier: str) -> dict[str, float]:
        item = self.cloud.client("dynamodb").get_item(TableName=f"{NAME}-decisions", Key={"id": {"S": identifier}})
        names = OnlineEngine(event_types.load("card-transactions")).feature_names
        return dict(zip(names, struct.unpack(f"<{len(names)}d", item["Item"]["features"]["B"]), strict=True))

    def metric(self, name: str) -> float:
        now = datetime.now(UTC)
        points = self.cloud.client("cloudwatch").get_metric_statistics(
            Namespace="fraudstack",
            MetricName=name,
            Dimensions=[{"Name": "service", "Value": f"{NAME}-scoring"}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    cloud = Cloud(tmp_path_factory.mktemp("scoring"))
    cloud.run("up")
    try:
        # The one thing of the CDK's bootstrap stack that templates refer to.
        version = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "29", "Type": "String"}
        cloud.client("ssm").put_parameter(**version)
        for concern in ("keys", "network", "identity", "storage"):
            project.deploy(cloud, "dev", concern)
        outputs = project.deploy(cloud, "dev", "scoring").outputs()
        hosting = Hosting(cloud)
        serve(hosting)
        yield Api(cloud, client_of(cloud, outputs["ApiUrl"]), outputs["ApiUrl"], hosting)
    finally:
        cloud.run("down", check=False)


def serve(hosting: Hosting) -> None:
    answer = hosting.deploy(NAME, hosting.config(NAME, hosting.model(NAME, code=MODEL)))
    assert answer["EndpointStatus"] == "InService", answer


def client_of(cloud: Cloud, url: str) -> ScoringClient:
    session = Session()
    session.set_credentials("000000000000", "local")
    return ScoringClient(url, REGION, endpoint_url=cloud.endpoint_url, connections=WRITERS, session=session)


def payment(identifier: Any, **changes: Any) -> dict[str, Any]:
    return {
        "TRANSACTION_ID": identifier,
        "TX_DATETIME": "2026-01-31T12:00:00Z",
        "CUSTOMER_ID": 596,
        "TERMINAL_ID": 3156,
        "TX_AMOUNT": 57.16,
        **changes,
    }


def refused(work: Any, status: int) -> dict[str, Any]:
    with pytest.raises(Refused) as caught:
        work()
    assert caught.value.status == status, caught.value
    return caught.value.problem


def test_a_payment_is_scored_decided_and_can_be_looked_up(api: Api) -> None:
    first = api.client.score(payment("a-1", TX_AMOUNT=499.0))
    assert (first["outcome"], first["score"], first["degraded"]) == ("decline", 998, False)
    assert first["reasons"] and first["model"] == {"algorithm": "test"} and first["rules"]
    again = api.client.score(dict(reversed(payment("a-1", TX_AMOUNT=499.0).items())))
    assert again == first
    shown = api.client.decision("a-1")
    assert shown["event"] == payment("a-1", TX_AMOUNT=499.0) and shown["status"] == "decided"
    assert [decision["id"] for decision in api.client.decisions("customer:596")["decisions"]] == ["a-1"]
    assert refused(lambda: api.client.score(payment("a-1", TX_AMOUNT=1.0)), 409)["title"]
    assert wait_until(lambda: api.metric("ConflictingTransactions") == 1)


def test_many_writers_of_one_card_lose_no_count(api: Api) -> None:
    payments = [payment(f"w-{number}", CUSTOMER_ID="busy", TERMINAL_ID="busy") for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        answers = list(pool.map(api.client.score, payments))
    assert not [answer for answer in answers if answer["degraded"]]
    counts = sorted(api.features(answer["id"])["customer_count_1d"] for answer in answers)
    assert counts == list(range(1, WRITERS + 1))
    with ThreadPoolExecutor(16) as pool:
        repeats = list(pool.map(api.client.score, payments[:1] * 16))
    assert repeats == [answers[0]] * 16


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"TX_AMOUNT": "much"}, 422, "TX_AMOUNT"),
        ({"COLOUR": "red"}, 422, "COLOUR"),
        ({"TX_AMOUNT": ...}, 400, 'missing required properties (["TX_AMOUNT"])'),
        pytest.param({"TERMINAL_ID": "t" * 70_000}, 413, None, id="70 kB"),
        pytest.param({"TERMINAL_ID": "t" * 11_000_000}, 413, None, id="11 MB"),
        ({"CUSTOMER_ID": "4111 1111 1111 1111"}, 422, "CUSTOMER_ID"),
        ({"TX_DATETIME": "2999-01-01T00:00:00Z"}, 422, "TX_DATETIME"),
    ],
)
def test_what_is_wrong_is_refused_by_the_gateway_or_named_by_the_function(
    api: Api, changes: dict[str, Any], status: int, field: str | None
) -> None:
    sent = {name: value for name, value in payment("bad", **changes).items() if value is not ...}
    problem = refused(lambda: api.client.score(sent), status)
    assert problem["status"] == status and problem["title"] and problem["detail"]
    if field:
        # API Gateway names fields in its own words, the function in `field`.
        (error,) = problem["errors"]
        assert field == error["field"] or (status == 400 and field in error["message"])
    assert refused(lambda: api.client.decision("bad"), 404)


def test_unsigned_requests_are_refused(api: Api) -> None:
    host, _, stage = api.url.removeprefix("https://").rstrip("/").partition("/")
    request = urllib.request.Request(f"{api.cloud.endpoint_url}/{stage}/decisions/a-1", headers={"Host": host})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 403


def test_a_label_reaches_profiles_and_ground_truth(api: Api) -> None:
    late = {"CUSTOMER_ID": "late", "TERMINAL_ID": "late"}
    api.client.score(payment("l-1", **late))
    assert api.client.label("l-1", "fraud", "2026-02-01T00:00:00Z") == {"id": "l-1", "label": "fraud"}
    api.client.score(payment("l-2", **late, TX_DATETIME="2026-02-10T12:00:00Z"))
    assert api.features("l-1")["terminal_risk_30d"] == 0 < api.features("l-2")["terminal_risk_30d"]
    assert api.client.decision("l-1")["label"] == "fraud"
    s3, bucket = api.cloud.client("s3"), f"{NAME}-captures-000000000000-{REGION}"
    (truth,) = s3.list_objects_v2(Bucket=bucket, Prefix="ground-truth/")["Contents"]
    assert b'"eventId": "l-1"' in s3.get_object(Bucket=bucket, Key=truth["Key"])["Body"].read()
    assert refused(lambda: api.client.label("nobody", "fraud"), 404)


def test_without_the_endpoint_rules_decide_and_an_alarm_metric_counts(api: Api) -> None:
    runtime = api.cloud.client("sagemaker")
    runtime.delete_endpoint(EndpointName=NAME)
    runtime.delete_endpoint_config(EndpointConfigName=NAME)
    runtime.delete_model(ModelName=NAME)
    answer = api.client.score(payment("d-1", TX_AMOUNT=499.0))
    assert (answer["degraded"], answer["score"], answer["outcome"]) == (True, None, "approve")
    assert wait_until(lambda: api.metric("DegradedDecisions") == 1)
    serve(api.hosting)
    assert api.client.score(payment("d-2", TX_AMOUNT=499.0))["outcome"] == "decline"
    # The first answer stays, although the model is there again.
    assert api.client.score(payment("d-1", TX_AMOUNT=499.0)) == answer
