"""Training jobs against a real server: the container contract as the documentation and AWS's toolkit have it."""

import json

import botocore.exceptions
import pytest

from tests.local_cloud import jobs
from tests.local_cloud.conftest import NEEDS_OPT_ML, Cloud, unique, wait_until

TOOLKIT_SCRIPT = """
import json, os, pathlib, sys
print("arguments", sys.argv[1:])
print("epoch 1 validation:score=0.25")
print("epoch 2 validation:score=0.75")
print("[1]\\ttrain-auc:0.5")
seen = {
    "names": {key: value for key, value in os.environ.items() if key.startswith("SM_") or key.startswith("TRAINING")},
    "mine": os.environ["MINE"],
    "secret": [key for key in os.environ if "DEVELOPER" in key],
    "train": sorted(str(p) for p in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*") if p.is_file()),
    "config": {p.name: json.loads(p.read_text()) for p in pathlib.Path("/opt/ml/input/config").iterdir()},
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "plot.txt").write_text("data")
"""


@pytest.fixture(scope="module")
def where(cloud: Cloud) -> str:
    return jobs.bucket(cloud)


@pytest.fixture(scope="module")
def toolkit_job(cloud: Cloud, where: str) -> dict:
    """One job in script mode that records what it finds; several tests look at it."""
    jobs.put(cloud, f"s3://{where}/data/train/a.csv", "1,2\n")
    jobs.put(cloud, f"s3://{where}/data/train/deep/b.csv", "3,4\n")
    definitions = [
        {"Name": "validation:score", "Regex": r"validation:score=([0-9.]+)"},
        {"Name": "train:auc", "Regex": r"#011train-auc:(\S+)"},
        {"Name": "never", "Regex": r"never=(\S+)"},
    ]
    request = jobs.training_request(
        cloud,
        where,
        TOOLKIT_SCRIPT,
        AlgorithmSpecification={"MetricDefinitions": definitions},
        HyperParameters={"max-depth": "3"},
        InputDataConfig=[jobs.channel("train", f"s3://{where}/data/train/", ContentType="text/csv")],
        Environment={"MINE": "yes"},
        EnableNetworkIsolation=True,
        Tags=[{"Key": "team", "Value": "risk"}],
    )
    return jobs.train(cloud, request)


@NEEDS_OPT_ML
def test_toolkit_job_completes_with_model_output_and_metrics(cloud: Cloud, toolkit_job: dict):
    assert toolkit_job["TrainingJobStatus"] == "Completed", toolkit_job.get("FailureReason")
    transitions = [item["Status"] for item in toolkit_job["SecondaryStatusTransitions"]]
    assert transitions == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(item["EndTime"] >= item["StartTime"] for item in toolkit_job["SecondaryStatusTransitions"])
    metrics = {item["MetricName"]: item["Value"] for item in toolkit_job["FinalMetricDataList"]}
    assert metrics == {"validation:score": 0.75, "train:auc": 0.5}
    assert toolkit_job["TrainingStartTime"] <= toolkit_job["TrainingEndTime"]
    model = toolkit_job["ModelArtifacts"]["S3ModelArtifacts"]
    assert model.endswith(f"/models/{toolkit_job['TrainingJobName']}/output/model.tar.gz")
    output = jobs.get(cloud, model.replace("model.tar.gz", "output.tar.gz"))
    assert jobs.unpack(output) == {"plot.txt": b"data"}


