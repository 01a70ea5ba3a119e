"""Model quality, bias and explainability: labels merged first, Clarify's settings, the model, metrics, a clean end."""

import json
import threading
import urllib.request
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from rich.console import Console

from scripts.retraining.clients import Clients
from scripts.stopping import stop_monitors
from tests.local_cloud.conftest import NEEDS_OPT_ML, Cloud, wait_until
from tests.local_cloud.hosting import BUCKET, ROLE, Hosting
from tests.local_cloud.stacks import Stack

IMAGE = "monitors.test/analyser"
NAME = "kinds"
SOURCE = {"EndpointName": NAME, "LocalPath": "/opt/ml/processing/input/endpoint"}
OUTPUT = {
    "MonitoringOutputs": [
        {"S3Output": {"S3Uri": f"s3://{BUCKET}/kinds/reports", "LocalPath": "/opt/ml/processing/output"}}
    ]
}
RESOURCES = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
BASELINE = {"ConstraintsResource": {"S3Uri": f"s3://{BUCKET}/kinds/constraints.json"}}
CONFIG = f"s3://{BUCKET}/kinds/analysis_config.json"
TRUTH = {"S3Uri": f"s3://{BUCKET}/kinds/truth"}

pytestmark = NEEDS_OPT_ML


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    """An endpoint with a captured request whose label is known, and one without a label."""
    hosting = Hosting(cloud)
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/kinds/captures",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    hosting.config(NAME, hosting.model(NAME), DataCaptureConfig=capture)
    hosting.deploy(NAME, NAME)
    put(hosting, "constraints.json", {"version": "1.0"})
    put(hosting, "analysis_config.json", {"headers": ["a"], "predictor": {"model_name": NAME}})
    for inference_id in ("known", "unknown"):
        hosting.cloud.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=NAME, ContentType="text/csv", Body="1", InferenceId=inference_id
        )
    label = {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "known"}}
    now = datetime.now(timezone.utc)
    for hour in (now - timedelta(hours=1), now):
        put(hosting, f"truth/{hour:%Y/%m/%d/%H}/labels.jsonl", {**label, "eventVersion": "0"})
    return hosting


def put(hosting: Hosting, key: str, body: Any) -> None:
    hosting.s3.put_object(Bucket=BUCKET, Key=f"kinds/{key}", Body=json.dumps(body) + "\n")


def define(hosting: Hosting, kind: str, name: str = "", **source: Any) -> None:
    """A definition and a schedule of a kind, both called after it."""
    name = name or f"{NAME}-{kind.lower()}"
    application: dict[str, Any] = {"ImageUri": IMAGE}
    application |= {"ProblemType": "BinaryClassification"} if kind == "ModelQuality" else {"ConfigUri": CONFIG}
    given: dict[str, Any] = {"EndpointInput": {**SOURCE, **source}}
    if kind != "ModelExplainability":
        given["GroundTruthS3Input"] = TRUTH
    create = getattr(hosting.sagemaker, f"create_model_{kind.removeprefix('Model').lower()}_job_definition")
    create(
        JobDefinitionName=name,
        **{
            f"{kind}AppSpecification": application,
            f"{kind}BaselineConfig": BASELINE,
            f"{kind}JobInput": given,
            f"{kind}JobOutputConfig": OUTPUT,
        },
        JobResources=RESOURCES,
        RoleArn=ROLE,
    )
    hosting.sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={
            "ScheduleConfig": {"ScheduleExpression": "cron(0 0/6 ? * * *)"},
            "MonitoringJobDefinitionName": name,
            "MonitoringType": kind,
        },
    )


def execute(hosting: Hosting, name: str, window: str = "") -> dict[str, Any]:
    scope = "AWS4-HMAC-SHA256 Credential=local/20000101/us-east-1/sagemaker/aws4_request, SignedHeaders=, Signature="
    url = f"{hosting.cloud.endpoint_url}/_local-cloud/monitoring-schedules/{name}/run{window}"
    request = urllib.request.Request(url, method="POST", headers={"Authorization": scope})
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.loads(answer.read())


