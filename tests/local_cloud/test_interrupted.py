"""What a kill -9 of the server leaves of stack operations and executions."""

import functools
import json
import os
import signal
import time

import botocore.exceptions
import pytest

from tests.local_cloud.conftest import Cloud, wait_until
from tests.local_cloud.stacks import BUCKET, ENDPOINT, ROLE, Stack, answer, serving, upload_model


def test_update_interrupted_by_kill_is_rolled_back(own_cloud: Cloud) -> None:
    own_cloud.run("up")
    own_cloud.client("s3").create_bucket(Bucket=BUCKET)
    good, slow = (serving(upload_model(own_cloud, BUCKET, version)) for version in ("one", "two"))
    stack = Stack(own_cloud, "cfn-serving")
    assert stack.deploy(good) == "CREATE_COMPLETE", stack.failures()
    before = stack.physical_ids()
    # Long enough to be killed in the middle: the wait scale of 0.02 makes 9 seconds of it.
    routing = slow["Resources"]["Endpoint"]["Properties"]["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    routing["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 450
    update = functools.partial(own_cloud.client("cloudformation").update_stack, StackName=stack.name)
    update(TemplateBody=json.dumps(slow))
    sagemaker = own_cloud.client("sagemaker")
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "Updating")
    # A second one meanwhile is refused, and does not disturb the first.
    with pytest.raises(botocore.exceptions.ClientError, match="is in UPDATE_IN_PROGRESS state and cannot be updated"):
        update(TemplateBody=json.dumps(good))
    time.sleep(1.2)
    os.kill(json.loads((own_cloud.state_dir / "server.json").read_text())["pid"], signal.SIGKILL)
    own_cloud.run("up")
    assert Stack(own_cloud, stack.name).wait() == "UPDATE_ROLLBACK_COMPLETE"
    stack = Stack(own_cloud, stack.name)
    assert stack.physical_ids() == before
    assert [model["ModelArn"] for model in sagemaker.list_models()["Models"]] == [before["Model"]]
    wait_until(lambda: answer(own_cloud) == "one")
    routing["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 10
    assert stack.deploy(slow) == "UPDATE_COMPLETE", stack.failures()
    assert answer(own_cloud) == "two"


def test_running_execution_is_failed_after_kill_and_restart(own_cloud: Cloud) -> None:
    own_cloud.environment["LOCAL_CLOUD_WAIT_SCALE"] = "1"
    own_cloud.run("up")
    client = own_cloud.client("stepfunctions")
    definition = {"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 300, "End": True}}}
    machine = client.create_state_machine(name="long", definition=json.dumps(definition), roleArn=ROLE)
    arn = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    time.sleep(1.5)
    record = json.loads((own_cloud.state_dir / "server.json").read_text())
    os.kill(record["pid"], signal.SIGKILL)
    own_cloud.run("up")
    described = own_cloud.client("stepfunctions").describe_execution(executionArn=arn)
    assert described["status"] == "FAILED"
    assert "restarted while this execution ran" in described["cause"]
