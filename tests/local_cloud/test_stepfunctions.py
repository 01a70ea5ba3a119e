"""State machines: SageMaker's integrations, SDK calls, and JSONata as on AWS."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.local_cloud.conftest import ACCOUNT, Cloud, wait_until
from tests.local_cloud.stacks import IMAGE, ROLE

_numbers = itertools.count()
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def start(cloud: Cloud) -> Callable[..., str]:
    """Create a JSONata machine of the states (the first is its start) and start it; returns the execution's ARN."""
    client = cloud.client("stepfunctions")

    def run(states: dict[str, Any], given: Any = None, name: str | None = None, **machine: Any) -> str:
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **machine}
        arn = client.create_state_machine(
            name=f"machine-{next(_numbers)}", definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        options = {"name": name} if name else {}
        return client.start_execution(stateMachineArn=arn, input=json.dumps(given or {}), **options)["executionArn"]

    return run


@pytest.fixture
def run(cloud: Cloud, start: Callable[..., str]) -> Run:
    """Run a machine to its end; returns the description with the output parsed."""

    def inner(states: dict[str, Any], given: Any = None, **machine: Any) -> dict[str, Any]:
        return finished(cloud, start(states, given, **machine))

    return inner


def finished(cloud: Cloud, arn: str) -> dict[str, Any]:
    client = cloud.client("stepfunctions")

    def ended() -> dict[str, Any] | None:
        described = client.describe_execution(executionArn=arn)
        return None if described["status"] == "RUNNING" else described

    described = wait_until(ended, 60)
    return {**described, "output": json.loads(described.get("output") or "null")}


def task(resource: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True, **more}


def processing(name: str, script: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["/bin/bash", "-c", script]},
        # JSONata has one kind of number.
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": "{% 0.5 * 2 %}", "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        },
    }


def test_processing_job_sync_answers_its_description(run: Run) -> None:
    job = processing("sfn-good", "echo ok > /dev/null")
    result = run({"Job": task("sagemaker:createProcessingJob.sync", job)})
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"]["ProcessingJobStatus"] == "Completed"
    assert result["output"]["CreationTime"] > 1.6e12, "milliseconds, as in SageMaker's events"


def test_failed_job_is_task_failed_with_its_description(run: Run) -> None:
    catch = [
        {
            "ErrorEquals": ["States.TaskFailed"],
            "Assign": {"reason": "{% $parse($states.errorOutput.Cause).ExitMessage %}"},
            "Output": {"error": "{% $states.errorOutput.Error %}"},
            "Next": "Report",
        }
    ]
    job = processing("sfn-bad", "echo 'column amount is missing' > /opt/ml/output/message; exit 3")
    result = run(
        {
            "Job": task("sagemaker:createProcessingJob.sync", job, Catch=catch),
            "Report": {"Type": "Succeed", "Output": {"error": "{% $states.input.error %}", "reason": "{% $reason %}"}},
        }
    )
    assert result["output"] == {"error": "States.TaskFailed", "reason": "column amount is missing"}


def test_stopped_execution_stops_the_job(cloud: Cloud, start: Callable[..., str]) -> None:
    arn = start({"Job": task("sagemaker:createProcessingJob.sync", processing("sfn-stopped", "exec sleep 100"))})
    sagemaker = cloud.client("sagemaker")

    def status() -> str:
        jobs = sagemaker.list_processing_jobs(NameContains="sfn-stopped")["ProcessingJobSummaries"]
        return jobs[0]["ProcessingJobStatus"] if jobs else ""

    wait_until(lambda: status() == "InProgress")
    cloud.client("stepfunctions").stop_execution(executionArn=arn, error="Enough", cause="changed my mind")
    wait_until(lambda: status() == "Stopped")
    time.sleep(0.3)
    described = finished(cloud, arn)
    assert (described["status"], described["cause"]) == ("ABORTED", "changed my mind")


def test_timeout_of_a_task_stops_the_job(cloud: Cloud, run: Run) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    job = task(
        "sagemaker:createProcessingJob.sync",
        processing("sfn-late", "exec sleep 100"),
        TimeoutSeconds="{% 1 + 1 %}",
        Catch=catch,
    )
    result = run({"Job": job, "Late": {"Type": "Succeed", "Output": "late"}})
    assert result["output"] == "late"
    sagemaker = cloud.client("sagemaker")
    wait_until(
        lambda: sagemaker.describe_processing_job(ProcessingJobName="sfn-late")["ProcessingJobStatus"] == "Stopped"
    )


