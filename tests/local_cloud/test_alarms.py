"""Alarms: dimensions, periods, missing data, and how long a state is held."""

import time

import pytest

from local_cloud import alarms
from tests.local_cloud.conftest import Cloud, wait_until


def _alarm(**members: object) -> dict:
    return {
        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "EvaluationPeriods": 2, "StateValue": "OK",
        "TreatMissingData": "notBreaching", "StateUpdatedTimestamp": 0, **members,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("alarm", "values", "expected"),
    [
        (_alarm(), [5.0, 5.0], "ALARM"),
        (_alarm(), [5.0, 0.0], None),
        (_alarm(), [5.0, None], None),
        (_alarm(DatapointsToAlarm=1), [0.0, 5.0], "ALARM"),
        (_alarm(TreatMissingData="breaching"), [5.0, None], "ALARM"),
        (_alarm(TreatMissingData="missing"), [None, None], "INSUFFICIENT_DATA"),
        (_alarm(TreatMissingData="ignore"), [None, None], None),
        (_alarm(StateValue="ALARM"), [None, None], "OK"),
        (_alarm(StateValue="ALARM", StateUpdatedTimestamp=950), [None, None], None),
        (_alarm(StateValue="INSUFFICIENT_DATA"), [1.0, None], "OK"),
        (_alarm(ComparisonOperator="LessThanOrEqualToThreshold"), [1.0, 1.0], "ALARM"),
    ],
)
def test_states(alarm: dict, values: list[float | None], expected: str | None) -> None:
    found = alarms.state(alarm, values, 1000.0)
    assert (found and found[0]) == expected


def test_only_the_alarms_own_dimensions_count(cloud: Cloud) -> None:
    client = cloud.client("cloudwatch")
    for endpoint in ("mine", "other"):
        client.put_metric_alarm(
            AlarmName=f"errors-of-{endpoint}",
            Namespace="Test/Alarms",
            MetricName="Errors",
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=3,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )

    def states() -> dict[str, str]:
        answer = client.describe_alarms(AlarmNamePrefix="errors-of-")
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}

    datum = {"MetricName": "Errors", "Dimensions": [{"Name": "EndpointName", "Value": "other"}], "Value": 2.0}
    client.put_metric_data(Namespace="Test/Alarms", MetricData=[datum])
    client.put_metric_data(Namespace="Test/Alarms", MetricData=[{**datum, "Timestamp": time.time() - 3600}] * 4)
    assert states() == {"errors-of-mine": "OK", "errors-of-other": "OK"}
    client.put_metric_data(Namespace="Test/Alarms", MetricData=[datum])
    wait_until(lambda: states() == {"errors-of-mine": "OK", "errors-of-other": "ALARM"}, 10)
