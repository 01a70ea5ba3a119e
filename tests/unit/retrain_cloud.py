"""A platform for tests of the retraining command: moto's S3; stacks, executions and jobs are scripted."""

import json
from datetime import UTC, datetime, timedelta

import boto3
from botocore.exceptions import ClientError

PREFIX = "fraudstack-dev"
STATE_MACHINE = f"arn:aws:states:us-east-1:123456789012:stateMachine:{PREFIX}-retraining"
PACKAGE = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{PREFIX}/3"
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def client_error(code: str, operation: str, message: str = "") -> ClientError:
    """An error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def events(*entered: str, last: str | None = None) -> list[dict]:
    """A history: each state entered ten seconds after the one before, ``last`` ten seconds later."""
    result = [{"id": 1, "type": "ExecutionStarted", "timestamp": START}]
    for index, name in enumerate(entered):
        kind = "FailStateEntered" if name.endswith("Fail") else "TaskStateEntered"
        when = START + timedelta(seconds=10 * index)
        result.append({"type": kind, "timestamp": when, "stateEnteredEventDetails": {"name": name}})
    if last:
        result.append({"type": last, "timestamp": START + timedelta(seconds=10 * len(entered))})
    return result


class _Pages:
    def __init__(self, pages):
        self._pages = pages

    def paginate(self, **_):
        return iter(self._pages)


class Executions:
    """Step Functions: executions begin RUNNING; ``plan`` says what becomes of each once it has been looked at."""

    def __init__(self):
        self.definition = json.dumps({"StartAt": "Prepare", "States": {"Prepare": {"Type": "Pass", "End": True}}})
        self.executions: dict[str, dict] = {}
        self.started: list[dict] = []
        self.plan: list[dict] = []
        self.history = events()
        self.before_start = None

    def describe_state_machine(self, stateMachineArn):
        assert stateMachineArn == STATE_MACHINE
        return {"definition": self.definition}

    def start_execution(self, stateMachineArn, name, input):
        if self.before_start:
            self.before_start(name)
        if name in self.executions:
            raise client_error("ExecutionAlreadyExists", "StartExecution")
        self.started.append({"name": name, "input": json.loads(input)})
        self.put(name, "RUNNING")
        return {"executionArn": self.executions[name]["executionArn"], "startDate": START}

    def put(self, name, status, **more):
        """Have an execution stand in this status."""
        arn = STATE_MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"
        self.executions[name] = {"executionArn": arn, "name": name, "status": status, "startDate": START, **more}

    def describe_execution(self, executionArn):
        name = executionArn.rsplit(":", 1)[1]
        if name not in self.executions:
            raise client_error("ExecutionDoesNotExist", "DescribeExecution")
        found = dict(self.executions[name])
        if found["status"] == "RUNNING" and self.started and self.plan:
            step = self.plan.pop(0)
            self.history = step.pop("events")
            self.executions[name] |= step
            found |= step
        return found

    def get_paginator(self, operation):
        assert operation == "get_execution_history"
        middle = len(self.history) // 2
        return _Pages([{"events": self.history[:middle]}, {"events": self.history[middle:]}])


class Jobs:
    """SageMaker: the trials of the tuning job, and names of processing jobs that are taken."""

    def __init__(self):
        self.taken: set[str] = set()
        self.summaries: list[dict] = []

    def describe_processing_job(self, ProcessingJobName):
        if ProcessingJobName in self.taken:
            return {"ProcessingJobStatus": "Completed"}
        raise client_error("ValidationException", "DescribeProcessingJob", "Could not find requested job")

    def get_paginator(self, operation):
        assert operation == "list_training_jobs_for_hyper_parameter_tuning_job"
        return _Pages([{"TrainingJobSummaries": self.summaries[:1]}, {"TrainingJobSummaries": self.summaries[1:]}])

    def add_trial(self, objective: float | None, status: str = "Completed", **more):
        """Add a trial in the form the API lists it."""
        summary = {
            "TrainingJobName": f"{PREFIX}-r12345678-1-{len(self.summaries) + 1:03d}-abcd",
            "TrainingJobStatus": status,
            "TrainingStartTime": START,
            "TrainingEndTime": START + timedelta(seconds=12),
            "TunedHyperParameters": {"eta": '"0.12345"', "max_depth": "6"},
            **more,
        }
        if objective is not None:
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
                "MetricName": "validation:average_precision",
                "Value": objective,
            }
        self.summaries.append(summary)


class Logs:
    """CloudWatch Logs with one stream for each job that is asked for."""

    def describe_log_streams(self, logGroupName, logStreamNamePrefix):
        return {"logStreams": [{"logStreamName": f"{logStreamNamePrefix}/algo-1-1767600000"}]}


class Stacks:
    """CloudFormation: outputs by stack."""

    def __init__(self):
        self.outputs: dict[str, dict[str, str]] = {}

    def describe_stacks(self, StackName):
        if StackName not in self.outputs:
            message = f"Stack with id {StackName} does not exist"
            raise client_error("ValidationError", "DescribeStacks", message)
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs[StackName].items()]
        return {"Stacks": [{"StackName": StackName, "StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]}


class Cloud:
    """The clients that the retraining uses; S3 is moto's."""

    region = "us-east-1"

    def __init__(self):
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.cloudformation = Stacks()
        self.stepfunctions = Executions()
        self.sagemaker = Jobs()
        self.logs = Logs()

    def deploy(self, *stacks: str) -> None:
        """Have these stacks deployed, with the outputs of the platform's."""
        for stack in stacks:
            self.cloudformation.outputs[f"{PREFIX}-{stack}"] = OUTPUTS[stack]
        if "storage" in stacks:
            for bucket in (OUTPUTS["storage"]["TransactionsBucket"], OUTPUTS["storage"]["ArtifactsBucket"]):
                self.s3.create_bucket(Bucket=bucket)

    def objects(self, bucket: str = "transactions") -> list[str]:
        """All keys of a bucket."""
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


OUTPUTS = {
    "storage": {"TransactionsBucket": "transactions", "ArtifactsBucket": "artifacts"},
    "training": {"StateMachineArn": STATE_MACHINE, "ModelPackageGroupName": PREFIX},
    "serving": {"EndpointName": PREFIX, "ModelPackageArn": "none"},
}
