"""The engine `model-monitor` when labels come late: what its schedules find rings alarms, and an alarm asks the guard.

The alarms, the rules and the machine are the platform's own; the guard is a machine that notes what it was asked.
"""

import dataclasses
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from stacks.monitoring.outcome import build_outcome_definition
from tests.local_cloud import project
from tests.local_cloud.conftest import ACCOUNT, NEEDS_OPT_ML, REGION, Cloud, wait_until
from tests.local_cloud.hosting import BUCKET, ROLE, Hosting
from tests.local_cloud.stacks import Stack
from tests.local_cloud.test_monitoring_kinds import execute
from tests.local_cloud.test_monitoring_machine import settings

ANALYZER = f"156813124566.dkr.ecr.{REGION}.amazonaws.com/sagemaker-model-monitor-analyzer"
ENDPOINT, SCHEDULE = "fraudstack-dev", "fraudstack-dev-model-quality"
LATE = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=7, hours=3)
SETTINGS = dataclasses.replace(settings(), reports_bucket=BUCKET, monitoring_stack="late-labels")
ALARMS = (
    "quality-recall",
    "quality-average-precision",
    "monitoring-not-run-model-quality",
    "monitoring-not-run-model-bias",
)

pytestmark = NEEDS_OPT_ML


@pytest.fixture(scope="module")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    """A cloud of its own, because the names are the platform's: endpoint, week-old captures, labels and monitor."""
    # An alarm that is on from the beginning stays so for a minute, or the scaled part of one.
    cloud = Cloud(tmp_path_factory.mktemp("late"), environment={"LOCAL_CLOUD_ALARM_PERIOD_SCALE": "0.1"})
    cloud.run("up")
    hosting = Hosting(cloud)
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captures",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    hosting.config(ENDPOINT, hosting.model(ENDPOINT), DataCaptureConfig=capture)
    hosting.deploy(ENDPOINT, ENDPOINT)
    _missed_frauds(hosting)
    _monitor(hosting)
    stack = Stack(cloud, "late-labels")
    parameters = {"ModelPackageArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/fraudstack-dev/1"}
    assert stack.deploy(_template(), **parameters) == "CREATE_COMPLETE", stack.failures()
    yield hosting
    cloud.run("down")


def _missed_frauds(hosting: Hosting) -> None:
    """An hour of a week ago: ten frauds in two hundred events, and not one of them was seen."""
    captures, labels = [], []
    for at in range(200):
        fraud = at < 10
        moment = LATE + timedelta(seconds=at)
        data = {
            part: {"observedContentType": "text/csv", "mode": mode, "data": value, "encoding": "CSV"}
            for part, mode, value in (
                ("endpointInput", "INPUT", f"{at},1"),
                ("endpointOutput", "OUTPUT", f"{0.01 if fraud else 0.02 + at / 1000}"),
            )
        }
        metadata = {"eventId": f"e{at}", "inferenceId": f"e{at}", "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        captures.append({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})
        truth = {"data": str(int(fraud)), "encoding": "CSV"}
        labels.append({"groundTruthData": truth, "eventMetadata": {"eventId": f"e{at}"}, "eventVersion": "0"})
    for prefix, lines in ((f"captures/{ENDPOINT}/primary", captures), ("truth", labels)):
        body = "".join(json.dumps(line) + "\n" for line in lines)
        hosting.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{LATE:%Y/%m/%d/%H}/00-00-000-a.jsonl", Body=body.encode())
    floor = {"recall": {"threshold": 0.5, "comparison_operator": "LessThanThreshold"}}
    constraints = json.dumps({"version": 0.0, "binary_classification_constraints": floor})
    hosting.s3.put_object(Bucket=BUCKET, Key="baseline/constraints.json", Body=constraints)


def _monitor(hosting: Hosting) -> None:
    output = {"S3Uri": f"s3://{BUCKET}/monitoring", "LocalPath": "/opt/ml/processing/output"}
    source = {
        "EndpointName": ENDPOINT,
        "LocalPath": "/opt/ml/processing/input/endpoint",
        "StartTimeOffset": "-P8D",
        "EndTimeOffset": "-P7D",
        "ProbabilityAttribute": "0",
        "ProbabilityThresholdAttribute": 0.5,
    }
    hosting.sagemaker.create_model_quality_job_definition(
        JobDefinitionName=SCHEDULE,
        ModelQualityAppSpecification={"ImageUri": ANALYZER, "ProblemType": "BinaryClassification"},
        ModelQualityBaselineConfig={"ConstraintsResource": {"S3Uri": f"s3://{BUCKET}/baseline/constraints.json"}},
        ModelQualityJobInput={"EndpointInput": source, "GroundTruthS3Input": {"S3Uri": f"s3://{BUCKET}/truth"}},
        ModelQualityJobOutputConfig={"MonitoringOutputs": [{"S3Output": output}]},
        JobResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        RoleArn=ROLE,
    )
    hosting.sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=SCHEDULE,
        MonitoringScheduleConfig={
            "ScheduleConfig": {"ScheduleExpression": "cron(0 4 ? * * *)"},
            "MonitoringJobDefinitionName": SCHEDULE,
            "MonitoringType": "ModelQuality",
        },
    )


