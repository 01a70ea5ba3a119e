"""The services that a retraining run calls, answering as AWS's do."""

from __future__ import annotations

import copy
import json
from typing import Any

from stacks.config import TrainingConfig
from stacks.network.placement import Placement
from stacks.retraining import RetrainingSettings, build_definition
from tests.infra.interpreter import Execution, StatesError, run

ACCOUNT = "arn:aws:sagemaker:us-east-1:123456789012"
PACKAGE = f"{ACCOUNT}:model-package/fraudstack-dev/7"
CHAMPION = f"{ACCOUNT}:model-package/fraudstack-dev/6"
INPUT = {
    "dataset": "s3://transactions/datasets/abc",
    "eventType": "s3://transactions/datasets/abc.event-type.yaml",
    "algorithm": "xgboost",
}
EVALUATION = {
    "schema_version": 1,
    "gate": {"passed": True, "metric": "average_precision", "reasons": ["It reaches the floor."]},
    "candidate": {
        "metrics": {"average_precision": 0.71, "auc": 0.95, "brier": None},
        "intervals": {},
        "version": "3f1c2a9b7d10",
    },
    "champion": None,
    "difference": None,
    "test": {"rows": 1000},
    "thresholds": [],
}
TRAINING = TrainingConfig(approval="automatic", max_trials=4, parallel_trials=2)


def settings(training: TrainingConfig = TRAINING) -> RetrainingSettings:
    return RetrainingSettings(
        prefix="fraudstack-dev",
        training=training,
        image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        trial_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/trials:1",
        serving_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/server:1",
        code_uri="s3://assets/c0de.tar.gz",
        wheels_uri="s3://assets/4ee1.tar",
        artifacts_bucket="artifacts",
        data_key="arn:aws:kms:us-east-1:123456789012:key/data",
        processing_role="arn:aws:iam::123456789012:role/processing",
        training_role="arn:aws:iam::123456789012:role/training",
        promotion_role="arn:aws:iam::123456789012:role/promotion",
        topic="arn:aws:sns:us-east-1:123456789012:notifications",
        model_package_group="fraudstack-dev",
        serving_stack="fraudstack-dev-serving",
        monitoring_stack="fraudstack-dev-monitoring",
        endpoint="fraudstack-dev",
        instance_types=("ml.m5.large", "ml.m5.xlarge"),
        challenger=True,
        challenger_target="endpoint/fraudstack-dev/variant/challenger",
        placement=Placement(("subnet-0a", "subnet-0b"), ("sg-0c",), ("sg-0f",)),
        monitors=("data-quality", "model-bias"),
        facets=("is_night=1",),
        probability_threshold=0.5,
        explanation_samples=100,
        explained_model="fraudstackdev-explained",
        explained_instance_type="ml.m5.large",
        tags=(("project", "fraudstack"),),
    )


