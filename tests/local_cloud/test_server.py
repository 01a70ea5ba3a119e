"""The server and its command line: start, conflicts, state across restarts and kill -9, no orphans."""

import itertools
import json
import os
import re
import signal
import socket
import time

import botocore.exceptions
import psutil
import pytest

from tests.local_cloud import jobs
from tests.local_cloud.conftest import Cloud, wait_until

# Nothing else on the machine sleeps this long.
SLEEP = "27182"


def pid_of(cloud: Cloud) -> int:
    return json.loads((cloud.state_dir / "server.json").read_text())["pid"]


def sleepers() -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", SLEEP]]


def kill(cloud: Cloud) -> None:
    process = psutil.Process(pid_of(cloud))
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def start_sleeping_job(cloud: Cloud, where: str) -> str:
    # The grandchild leaves its process group and session, as a daemon would.
    request = jobs.bash_training(cloud, where, f"setsid sleep {SLEEP} & sleep {SLEEP}; wait")
    cloud.client("sagemaker").create_training_job(**request)
    wait_until(lambda: len(sleepers()) == 2, 20)
    return request["TrainingJobName"]


def test_up_status_down_and_state_across_a_restart(own_cloud: Cloud):
    assert re.search(rf"answers at http://127\.0\.0\.1:{own_cloud.port} after [\d.]+ s", own_cloud.run("up").stdout)
    assert "already runs" in own_cloud.run("up").stdout
    status = own_cloud.run("status").stdout
    assert str(pid_of(own_cloud)) in status and "yes" in status
    where = jobs.bucket(own_cloud)
    job = jobs.process(own_cloud, jobs.processing_request(where, "echo kept"))
    jobs.put(own_cloud, f"s3://{where}/kept.bin", b"\x00\xff")
    own_cloud.run("down")
    assert own_cloud.run("status", check=False).returncode == 1
    own_cloud.run("up")
    name = job["ProcessingJobName"]
    again = own_cloud.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    assert {**again, "ResponseMetadata": None} == {**job, "ResponseMetadata": None}
    assert jobs.get(own_cloud, f"s3://{where}/kept.bin") == b"\x00\xff"
    assert jobs.log_lines(own_cloud, "/aws/sagemaker/ProcessingJobs", name) == ["kept"]


def test_it_listens_on_loopback_alone(cloud: Cloud):
    server = psutil.Process(pid_of(cloud))
    listening = [c.laddr for c in server.net_connections() if c.status == psutil.CONN_LISTEN]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", cloud.port)]


def test_a_taken_port_is_explained(own_cloud: Cloud):
    with socket.socket() as other:
        other.bind(("127.0.0.1", own_cloud.port))
        other.listen()
        result = own_cloud.run("up", check=False)
    assert result.returncode == 1
    assert f"Port {own_cloud.port} is taken by process {os.getpid()} (" in result.stderr and "--port" in result.stderr


def test_a_second_server_on_the_same_state_is_refused(cloud: Cloud):
    second = Cloud(cloud.state_dir)
    result = second.run("up", check=False)
    assert result.returncode == 1 and f"at port {cloud.port}" in result.stderr
    foreground = second.run("up", "--foreground", check=False)
    assert foreground.returncode == 1 and "already runs on the state folder" in foreground.stderr


def test_a_wrong_setting_is_named(own_cloud: Cloud):
    own_cloud.environment["LOCAL_CLOUD_MAX_JOBS"] = "0"
    result = own_cloud.run("up", check=False)
    assert result.returncode == 1 and "LOCAL_CLOUD_MAX_JOBS must be at least 1" in result.stderr


def test_kill_9_leaves_no_orphans_and_fails_the_jobs_readably(own_cloud: Cloud):
    own_cloud.run("up")
    where = jobs.bucket(own_cloud)
    client = own_cloud.client("sagemaker")
    name = start_sleeping_job(own_cloud, where)
    done = jobs.process(own_cloud, jobs.processing_request(where, "true"))
    time.sleep(1.5)  # the tests' servers save their state every half second
    kill(own_cloud)
    wait_until(lambda: not sleepers(), 5)
    own_cloud.run("up")
    job = client.describe_training_job(TrainingJobName=name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"].startswith("InternalServerError: the local cloud was stopped")
    kept = client.describe_processing_job(ProcessingJobName=done["ProcessingJobName"])
    assert kept["ProcessingJobStatus"] == "Completed"
    assert jobs.train(own_cloud, jobs.bash_training(own_cloud, where, "true"))["TrainingJobStatus"] == "Completed"


def test_interrupted_jobs_are_announced_after_the_restart(own_cloud: Cloud):
    own_cloud.run("up")
    where = jobs.bucket(own_cloud)
    sqs, rules = own_cloud.client("sqs"), own_cloud.client("events")
    queue = sqs.create_queue(QueueName="states")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail": {"TrainingJobStatus": ["Failed"]}}
    rules.put_rule(Name="failed", EventPattern=json.dumps(pattern))
    rules.put_targets(Rule="failed", Targets=[{"Id": "q", "Arn": arn}])
    name = start_sleeping_job(own_cloud, where)
    own_cloud.run("down")
    assert not sleepers()
    own_cloud.run("up")
    received = wait_until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), 10)
    assert json.loads(received[0]["Body"])["detail"]["TrainingJobName"] == name


def test_reset_forgets_everything_and_ends_jobs(own_cloud: Cloud):
    own_cloud.run("up")
    where = jobs.bucket(own_cloud)
    start_sleeping_job(own_cloud, where)
    own_cloud.run("reset")
    wait_until(lambda: not sleepers(), 5)
    assert own_cloud.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []
    assert own_cloud.client("s3").list_buckets()["Buckets"] == []
    own_cloud.run("down")
    own_cloud.run("up")
    assert own_cloud.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []


def test_no_more_jobs_run_at_once_than_allowed(own_cloud: Cloud):
    own_cloud.environment["LOCAL_CLOUD_MAX_JOBS"] = "1"
    own_cloud.run("up")
    where = jobs.bucket(own_cloud)
    client = own_cloud.client("sagemaker")
    requests = [jobs.bash_training(own_cloud, where, "sleep 0.5") for _ in range(3)]
    for request in requests:
        client.create_training_job(**request)
    ends = [jobs.training_end(own_cloud, request["TrainingJobName"]) for request in requests]
    spans = sorted((job["TrainingStartTime"], job["TrainingEndTime"]) for job in ends)
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert (start - end).total_seconds() > -0.2, "the process of the next job waits for the one before"


def test_unknown_operations_are_named(cloud: Cloud):
    with pytest.raises(botocore.exceptions.ClientError, match="CreateNotebookInstance is not available"):
        cloud.client("sagemaker").create_notebook_instance(
            NotebookInstanceName="n", InstanceType="ml.t3.medium", RoleArn=jobs.ROLE
        )


def test_wrong_requests_are_refused_with_every_wrong_member(cloud: Cloud):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        cloud.client("sagemaker").create_processing_job(
            **{
                **jobs.processing_request("b", "true"),
                "ProcessingJobName": "no_underscores",
                "ProcessingResources": {"ClusterConfig": {**jobs.RESOURCES, "InstanceType": "ml.huge"}},
            }
        )
    message = caught.value.response["Error"]["Message"]
    assert "2 validation errors" in message and "ProcessingJobName" in message and "InstanceType" in message