def _template() -> dict[str, Any]:
    """The machine, and from the platform's templates its alarms and the rules that pass on what happens."""
    note = json.dumps({"StartAt": "Note", "States": {"Note": {"Type": "Succeed"}}})
    machines = {
        logical: {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"StateMachineName": f"late-{logical}", "DefinitionString": definition, "RoleArn": ROLE},
        }
        for logical, definition in (("outcome", json.dumps(build_outcome_definition(SETTINGS))), ("guard", note))
    }
    resources: dict[str, Any] = dict(machines)
    rules = (
        ("monitoring", "fraudstack-dev-monitoring-outcome", "outcome"),
        ("retraining-loop", "fraudstack-dev-retraining-alarm", "guard"),
    )
    for concern, name, machine in rules:
        properties = _named(concern, "AWS::Events::Rule", "Name", name)
        target = {**properties["Targets"][0], "Arn": {"Ref": machine}, "RoleArn": ROLE}
        resources[f"{machine}Rule"] = {"Type": "AWS::Events::Rule", "Properties": {**properties, "Targets": [target]}}
    for number, name in enumerate(ALARMS):
        properties = _named("monitoring", "AWS::CloudWatch::Alarm", "AlarmName", f"fraudstack-dev-{name}")
        kept = {key: value for key, value in properties.items() if not key.endswith("Actions")}
        resources[f"alarm{number}"] = {"Type": "AWS::CloudWatch::Alarm", "Properties": kept}
    return {"Parameters": {"ModelPackageArn": {"Type": "String"}}, "Resources": resources}


def _named(concern: str, kind: str, member: str, name: str) -> dict[str, Any]:
    resources = project.template("dev", concern)["Resources"].values()
    (found,) = [each["Properties"] for each in resources if each["Type"] == kind and each["Properties"][member] == name]
    return found


def state(hosting: Hosting, alarm: str) -> str:
    client = hosting.cloud.client("cloudwatch")
    return client.describe_alarms(AlarmNames=[f"fraudstack-dev-{alarm}"])["MetricAlarms"][0]["StateValue"]


def values(hosting: Hosting, namespace: str, metric: str, begin: datetime, **dimensions: str) -> list[float]:
    answer = hosting.cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[
            {"Name": name, "Value": value} for name, value in {"MonitoringSchedule": SCHEDULE, **dimensions}.items()
        ],
        StartTime=begin,
        EndTime=begin + timedelta(hours=2),
        Period=3600,
        Statistics=["Sum"],
    )
    return [point["Sum"] for point in answer["Datapoints"]]


def asked(hosting: Hosting) -> list[dict[str, Any]]:
    """What the guard was asked."""
    steps, arn = hosting.cloud.client("stepfunctions"), f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:late-guard"
    listed = steps.list_executions(stateMachineArn=arn)["executions"]
    return [json.loads(steps.describe_execution(executionArn=each["executionArn"])["input"]) for each in listed]


def test_quality_of_a_week_ago_rings_todays_alarm_which_asks_the_guard(hosting: Hosting) -> None:
    window = f"?start={LATE:%Y-%m-%dT%H:%M:%SZ}&end={LATE + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    execution = execute(hosting, SCHEDULE, window)
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations", execution
    for alarm in ("quality-recall", "quality-average-precision"):
        wait_until(lambda alarm=alarm: state(hosting, alarm) == "ALARM")
    # The analyser's own metric bears the window's time, where no alarm would find it.
    analysed = ("aws/sagemaker/Endpoints/model-metrics", "recall")
    assert values(hosting, *analysed, LATE, Endpoint=ENDPOINT) == [0.0]
    recently = datetime.now(timezone.utc) - timedelta(hours=1)
    assert values(hosting, *analysed, recently, Endpoint=ENDPOINT) == []
    assert values(hosting, "fraudstack", "recall", recently) == [0.0]
    questions = wait_until(lambda: len(found := asked(hosting)) >= 2 and found)
    assert {question["alarm"] for question in questions} == {
        "fraudstack-dev-quality-recall",
        "fraudstack-dev-quality-average-precision",
    }
    assert {question["trigger"] for question in questions} == {"alarm"}


def test_a_monitor_that_ran_is_told_from_one_that_did_not(hosting: Hosting) -> None:
    """Needs the run before."""
    wait_until(lambda: state(hosting, "monitoring-not-run-model-quality") == "OK")
    wait_until(lambda: state(hosting, "monitoring-not-run-model-bias") == "ALARM")


def test_an_empty_window_is_counted_although_it_leaves_no_job(hosting: Hosting) -> None:
    empty = execute(hosting, SCHEDULE, "?start=2020-01-01T00:00:00Z&end=2020-01-01T01:00:00Z")
    assert empty["FailureReason"] == "Job inputs had no data"
    steps = hosting.cloud.client("stepfunctions")
    # The machine looks at the hour that ended half an hour before.
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    arn = steps.start_execution(
        stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:late-outcome",
        input=json.dumps({"time": f"{later:%Y-%m-%dT%H:%M:%SZ}"}),
    )["executionArn"]
    while (execution := steps.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.1)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    recently = datetime.now(timezone.utc) - timedelta(hours=1)
    assert sum(values(hosting, "fraudstack", "MonitoringRunsWithoutData", recently)) == 1
