"""Alarms: dimensions, periods, missing data, and how long a state is held."""

import json
import re
import time

import pytest

from local_cloud import alarms
from tests.local_cloud.conftest import ROLE, Cloud, wait_until


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


def test_a_change_of_state_is_an_event_that_starts_what_a_rule_says(cloud: Cloud) -> None:
    """The pattern and the transformer are those of a rule on a family of alarms by the beginning of their names."""
    steps, events, client = cloud.client("stepfunctions"), cloud.client("events"), cloud.client("cloudwatch")
    definition = {"QueryLanguage": "JSONata", "StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    machine = steps.create_state_machine(name="alarmed", definition=json.dumps(definition), roleArn=ROLE)
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [{"prefix": "watched-drift-"}], "state": {"value": ["ALARM"]}},
    }
    events.put_rule(Name="on-alarm", EventPattern=json.dumps(pattern))
    transformer = {
        "InputPathsMap": {"alarm": "$.detail.alarmName", "reason": "$.detail.state.reason"},
        "InputTemplate": '{"alarm": <alarm>, "reason": <reason>}',
    }
    target = {"Id": "1", "Arn": machine["stateMachineArn"], "RoleArn": ROLE, "InputTransformer": transformer}
    events.put_targets(Rule="on-alarm", Targets=[target])
    for name in ("watched-drift-score", "watched-latency"):
        client.put_metric_alarm(
            AlarmName=name,
            Namespace="Test/Events",
            MetricName="Drift",
            Statistic="Maximum",
            Period=3600,
            EvaluationPeriods=1,
            Threshold=0.1,
            ComparisonOperator="GreaterThanThreshold",
        )
    client.put_metric_data(Namespace="Test/Events", MetricData=[{"MetricName": "Drift", "Value": 0.4}])

    def executions() -> list[dict]:
        return steps.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]

    (execution,) = wait_until(executions, 15)
    assert re.fullmatch(r"[0-9a-f-]{36}_[0-9a-f-]{36}", execution["name"])
    given = json.loads(steps.describe_execution(executionArn=execution["executionArn"])["input"])
    assert given["alarm"] == "watched-drift-score" and "0.4" in given["reason"]
    # Back to normal is a change, too, but not one that the rule is about.
    client.set_alarm_state(AlarmName="watched-drift-score", StateValue="OK", StateReason='"quoted"')
    time.sleep(0.5)
    inputs = [steps.describe_execution(executionArn=one["executionArn"])["input"] for one in executions()]
    assert not [given for given in inputs if "quoted" in given]