@NEEDS_OPT_ML
def test_toolkit_job_sees_the_documented_layout_and_variables(cloud: Cloud, toolkit_job: dict):
    seen = json.loads(jobs.unpack(jobs.get(cloud, toolkit_job["ModelArtifacts"]["S3ModelArtifacts"]))["seen.json"])
    names = seen["names"]
    assert json.loads(names["SM_CHANNELS"]) == ["code", "train"]
    assert json.loads(names["SM_HPS"]) == {"max-depth": 3}
    assert names["SM_HP_MAX-DEPTH"] == "3"
    assert json.loads(names["SM_HOSTS"]) == ["algo-1"] and names["SM_CURRENT_HOST"] == "algo-1"
    assert names["TRAINING_JOB_NAME"] == toolkit_job["TrainingJobName"]
    assert names["TRAINING_JOB_ARN"] == toolkit_job["TrainingJobArn"]
    assert names["SM_CURRENT_INSTANCE_TYPE"] == "ml.m5.large"
    assert seen["mine"] == "yes" and seen["secret"] == []
    assert [path.split("/train/")[1] for path in seen["train"]] == ["a.csv", "deep/b.csv"]
    assert seen["config"]["inputdataconfig.json"]["train"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
        "ContentType": "text/csv",
    }
    assert seen["config"]["hyperparameters.json"]["max-depth"] == "3"
    assert seen["config"]["resourceconfig.json"]["current_host"] == "algo-1"


def test_output_is_in_cloudwatch_logs(cloud: Cloud, toolkit_job: dict):
    lines = jobs.log_lines(cloud, "/aws/sagemaker/TrainingJobs", toolkit_job["TrainingJobName"])
    assert "arguments ['--max-depth', '3']" in lines
    assert lines.index("epoch 1 validation:score=0.25") < lines.index("epoch 2 validation:score=0.75")


def test_equal_models_give_equal_artifacts(cloud: Cloud, where: str):
    command = "echo model > /opt/ml/model/m.bin; mkdir /opt/ml/model/code; echo x > /opt/ml/model/code/i.py"
    artifacts = []
    for _ in range(2):
        job = jobs.train(cloud, jobs.bash_training(cloud, where, command))
        artifacts.append(jobs.get(cloud, job["ModelArtifacts"]["S3ModelArtifacts"]))
    assert artifacts[0] == artifacts[1]
    assert set(jobs.unpack(artifacts[0])) == {"m.bin", "code/i.py"}


def test_failure_of_the_user_script_is_explained_as_the_toolkit_does(cloud: Cloud, where: str):
    job = jobs.train(cloud, jobs.training_request(cloud, where, "raise SystemExit(3)"))
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 3")
    assert job["FailureReason"].endswith(", exit code: 1")
    assert "ModelArtifacts" not in job or not job["ModelArtifacts"].get("S3ModelArtifacts")


def test_failure_file_is_cut_at_the_limit_and_keeps_the_exit_code(cloud: Cloud, where: str):
    command = "head -c 5000 /dev/zero | tr '\\0' x > /opt/ml/output/failure; exit 42"
    job = jobs.train(cloud, jobs.bash_training(cloud, where, command))
    assert len(job["FailureReason"]) == 1024
    assert job["FailureReason"].startswith("AlgorithmError: xxx") and job["FailureReason"].endswith(", exit code: 42")


def test_failure_without_a_file_shows_the_end_of_the_output(cloud: Cloud, where: str):
    job = jobs.train(cloud, jobs.bash_training(cloud, where, "echo the disk is on fire >&2; kill -9 $$"))
    assert job["FailureReason"] == "AlgorithmError: the disk is on fire, exit code: 137"


def test_missing_data_fails_before_the_program_starts(cloud: Cloud, where: str):
    nothing = jobs.channel("train", f"s3://{where}/nothing/")
    job = jobs.train(cloud, jobs.bash_training(cloud, where, "true", InputDataConfig=[nothing]))
    assert job["FailureReason"] == (
        f"ClientError: Data download failed: No S3 objects found under S3 URL s3://{where}/nothing/ given in input "
        "data source."
    )
    assert "TrainingStartTime" not in job