def report(hosting: Hosting, execution: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name of the execution's last job, and what it says it was given."""
    job = execution["ProcessingJobArn"].rpartition("/")[2]
    described = hosting.sagemaker.describe_processing_job(ProcessingJobName=job)
    uri = described["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    key = uri.removeprefix(f"s3://{BUCKET}/")
    return job, json.loads(hosting.s3.get_object(Bucket=BUCKET, Key=f"{key}/analysis.json")["Body"].read())


def test_model_quality_reads_captures_merged_with_their_labels(hosting: Hosting) -> None:
    define(hosting, "ModelQuality", ProbabilityAttribute="0", ProbabilityThresholdAttribute=0.5)
    execution = execute(hosting, "kinds-modelquality")
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations", execution
    job, seen = report(hosting, execution)
    assert job.startswith("model-quality-monitoring-")
    (line,) = seen["lines"]
    assert line["eventMetadata"]["inferenceId"] == "known" and line["groundTruthData"]["data"] == "1"
    assert seen["environment"] == {
        "dataset_format": '{"sagemakerMergeJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}',
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "BinaryClassification",
        "probability_attribute": "0",
        "probability_threshold_attribute": "0.5",
    }
    (summary,) = hosting.sagemaker.list_processing_jobs(NameContains="groundtruth-merge")["ProcessingJobSummaries"]
    merge = hosting.sagemaker.describe_processing_job(ProcessingJobName=summary["ProcessingJobName"])
    assert merge["AppSpecification"]["ImageUri"] == "monitors.test/sagemaker-model-monitor-groundtruth-merger"
    (output,) = merge["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == f"s3://{BUCKET}/kinds/reports/merge"
    metrics = hosting.cloud.client("cloudwatch").list_metrics(Namespace="aws/sagemaker/Endpoints/model-metrics")
    assert {"seen", "summary"} <= {metric["MetricName"] for metric in metrics["Metrics"]}
    # Nothing captured, and nothing labelled, are told as AWS tells it.
    past = execute(hosting, "kinds-modelquality", "?start=2020-01-01T00:00:00Z&end=2020-01-01T01:00:00Z")
    assert (past["MonitoringExecutionStatus"], past["FailureReason"]) == ("Failed", "Job inputs had no data")


def test_bias_reads_clarifys_settings_and_merged_records(hosting: Hosting) -> None:
    define(hosting, "ModelBias")
    job, seen = report(hosting, execute(hosting, "kinds-modelbias"))
    assert job.startswith("model-bias-monitoring-")
    assert seen["config"]["headers"] == ["a"] and len(seen["lines"]) == 1 and not seen["model"]
    assert seen["environment"]["analysis_type"] == "MODEL_BIAS"
    metrics = hosting.cloud.client("cloudwatch").list_metrics(Namespace="aws/sagemaker/Endpoints/bias-metrics")
    assert metrics["Metrics"]


def test_explainability_gets_the_model_that_its_settings_name(hosting: Hosting) -> None:
    define(hosting, "ModelExplainability")
    job, seen = report(hosting, execute(hosting, "kinds-modelexplainability"))
    assert job.startswith("model-explainability-monitoring-")
    assert seen["model"] and len(seen["lines"]) == 2
    put(hosting, "analysis_config.json", {"headers": ["a"], "predictor": {"model_name": "nobody"}})
    failed = execute(hosting, "kinds-modelexplainability")
    assert (
        failed["MonitoringExecutionStatus"] == "Failed" and 'Could not find model "nobody"' in failed["FailureReason"]
    )
    put(hosting, "analysis_config.json", {"headers": ["a"], "predictor": {"model_name": NAME}})


def test_a_stack_is_deleted_while_its_schedule_runs(hosting: Hosting) -> None:
    """The schedule is stopped, its job with it, and then deleted."""
    stack = Stack(hosting.cloud, "kinds-stack")
    definition = {
        "Type": "AWS::SageMaker::ModelExplainabilityJobDefinition",
        "Properties": {
            "ModelExplainabilityAppSpecification": {"ImageUri": IMAGE, "ConfigUri": CONFIG},
            "ModelExplainabilityBaselineConfig": BASELINE,
            "ModelExplainabilityJobInput": {"EndpointInput": SOURCE},
            "ModelExplainabilityJobOutputConfig": OUTPUT,
            "JobResources": RESOURCES,
            "RoleArn": ROLE,
            "JobDefinitionName": "kinds-stack",
        },
    }
    schedule = {
        "Type": "AWS::SageMaker::MonitoringSchedule",
        "DependsOn": "Definition",
        "Properties": {
            "MonitoringScheduleName": "kinds-stack",
            "MonitoringScheduleConfig": {
                "MonitoringJobDefinitionName": "kinds-stack",
                "MonitoringType": "ModelExplainability",
                "ScheduleConfig": {"ScheduleExpression": "cron(0 0/6 ? * * *)"},
            },
        },
    }
    assert stack.deploy({"Resources": {"Definition": definition, "Schedule": schedule}}) == "CREATE_COMPLETE"
    hosting.ask(NAME, "31337")
    answers: list[dict[str, Any]] = []
    running = threading.Thread(target=lambda: answers.append(execute(hosting, "kinds-stack")))
    running.start()
    wait_until(lambda: _runs(hosting, "kinds-stack", "InProgress"))
    stack.delete()
    running.join(60)
    assert answers[0]["MonitoringExecutionStatus"] == "Stopped"
    names = hosting.sagemaker.list_monitoring_schedules(NameContains="kinds-stack")["MonitoringScheduleSummaries"]
    assert names == []


def test_a_platforms_monitors_are_stopped_before_it_is_deleted(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "local")
    name = "leaving-model-explainability"
    define(hosting, "ModelExplainability", name)
    wait_until(lambda: _state(hosting, name) == "Scheduled")
    hosting.ask(NAME, "31337")
    answers: list[dict[str, Any]] = []
    running = threading.Thread(target=lambda: answers.append(execute(hosting, name)))
    running.start()
    wait_until(lambda: _runs(hosting, name, "InProgress"))
    clients = Clients(hosting.cloud.endpoint_url, "us-east-1")
    stop_monitors(clients, "leaving", Console(quiet=True), pause=0.1)
    running.join(60)
    assert answers[0]["MonitoringExecutionStatus"] == "Stopped"
    assert _state(hosting, name) == "Stopped"
    # Nothing stands against its deletion now.
    hosting.sagemaker.delete_monitoring_schedule(MonitoringScheduleName=name)


def _state(hosting: Hosting, name: str) -> str:
    return hosting.sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)["MonitoringScheduleStatus"]


def _runs(hosting: Hosting, name: str, status: str) -> list[dict[str, Any]]:
    found = hosting.sagemaker.list_monitoring_executions(MonitoringScheduleName=name, StatusEquals=status)
    return found["MonitoringExecutionSummaries"]