def test_timeout_of_the_machine(run: Run) -> None:
    # Waits are scaled down by the local cloud's configuration, the limit is not.
    result = run({"Sleep": {"Type": "Wait", "Seconds": 1000, "End": True}}, TimeoutSeconds=1)
    assert result["status"] == "TIMED_OUT"


def test_refused_request_is_an_error_with_its_message(run: Run) -> None:
    result = run({"Model": task("sagemaker:createEndpoint", {"EndpointName": "e", "EndpointConfigName": "absent"})})
    assert result["error"] == "SageMaker.AmazonSageMakerException"
    assert "absent" in result["cause"]


def test_integration_that_does_not_exist(run: Run) -> None:
    result = run({"Job": task("sagemaker:createModel.sync", {})})
    assert result["error"] == "States.Runtime"
    assert "createModel.sync" in result["cause"]


def test_s3_objects(cloud: Cloud, run: Run) -> None:
    cloud.client("s3").create_bucket(Bucket="sfn-objects")
    where = {"Bucket": "sfn-objects", "Key": "a/evaluation.json"}
    result = run(
        {
            "Put": {**task("aws-sdk:s3:putObject", {**where, "Body": {"ap": 0.5}}), "End": False, "Next": "Copy"},
            "Copy": {
                **task(
                    "aws-sdk:s3:copyObject",
                    {"Bucket": "sfn-objects", "Key": "b/copy.json", "CopySource": "sfn-objects/a/evaluation.json"},
                ),
                "End": False,
                "Next": "Get",
            },
            "Get": task(
                "aws-sdk:s3:getObject",
                {"Bucket": "sfn-objects", "Key": "b/copy.json"},
                Output={"ap": "{% $parse($states.result.Body).ap %}", "length": "{% $states.result.ContentLength %}"},
            ),
        }
    )
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"]["ap"] == 0.5
    assert result["output"]["length"] == len('{"ap": 0.5}')


@pytest.mark.parametrize(
    ("resource", "arguments", "error", "cause"),
    [
        ("aws-sdk:s3:getObject", {"Bucket": "sfn-absent", "Key": "x"}, "S3.NoSuchBucketException", "does not exist"),
        ("aws-sdk:s3:headObject", {"Bucket": "sfn-errors", "Key": "x"}, "S3.NoSuchKeyException", "Status Code: 404"),
        ("aws-sdk:s3:getObject", {"Bucket": "sfn-errors", "Key": "x"}, "S3.NoSuchKeyException", "Service: S3"),
        (
            "aws-sdk:cloudformation:describeStacks",
            {"StackName": "absent"},
            "CloudFormation.CloudFormationException",
            "Stack with id absent does not exist",
        ),
        (
            "aws-sdk:sagemaker:describeModel",
            {"ModelName": "absent"},
            "SageMaker.SageMakerException",
            "absent",
        ),
        (
            "aws-sdk:sagemaker:describeProcessingJob",
            {"ProcessingJobName": "absent"},
            "SageMaker.ResourceNotFoundException",
            "absent",
        ),
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Colour": "x"}, "States.Runtime", "'Colour' is not supported"),
        ("aws-sdk:s3:getObject", {"Bucket": "b"}, "States.Runtime", 'Missing required parameter in input: "Key"'),
        ("aws-sdk:s3:paintObject", {}, "States.Runtime", "paintObject"),
        ("aws-sdk:nothing:getObject", {}, "States.Runtime", "nothing"),
    ],
)
def test_sdk_errors(cloud: Cloud, run: Run, resource: str, arguments: dict, error: str, cause: str) -> None:
    cloud.client("s3").create_bucket(Bucket="sfn-errors")
    result = run({"Call": task(resource, arguments)})
    assert result["error"] == error, result["cause"]
    assert cause in result["cause"]


