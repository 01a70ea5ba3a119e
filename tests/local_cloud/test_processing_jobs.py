"""Processing jobs against a real server."""

import datetime as dt
import gzip
import json

import botocore.exceptions
import pytest

from tests.local_cloud import jobs
from tests.local_cloud.conftest import NEEDS_OPT_ML, Cloud, unique, wait_until

GROUP = "/aws/sagemaker/ProcessingJobs"


@pytest.fixture(scope="module")
def where(cloud: Cloud) -> str:
    return jobs.bucket(cloud)


@NEEDS_OPT_ML
def test_inputs_outputs_arguments_and_environment(cloud: Cloud, where: str):
    jobs.put(cloud, f"s3://{where}/in/a.csv", "one")
    jobs.put(cloud, f"s3://{where}/in/deep/b.csv", "two")
    jobs.put(cloud, f"s3://{where}/in2/packed.csv.gz", gzip.compress(b"three"))
    jobs.put(cloud, f"s3://{where}/single.bin", "four")
    command = """
    cd /opt/ml/processing/input
    find packed plain single -type f | sort > /opt/ml/processing/output/report/files
    cat packed/packed.csv single/single.bin > /opt/ml/processing/output/report/content
    mkdir /opt/ml/processing/output/report/deep; echo "$MINE $@" > /opt/ml/processing/output/report/deep/arguments
    cp /opt/ml/config/*.json /opt/ml/processing/output/report
    echo "all is well" > /opt/ml/output/message
    """
    request = jobs.processing_script(
        cloud,
        where,
        command,
        AppSpecification={"ContainerArguments": ["--days", "7"]},
        ProcessingInputs=[
            jobs.s3_input("plain", f"s3://{where}/in/"),
            jobs.s3_input("packed", f"s3://{where}/in2/", S3CompressionType="Gzip"),
            jobs.s3_input("single", f"https://s3.us-east-1.amazonaws.com/{where}/single.bin"),
            {**jobs.s3_input("app", f"s3://{where}/absent/"), "AppManaged": True},
        ],
        ProcessingOutputConfig={"Outputs": [jobs.s3_output("report", f"s3://{where}/out/report")]},
        Environment={"MINE": "yes"},
        NetworkConfig={"EnableNetworkIsolation": True},
        ExperimentConfig={"ExperimentName": "e", "TrialName": "t"},
    )
    job = jobs.process(cloud, request)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "all is well"
    assert job["ExperimentConfig"] == {"ExperimentName": "e", "TrialName": "t"}
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    out = f"s3://{where}/out/report"
    assert jobs.get(cloud, f"{out}/files").decode().split() == [
        "packed/packed.csv", "plain/a.csv", "plain/deep/b.csv", "single/single.bin",
    ]  # fmt: skip
    assert jobs.get(cloud, f"{out}/content") == b"threefour"
    assert jobs.get(cloud, f"{out}/deep/arguments") == b"yes --days 7\n"
    config = json.loads(jobs.get(cloud, f"{out}/processingjobconfig.json"))
    assert config["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert config["AppSpecification"]["ContainerArguments"] == ["--days", "7"]
    assert json.loads(jobs.get(cloud, f"{out}/resourceconfig.json"))["hosts"] == ["algo-1"]


def test_failure_keeps_the_message_and_uploads_nothing(cloud: Cloud, where: str):
    command = "cd /opt/ml; echo half > processing/output/x/half; echo column amount is missing > output/message; exit 4"
    outputs = {"Outputs": [jobs.s3_output("x", f"s3://{where}/failed")]}
    job = jobs.process(cloud, jobs.processing_request(where, command, ProcessingOutputConfig=outputs))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: column amount is missing, exit code: 4"
    assert job["ExitMessage"] == "column amount is missing"
    assert jobs.keys(cloud, f"s3://{where}/failed") == []


def test_program_that_is_not_there(cloud: Cloud, where: str):
    request = jobs.processing_request(where, "", AppSpecification={"ContainerEntrypoint": ["no-such-program"]})
    job = jobs.process(cloud, request)
    assert job["FailureReason"] == "AlgorithmError: no-such-program: command not found, exit code: 127"


def test_continuous_output_arrives_while_the_job_runs_and_stop_ends_it(cloud: Cloud, where: str):
    command = (
        "cd /opt/ml/processing/output/live; echo 1 > a; trap 'echo 2 > b; exit 0' TERM; while :; do sleep 0.1; done"
    )
    uri = f"s3://{where}/{unique('live')}"
    outputs = {"Outputs": [jobs.s3_output("live", uri, "Continuous")]}
    request = jobs.processing_request(where, command, ProcessingOutputConfig=outputs)
    client = cloud.client("sagemaker")
    client.create_processing_job(**request)
    wait_until(lambda: jobs.keys(cloud, uri) == ["a"], 10)
    client.stop_processing_job(ProcessingJobName=request["ProcessingJobName"])
    job = jobs.processing_end(cloud, request["ProcessingJobName"])
    assert job["ProcessingJobStatus"] == "Stopped"
    assert jobs.keys(cloud, uri) == ["a", "b"]


def test_timeout_ends_the_job(cloud: Cloud, where: str):
    request = jobs.processing_request(where, "exec sleep 60", StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = jobs.process(cloud, request)
    assert job["ProcessingJobStatus"] == "Stopped" and "MaxRuntimeInSeconds (1 s)" in job["FailureReason"]


@NEEDS_OPT_ML
def test_metrics_file_is_published_to_cloudwatch(cloud: Cloud, where: str):
    schedule, now = unique("schedule"), dt.datetime.now(dt.UTC)
    line = {
        "MetricName": "feature_baseline_drift_amount",
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Dimensions": [{"Name": "Endpoint", "Value": "e"}, {"Name": "MonitoringSchedule", "Value": schedule}],
        "Value": 0.25,
    }
    command = f"cd /opt/ml/output; mkdir -p metrics/cloudwatch; echo '{json.dumps(line)}' > metrics/cloudwatch/m.jsonl"
    job = jobs.process(cloud, jobs.processing_script(cloud, where, command))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="aws/sagemaker/Endpoints/data-metrics",
        MetricName=line["MetricName"],
        Dimensions=line["Dimensions"],
        StartTime=now - dt.timedelta(hours=1),
        EndTime=now + dt.timedelta(hours=1),
        Period=3600,
        Statistics=["Average"],
    )
    assert [point["Average"] for point in answer["Datapoints"]] == [0.25]


def test_descendants_end_with_the_job(cloud: Cloud, where: str):
    command = "(setsid sleep 31415 > /dev/null 2>&1 &); (setsid sleep 31415 &); echo started"
    job = jobs.process(cloud, jobs.processing_request(where, command))
    assert job["ProcessingJobStatus"] == "Completed"
    import psutil

    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "31415"]]


