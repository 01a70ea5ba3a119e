"""Many callers at once: transactions stay atomic, and calls through API Gateway do not wait for each other."""

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud import functions
from tests.local_cloud.conftest import Cloud, unique

CALLERS = 64


@pytest.fixture
def table(cloud: Cloud) -> str:
    name = unique("table")
    cloud.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def at_once(work: Any) -> list[Any]:
    """Results of CALLERS threads that start together."""
    barrier = threading.Barrier(CALLERS)

    def run(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(CALLERS) as threads:
        return list(threads.map(run, range(CALLERS)))


def test_one_of_many_transactions_on_the_same_item_wins(cloud: Cloud, table: str) -> None:
    client = cloud.client("dynamodb")
    client.put_item(TableName=table, Item={"id": {"S": "profile"}, "version": {"N": "1"}})

    def write(number: int) -> Any:
        update = {
            "TableName": table,
            "Key": {"id": {"S": "profile"}},
            "UpdateExpression": "SET version = :next, writer = :writer",
            "ConditionExpression": "version = :seen",
            "ExpressionAttributeValues": {
                ":next": {"N": "2"},
                ":seen": {"N": "1"},
                ":writer": {"N": str(number)},
            },
        }
        put = {"TableName": table, "Item": {"id": {"S": f"decision-{number}"}}}
        try:
            client.transact_write_items(TransactItems=[{"Put": put}, {"Update": update}])
        except ClientError as error:
            return error.response
        return None

    answers = at_once(write)
    refused = [answer for answer in answers if answer is not None]
    assert len(refused) == CALLERS - 1
    for answer in refused:
        assert answer["Error"]["Code"] == "TransactionCanceledException"
        assert [reason["Code"] for reason in answer["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    winner = answers.index(None)
    items = {item["id"]["S"]: item for item in client.scan(TableName=table, ConsistentRead=True)["Items"]}
    assert items.keys() == {"profile", f"decision-{winner}"}, "losers write nothing"
    assert items["profile"] == {"id": {"S": "profile"}, "version": {"N": "2"}, "writer": {"N": str(winner)}}


def test_no_count_is_lost_when_losers_try_again(cloud: Cloud, table: str) -> None:
    client = cloud.client("dynamodb")
    client.put_item(TableName=table, Item={"id": {"S": "counter"}, "version": {"N": "0"}})

    def add(_: int) -> None:
        while True:
            seen = client.get_item(TableName=table, Key={"id": {"S": "counter"}}, ConsistentRead=True)["Item"][
                "version"
            ]
            item = {"id": {"S": "counter"}, "version": {"N": str(int(seen["N"]) + 1)}}
            put = {
                "TableName": table,
                "Item": item,
                "ConditionExpression": "version = :seen",
                "ExpressionAttributeValues": {":seen": seen},
            }
            try:
                client.transact_write_items(TransactItems=[{"Put": put}])
                return
            except client.exceptions.TransactionCanceledException:
                continue

    at_once(add)
    found = client.get_item(TableName=table, Key={"id": {"S": "counter"}}, ConsistentRead=True)["Item"]
    assert found["version"] == {"N": str(CALLERS)}


def test_slow_calls_through_the_gateway_run_side_by_side(cloud: Cloud) -> None:
    source = """
import time

def handler(event, context):
    time.sleep(1.5)
    return {"statusCode": 200, "body": "ok"}
"""
    name = functions.create(cloud, source)
    api = functions.api(cloud, name, "/x")

    def call(_: int = 0) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
        connection.request("GET", f"/restapis/{api}/v1/_user_request_/x")
        status = connection.getresponse().status
        connection.close()
        return status

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(call, range(4)))
        began = time.monotonic()
        assert list(threads.map(call, range(4))) == [200] * 4
        took = time.monotonic() - began
    assert took < 4, "four calls of 1.5 s each, one after another, take 6 s"


def test_a_trivial_call_through_the_gateway_costs_milliseconds(cloud: Cloud) -> None:
    """A guard against waits in the path, not a benchmark: the median of 200 calls on one connection."""
    name = functions.create(cloud, "def handler(event, context): return {'statusCode': 200, 'body': 'ok'}")
    api = functions.api(cloud, name, "/x")
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        connection.request("GET", f"/restapis/{api}/v1/_user_request_/x")
        assert connection.getresponse().read() == b"ok"
        times.append(time.perf_counter() - began)
    connection.close()
    assert sorted(times)[100] < 0.03


def test_a_connection_is_kept_for_more_than_a_thousand_requests(cloud: Cloud) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    connection.connect()
    socket = connection.sock
    for _ in range(1100):
        connection.request("GET", "/_ministack/health")
        connection.getresponse().read()
    assert connection.sock is socket
    connection.close()