def test_manifest_gzip_and_https_locations(cloud: Cloud, where: str):
    import gzip

    jobs.put(cloud, f"s3://{where}/mixed/a.txt.gz", gzip.compress(b"packed"))
    jobs.put(cloud, f"s3://{where}/mixed/b.txt", "left out")
    manifest = [{"prefix": f"s3://{where}/mixed/"}, "a.txt.gz"]
    jobs.put(cloud, f"s3://{where}/some.manifest", json.dumps(manifest))
    request = jobs.bash_training(
        cloud,
        where,
        "cd /opt/ml/input/data; (cat listed/a.txt; ls listed direct) > /opt/ml/model/found",
        InputDataConfig=[
            jobs.channel("listed", f"s3://{where}/some.manifest", S3DataType="ManifestFile", CompressionType="Gzip"),
            jobs.channel("direct", f"https://s3.us-east-1.amazonaws.com/{where}/mixed/b.txt", InputMode="FastFile"),
        ],
    )
    job = jobs.train(cloud, request)
    found = jobs.unpack(jobs.get(cloud, job["ModelArtifacts"]["S3ModelArtifacts"]))["found"].decode()
    assert found.startswith("packed") and "a.txt\n" in found and "b.txt\n" in found and "listed:" in found


def test_stop_keeps_what_the_job_saves_on_sigterm(cloud: Cloud, where: str):
    command = "trap 'echo saved > /opt/ml/model/m; exit 0' TERM; echo ready; while true; do sleep 0.05; done"
    request = jobs.bash_training(cloud, where, command)
    client = cloud.client("sagemaker")
    client.create_training_job(**request)
    name = request["TrainingJobName"]
    wait_until(lambda: client.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training")
    wait_until(lambda: "ready" in jobs.log_lines(cloud, "/aws/sagemaker/TrainingJobs", name))
    client.stop_training_job(TrainingJobName=name)
    job = jobs.training_end(cloud, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert jobs.unpack(jobs.get(cloud, job["ModelArtifacts"]["S3ModelArtifacts"])) == {"m": b"saved\n"}
    with pytest.raises(botocore.exceptions.ClientError, match="in status Stopped"):
        client.stop_training_job(TrainingJobName=name)


def test_timeout_stops_the_job_and_uploads_the_model(cloud: Cloud, where: str):
    command = "echo half > /opt/ml/model/m; exec sleep 60"
    job = jobs.train(cloud, jobs.bash_training(cloud, where, command, StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert jobs.unpack(jobs.get(cloud, job["ModelArtifacts"]["S3ModelArtifacts"])) == {"m": b"half\n"}


def test_checkpoints_survive_the_job(cloud: Cloud, where: str):
    uri = f"s3://{where}/{unique('checkpoints')}"
    command = "cat /opt/ml/checkpoints/step > /opt/ml/model/before; echo next > /opt/ml/checkpoints/step; true"
    first = jobs.train(cloud, jobs.bash_training(cloud, where, command, CheckpointConfig={"S3Uri": uri}))
    assert jobs.get(cloud, f"{uri}/step") == b"next\n"
    second = jobs.train(cloud, jobs.bash_training(cloud, where, command, CheckpointConfig={"S3Uri": uri}))
    befores = [jobs.unpack(jobs.get(cloud, job["ModelArtifacts"]["S3ModelArtifacts"])) for job in (first, second)]
    assert [before["before"] for before in befores] == [b"", b"next\n"]


@NEEDS_OPT_ML
def test_isolation_takes_the_network_away_but_not_loopback(cloud: Cloud, where: str):
    reach = (
        "import os, socket, urllib.parse as u; a = u.urlsplit(os.environ['AWS_ENDPOINT_URL'])\n"
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); socket.create_connection(s.getsockname(), 5)\n"
        "socket.create_connection((a.hostname, a.port), 5)"
    )
    entry = {"ContainerEntrypoint": ["python3", "-c", reach]}
    request = jobs.training_request(cloud, where, "", AlgorithmSpecification=entry)
    assert jobs.train(cloud, request)["TrainingJobStatus"] == "Completed"
    isolated = {**request, "TrainingJobName": unique("train"), "EnableNetworkIsolation": True}
    job = jobs.train(cloud, isolated)
    assert job["TrainingJobStatus"] == "Failed" and "Connection refused" in job["FailureReason"]


def test_state_changes_reach_eventbridge_rules(cloud: Cloud, where: str):
    sqs, rules = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName=unique("events"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    request = jobs.bash_training(cloud, where, "true", Tags=[{"Key": "a", "Value": "b"}])
    rule = unique("rule")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobName": [request["TrainingJobName"]]},
    }
    rules.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    rules.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    job = jobs.train(cloud, request)
    events: list[dict] = []

    def received() -> bool:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        events.extend(json.loads(message["Body"]) for message in messages)
        return len(events) >= 5

    wait_until(received, 10)
    statuses = {event["detail"]["SecondaryStatus"] for event in events}
    assert {"Starting", "Training", "Completed"} <= statuses
    assert all(event["resources"] == [job["TrainingJobArn"]] for event in events)
    last = next(event for event in events if event["detail"]["SecondaryStatus"] == "Completed")
    assert last["detail"]["TrainingJobStatus"] == "Completed" and last["detail"]["Tags"] == {"a": "b"}
    assert last["detail"]["CreationTime"] == pytest.approx(job["CreationTime"].timestamp() * 1000, abs=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ResourceConfig": {**jobs.RESOURCES, "InstanceCount": 2}}, "ResourceConfig asks for 2 instances"),
        ({"AlgorithmSpecification": {"TrainingImage": "my/own:1", "TrainingInputMode": "File"}}, r"\[\[image\]\]"),
        ({"OutputDataConfig": {"S3OutputPath": "file:///tmp/x"}}, "S3OutputPath"),
        ({"InputDataConfig": [jobs.channel("a", "s3://b/c", InputMode="Pipe")]}, r"InputDataConfig\[0\].*Pipe"),
        ({"InputDataConfig": [jobs.channel("a", "s3://b/c"), jobs.channel("a", "s3://b/d")]}, "given twice"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/etc"}}, "CheckpointConfig.LocalPath"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_recorded(cloud: Cloud, where: str, change: dict, message: str):
    client = cloud.client("sagemaker")
    request = {**jobs.bash_training(cloud, where, "true"), **change}
    with pytest.raises(botocore.exceptions.ClientError, match=message):
        client.create_training_job(**request)
    with pytest.raises(botocore.exceptions.ClientError, match="not found"):
        client.describe_training_job(TrainingJobName=request["TrainingJobName"])


def test_bad_regular_expression_is_named(cloud: Cloud, where: str):
    definitions = {"MetricDefinitions": [{"Name": "auc", "Regex": "auc=(.*"}]}
    request = jobs.training_request(cloud, where, "", AlgorithmSpecification=definitions)
    with pytest.raises(botocore.exceptions.ClientError, match="Regex of auc is not a regular expression"):
        cloud.client("sagemaker").create_training_job(**request)


def test_names_are_unique_and_jobs_are_listed(cloud: Cloud, where: str):
    client = cloud.client("sagemaker")
    request = jobs.bash_training(cloud, where, "true")
    jobs.train(cloud, request)
    with pytest.raises(client.exceptions.ResourceInUse):
        client.create_training_job(**request)
    answer = client.list_training_jobs(NameContains=request["TrainingJobName"], StatusEquals="Completed")
    assert [job["TrainingJobName"] for job in answer["TrainingJobSummaries"]] == [request["TrainingJobName"]]


def test_accounts_do_not_see_each_other(cloud: Cloud, where: str):
    request = jobs.bash_training(cloud, where, "true")
    jobs.train(cloud, request)
    other = cloud.client("sagemaker", account="111111111111")
    assert other.list_training_jobs(NameContains=request["TrainingJobName"])["TrainingJobSummaries"] == []
