"""Metrics of functions and REST APIs: the embedded metric format, AWS's own, and alarms on them."""

import http.client
import json
import time
from typing import Any

import pytest

from local_cloud.functions.embedded_metrics import Sample, samples
from tests.local_cloud import functions
from tests.local_cloud.conftest import Cloud, unique, wait_until

EMITTER = """
import json, time

def handler(event, context):
    print("an ordinary line")
    print(json.dumps({
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [{
                "Namespace": event["namespace"],
                "Dimensions": [["service"]],
                "Metrics": [{"Name": "DegradedDecisions", "Unit": "Count"}],
            }],
        },
        "service": "scoring",
        "DegradedDecisions": [1.0, 1.0],
    }))
"""


def line(**members: Any) -> str:
    directive = {"Namespace": "N", "Dimensions": [["a"], ["a", "b"]], "Metrics": [{"Name": "M", "Unit": "Count"}]}
    document = {"_aws": {"Timestamp": 5000, "CloudWatchMetrics": [directive]}, "a": "x", "b": 1, "M": 2}
    return json.dumps({**document, **members})


def test_each_set_of_dimensions_gets_each_value() -> None:
    assert list(samples(line(M=[2, 3]))) == [
        Sample("N", (("a", "x"),), "M", 2.0, "Count", 5.0),
        Sample("N", (("a", "x"),), "M", 3.0, "Count", 5.0),
        Sample("N", (("a", "x"), ("b", "1")), "M", 2.0, "Count", 5.0),
        Sample("N", (("a", "x"), ("b", "1")), "M", 3.0, "Count", 5.0),
    ]


@pytest.mark.parametrize(
    "text", ['{"_aws": {', '{"_aws": 1}', '{"_aws": {}}', '["_aws"]', line(M="no number"), line(M=None), line(_aws={})]
)
def test_other_lines_are_none(text: str) -> None:
    assert list(samples(text)) == []


def test_a_metric_without_dimensions_and_timestamp() -> None:
    directive = {"Namespace": "N", "Metrics": [{"Name": "M"}]}
    assert list(samples(json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "M": 1}))) == [
        Sample("N", (), "M", 1.0, "None", None)
    ]


def total(cloud: Cloud, namespace: str, metric: str, **dimensions: str) -> float:
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=60,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in answer["Datapoints"])


def test_what_a_function_prints_sets_off_an_alarm(cloud: Cloud) -> None:
    namespace, alarm = unique("Namespace"), unique("alarm")
    client = cloud.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=alarm,
        Namespace=namespace,
        MetricName="DegradedDecisions",
        Dimensions=[{"Name": "service", "Value": "scoring"}],
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )

    def state() -> str:
        return client.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"]

    name = functions.create(cloud, EMITTER)
    for _ in range(2):
        functions.invoke(cloud, name, {"namespace": namespace})
    wait_until(lambda: total(cloud, namespace, "DegradedDecisions", service="scoring") == 4, 10)
    assert state() != "ALARM"
    functions.invoke(cloud, name, {"namespace": namespace})
    wait_until(lambda: state() == "ALARM", 15)


def test_lambda_and_the_gateway_count_calls(cloud: Cloud) -> None:
    source = """
def handler(event, context):
    if event["path"] == "/bad":
        raise ValueError
    return {"statusCode": 404 if event["path"] == "/missing" else 200}
"""
    name = functions.create(cloud, source)
    api = functions.api(cloud, name, "/good", "/bad", "/missing")
    called = cloud.client("apigateway").get_rest_api(restApiId=api)["name"]
    for path in ("/good", "/good", "/missing", "/bad"):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
        connection.request("GET", f"/restapis/{api}/v1/_user_request_{path}")
        connection.getresponse().read()
        connection.close()

    def counts() -> list[float]:
        gateway = [
            total(cloud, "AWS/ApiGateway", metric, ApiName=called, Stage="v1")
            for metric in ("Count", "4XXError", "5XXError")
        ]
        return gateway + [total(cloud, "AWS/Lambda", metric, FunctionName=name) for metric in ("Invocations", "Errors")]

    wait_until(lambda: counts() == [4, 1, 1, 4, 1], 10)
    assert total(cloud, "AWS/ApiGateway", "Latency", ApiName=called) > 0
    assert total(cloud, "AWS/Lambda", "Duration", FunctionName=name) > 0


def test_a_refused_call_is_a_throttle(cloud: Cloud) -> None:
    name = functions.create(cloud, EMITTER)
    client = cloud.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        functions.invoke(cloud, name)
    wait_until(lambda: total(cloud, "AWS/Lambda", "Throttles", FunctionName=name) == 1, 10)
    assert total(cloud, "AWS/Lambda", "Invocations", FunctionName=name) == 0