def test_stack_update_by_parameter(cloud: Cloud, run: Run) -> None:
    template = {
        "Parameters": {"Value": {"Type": "String"}, "Kept": {"Type": "String"}},
        "Resources": {
            "Parameter": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Name": "/sfn/p", "Type": "String", "Value": {"Ref": "Value"}},
            }
        },
    }
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(
        StackName="sfn-stack",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": "one"} for key in ("Value", "Kept")],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="sfn-stack", WaiterConfig={"Delay": 1})
    role = f"arn:aws:iam::{ACCOUNT}:role/promotion"
    update = task(
        "aws-sdk:cloudformation:updateStack",
        {
            "StackName": "sfn-stack",
            "UsePreviousTemplate": True,
            "RoleARN": role,
            "Parameters": [
                {"ParameterKey": "Value", "ParameterValue": "two"},
                {"ParameterKey": "Kept", "UsePreviousValue": True},
            ],
        },
        Next="Look",
    )
    del update["End"]
    states = {
        "Update": update,
        "Look": {
            **task(
                "aws-sdk:cloudformation:describeStacks",
                {"StackName": "sfn-stack"},
                Assign={"status": "{% $states.result.Stacks[0].StackStatus %}"},
                Output="{% $states.result.Stacks[0] %}",
            ),
            "Next": "Done?",
        },
        "Done?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $contains($status, /IN_PROGRESS$/) %}", "Next": "Wait"}],
            "Default": "Done",
        },
        "Wait": {"Type": "Wait", "Seconds": 5, "Next": "Look"},
        "Done": {"Type": "Succeed"},
    }
    del states["Look"]["End"]
    result = run(states)
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"]["StackStatus"] == "UPDATE_COMPLETE"
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in result["output"]["Parameters"]}
    assert parameters == {"Value": "two", "Kept": "one"}
    assert result["output"]["RoleARN"] == role
    again = run(states)
    assert again["error"] == "CloudFormation.CloudFormationException"
    assert again["cause"].startswith("No updates are to be performed.")


def test_jsonata_semantics(run: Run) -> None:
    result = run(
        {
            # Assignments see the values from before the state.
            "Set": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"},
            "Swap": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "Map"},
            "Map": {
                "Type": "Map",
                "Items": "{% $states.input.items %}",
                "ItemSelector": {"value": "{% $states.context.Map.Item.Value %}"},
                "ItemProcessor": {
                    "StartAt": "Add",
                    "States": {
                        "Add": {
                            "Type": "Pass",
                            "Assign": {"a": 100},
                            "Output": "{% $states.input.value + $a %}",
                            "End": True,
                        }
                    },
                },
                "Assign": {"sums": "{% $states.result %}"},
                "Output": "{% $states.input %}",
                "Next": "Both",
            },
            "Both": {
                "Type": "Parallel",
                "Arguments": {"x": "{% $a %}"},
                "Branches": [
                    {"StartAt": "L", "States": {"L": {"Type": "Pass", "Output": "{% $states.input.x %}", "End": True}}},
                    {"StartAt": "R", "States": {"R": {"Type": "Pass", "Assign": {"b": 9}, "Output": "r", "End": True}}},
                ],
                "Output": {"branches": "{% $states.result %}"},
                "Next": "Which",
            },
            "Which": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $b = 9 %}", "Next": "End"}],
                "Assign": {"chosen": "default"},
                "Output": {"branches": "{% $states.input.branches %}", "from": "choice"},
                "Default": "End",
            },
            "End": {
                "Type": "Succeed",
                "Output": {
                    "a": "{% $a %}",
                    "b": "{% $b %}",
                    "sums": "{% $sums %}",
                    "branches": "{% $states.input.branches %}",
                    "from": "{% $states.input.from %}",
                    "chosen": "{% $chosen %}",
                },
            },
        },
        {"items": [10, 20]},
    )
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"] == {
        "a": 2,
        "b": 1,
        "sums": [12, 22],
        "branches": [2, "r"],
        "from": "choice",
        "chosen": "default",
    }


def test_retry_with_backoff_then_catch(cloud: Cloud, run: Run) -> None:
    call = task(
        "aws-sdk:sagemaker:describeModel",
        {"ModelName": "absent"},
        Retry=[{"ErrorEquals": ["SageMaker.SageMakerException"], "IntervalSeconds": 2, "MaxAttempts": 2}],
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
    )
    result = run({"Call": call, "Caught": {"Type": "Succeed"}})
    assert result["output"]["Error"] == "SageMaker.SageMakerException"
    events = cloud.client("stepfunctions").get_execution_history(executionArn=result["executionArn"])["events"]
    assert sum(event["type"] == "TaskFailed" for event in events) == 3


def test_defects_of_the_machine_are_not_caught(run: Run) -> None:
    call = task("aws-sdk:nothing:do", {}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
    assert run({"Call": call, "Caught": {"Type": "Succeed"}})["status"] == "FAILED"


def test_same_name_and_input_is_the_same_execution(cloud: Cloud, start: Callable[..., str]) -> None:
    arn = start({"Sleep": {"Type": "Wait", "Seconds": 100, "End": True}}, {"a": 1}, name="once")
    client, machine = cloud.client("stepfunctions"), arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    again = client.start_execution(stateMachineArn=machine, name="once", input=json.dumps({"a": 1}))
    assert again["executionArn"] == arn
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine, name="once", input=json.dumps({"a": 2}))