def test_output_lines_are_kept_in_order_and_bounded(cloud: Cloud, where: str):
    request = jobs.processing_request(where, "seq 1 30000; printf 'no newline at the end'")
    jobs.process(cloud, request)
    stream = cloud.client("logs").describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix=request["ProcessingJobName"]
    )["logStreams"][0]["logStreamName"]
    tail = cloud.client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, limit=3)["events"]
    assert [event["message"] for event in tail] == ["29999", "30000", "no newline at the end"]
    first = jobs.log_lines(cloud, GROUP, request["ProcessingJobName"])[0]
    assert 5_000 < int(first) <= 10_001, "the oldest lines of a long output are dropped"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ProcessingInputs": [jobs.s3_input("a", "s3://b/c", LocalPath="/etc/x")]}, "LocalPath must be below /opt/ml"),
        ({"ProcessingInputs": [jobs.s3_input("a", "s3://b/c", S3InputMode="Pipe")]}, "S3InputMode Pipe"),
        ({"ProcessingInputs": [{"InputName": "a", "DatasetDefinition": {}}]}, "DatasetDefinition"),
        (
            {"ProcessingResources": {"ClusterConfig": {**jobs.RESOURCES, "InstanceCount": 3}}},
            "InstanceCount must be 1",
        ),
        ({"ProcessingJobName": "under_score"}, "ProcessingJobName"),
    ],
)
def test_what_cannot_run_is_refused(cloud: Cloud, where: str, change: dict, message: str):
    request = {**jobs.processing_request(where, "true"), **change}
    with pytest.raises(botocore.exceptions.ClientError, match=message):
        cloud.client("sagemaker").create_processing_job(**request)


def test_image_without_a_program_needs_an_entry_point(cloud: Cloud, where: str):
    request = jobs.processing_request(where, "true")
    del request["AppSpecification"]["ContainerEntrypoint"]
    with pytest.raises(botocore.exceptions.ClientError, match="ContainerEntrypoint"):
        cloud.client("sagemaker").create_processing_job(**request)