class Cloud:
    """The services that a run calls; a test changes what it is about."""

    def __init__(self, *, champion: str = "", evaluation: dict[str, Any] = EVALUATION) -> None:
        self.evaluation = evaluation
        self.deployed = {"fraudstack-dev-serving": champion, "fraudstack-dev-monitoring": champion}
        self.status = dict.fromkeys(self.deployed, "CREATE_COMPLETE")
        self.after_update: dict[str, list[str]] = {}
        self.live_config = "config-old"
        self.challenger: dict[str, str] = {}
        self.package_states = ["Completed"]
        self.messages: list[dict[str, Any]] = []
        self.baselines = [
            *(f"data-quality/{name}.json" for name in ("statistics", "constraints")),
            *(f"model-explainability/{name}.json" for name in ("analysis", "analysis_config")),
        ]
        self.documents: dict[str, Any] = {
            "runs/r0123abcd-1/baseline/model-explainability/analysis_config.json": {"headers": ["a"], "predictor": {}}
        }
        self.handlers = {
            "sagemaker:createProcessingJob.sync": lambda arguments: {"ProcessingJobStatus": "Completed"},
            "sagemaker:createHyperParameterTuningJob.sync": self.tune,
            "aws-sdk:sagemaker:listTrainingJobsForHyperParameterTuningJob": self.failed_trials,
            "aws-sdk:sagemaker:describeModelPackage": self.describe_package,
            "aws-sdk:sagemaker:createModelPackage": lambda arguments: {"ModelPackageArn": PACKAGE},
            "aws-sdk:sagemaker:describeEndpoint": self.describe_endpoint,
            "aws-sdk:s3:getObject": self.read_object,
            "aws-sdk:s3:listObjectsV2": self.list_baselines,
            "aws-sdk:s3:putObject": lambda arguments: {"ETag": "1"},
            "aws-sdk:s3:copyObject": lambda arguments: {"CopyObjectResult": {}},
            "aws-sdk:cloudformation:describeStacks": self.describe_stack,
            "aws-sdk:cloudformation:updateStack": self.update_stack,
            "aws-sdk:cloudformation:describeStackEvents": self.stack_events,
            "aws-sdk:applicationautoscaling:deregisterScalableTarget": lambda arguments: {},
            "sns:publish": lambda arguments: self.messages.append(arguments) or {"MessageId": "1"},
        }

    def read_object(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"Body": json.dumps(self.documents.get(arguments["Key"], self.evaluation))}

    def list_baselines(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"Contents": [{"Key": arguments["Prefix"] + name, "Size": 1} for name in self.baselines]}

    def tune(self, arguments: dict[str, Any]) -> dict[str, Any]:
        best = {"TrainingJobName": "fraudstack-dev-r0-003-ab", "TunedHyperParameters": {"eta": "0.1"}}
        return {"HyperParameterTuningJobStatus": "Completed", "BestTrainingJob": best}

    def failed_trials(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"TrainingJobSummaries": [{"TrainingJobName": "t-1", "FailureReason": "label has one class"}]}

    def describe_package(self, arguments: dict[str, Any]) -> dict[str, Any]:
        states = self.package_states
        return {
            "ModelPackageStatus": states.pop(0) if len(states) > 1 else states[0],
            "ModelApprovalStatus": "Approved",
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://artifacts/old/model.tar.gz"}]},
        }

    def describe_stack(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name = arguments["StackName"]
        pending = self.after_update.get(name, [])
        if pending:
            self.status[name] = pending.pop(0)
        outputs = [{"OutputKey": "EndpointName", "OutputValue": "fraudstack-dev"}]
        if self.deployed[name]:
            version = self.deployed[name].rsplit("/", 1)[1]
            outputs.append({"OutputKey": "EndpointConfigName", "OutputValue": f"config-{version}"})
        parameters = [
            {"ParameterKey": "BootstrapVersion", "ParameterValue": "/cdk-bootstrap/hnb659fds/version"},
            {"ParameterKey": "ModelPackageArn", "ParameterValue": self.deployed[name]},
        ]
        if name.endswith("serving"):
            parameters += [{"ParameterKey": key, "ParameterValue": value} for key, value in self.challenger.items()]
        stack = {"StackStatus": self.status[name], "Parameters": parameters, "Outputs": outputs}
        return {"Stacks": [stack]}

    def update_stack(self, arguments: dict[str, Any]) -> dict[str, Any]:
        (new,) = [p for p in arguments["Parameters"] if p["ParameterKey"] == "ModelPackageArn"]
        name = arguments["StackName"]
        if new["ParameterValue"] == self.deployed[name]:
            raise StatesError("CloudFormation.CloudFormationException", "No updates are to be performed.")
        self.deployed[name] = new["ParameterValue"]
        self.after_update.setdefault(
            name, ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
        )
        if name.endswith("serving"):
            self.live_config = f"config-{new['ParameterValue'].rsplit('/', 1)[1]}"
        return {"StackId": name}

    def stack_events(self, arguments: dict[str, Any]) -> dict[str, Any]:
        def event(token: str, resource: str, status: str, reason: str | None = None) -> dict[str, Any]:
            entry = {"LogicalResourceId": resource, "ResourceStatus": status, "ClientRequestToken": token}
            return {**entry, "ResourceStatusReason": reason} if reason else entry

        return {
            "StackEvents": [
                event("new", "stack", "UPDATE_ROLLBACK_COMPLETE"),
                event("new", "Alarm", "UPDATE_FAILED", "Resource update cancelled"),
                event("new", "Endpoint", "UPDATE_FAILED", "The container failed its ping"),
                event("old", "Endpoint", "UPDATE_FAILED", "An older story"),
            ]
        }

    def describe_endpoint(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"EndpointStatus": "InService", "EndpointConfigName": self.live_config}

    def run(self, execution_input: Any = INPUT, training: TrainingConfig = TRAINING, **options: Any) -> Execution:
        return run(build_definition(settings(training)), self.handlers, execution_input, **options)

    def fails(self, resource: str, error: str, cause: str) -> None:
        def handler(arguments: dict[str, Any]) -> None:
            raise StatesError(error, cause)

        self.handlers[resource] = handler


def rejected() -> dict[str, Any]:
    evaluation = copy.deepcopy(EVALUATION)
    evaluation["gate"] = {"passed": False, "reasons": ["It is below the floor.", "It is below the champion."]}
    return evaluation
