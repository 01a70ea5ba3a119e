"""Deploying small templates, and a model small enough to be packed in a test."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud, tar_gz

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service"

# Answers its version for every row; `broken` fails its ping as a container does whose model cannot be read.
INFERENCE = """
def model_fn(model_dir):
    version = open(model_dir + "/version.txt").read().strip()
    if version == "broken":
        raise ValueError("the model is corrupt")
    return version


def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    return text.strip().splitlines()


def predict_fn(rows, model):
    return [model for _ in rows]


def output_fn(prediction, accept):
    return "\\n".join(prediction)
"""


def upload_model(cloud: Cloud, bucket: str, version: str) -> str:
    """Upload a model.tar.gz that answers ``version``; returns its S3 URI."""
    body = tar_gz({"version.txt": version, "code/inference.py": INFERENCE})
    cloud.client("s3").put_object(Bucket=bucket, Key=f"models/{version}/model.tar.gz", Body=body)
    return f"s3://{bucket}/models/{version}/model.tar.gz"


def container(model_data: str) -> dict[str, Any]:
    return {
        "Image": IMAGE,
        "ModelDataUrl": model_data,
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    }


class Stack:
    """One CloudFormation stack; every operation waits for its end."""

    def __init__(self, cloud: Cloud, name: str):
        self.name, self._cloudformation, self._cloud = name, cloud.client("cloudformation"), cloud

    def deploy(self, template: dict[str, Any], **parameters: str) -> str:
        """Create or update; returns the final status."""
        request = {
            "StackName": self.name,
            **self._template(json.dumps(template)),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        try:
            exists = self.status() not in ("DELETE_COMPLETE", "")
        except self._cloudformation.exceptions.ClientError:
            exists = False
        (self._cloudformation.update_stack if exists else self._cloudformation.create_stack)(**request)
        return self.wait()

    def _template(self, body: str) -> dict[str, str]:
        """The template in the request, or, as the CDK CLI gives it, in a bucket where it is too long for that."""
        if len(body) <= 51_200:
            return {"TemplateBody": body}
        s3 = self._cloud.client("s3")
        s3.create_bucket(Bucket="templates")
        s3.put_object(Bucket="templates", Key=f"{self.name}.json", Body=body.encode())
        return {"TemplateURL": f"{self._cloud.endpoint_url}/templates/{self.name}.json"}

    def status(self) -> str:
        return self.describe()["StackStatus"]

    def describe(self) -> dict[str, Any]:
        return self._cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]

    def wait(self, seconds: float = 120) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                status = self.status()
            except self._cloudformation.exceptions.ClientError:
                return "DELETE_COMPLETE"
            if not status.endswith("IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"stack {self.name} did not settle: {self.failures()}")

    def outputs(self) -> dict[str, str]:
        return {item["OutputKey"]: item["OutputValue"] for item in self.describe().get("Outputs", [])}

    def physical_ids(self) -> dict[str, str]:
        resources = self._cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in resources}

    def failures(self) -> str:
        """Reasons of every event that failed, newest first."""
        events = self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        )

    def delete(self) -> str:
        self._cloudformation.delete_stack(StackName=self.name)
        return self.wait()


def arn(resource: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}"


BUCKET, ENDPOINT = "cfn-models", "cfn-endpoint"


def serving(model_data: str, **changes: Any) -> dict[str, Any]:
    resources = {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            # Numbers and booleans of templates may be strings.
            "Properties": {
                "ExecutionRoleArn": ROLE,
                "PrimaryContainer": container(model_data),
                "EnableNetworkIsolation": "true",
                "Tags": [{"Key": "team", "Value": "risk"}],
            },
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": "primary",
                        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                        "InstanceType": "ml.m5.large",
                        "InitialInstanceCount": "2",
                        "InitialVariantWeight": 1,
                    }
                ]
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": ENDPOINT,
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
                "DeploymentConfig": {
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {
                            "Type": "CANARY",
                            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                            "WaitIntervalInSeconds": 10,
                        },
                        "TerminationWaitInSeconds": 10,
                    }
                },
            },
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "DependsOn": "Endpoint",
            "Properties": {
                "ServiceNamespace": "sagemaker",
                "ResourceId": f"endpoint/{ENDPOINT}/variant/primary",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "MinCapacity": "1",
                "MaxCapacity": 3,
            },
        },
        "Policy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "invocations",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 100,
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                },
            },
        },
    }
    return {
        "Resources": {**resources, **changes},
        "Outputs": {
            "ModelArn": {"Value": {"Ref": "Model"}},
            "Config": {"Value": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
            "Endpoint": {"Value": {"Ref": "Endpoint"}},
            "Target": {"Value": {"Ref": "Target"}},
        },
    }


def answer(cloud: Cloud) -> str:
    runtime = cloud.client("sagemaker-runtime")
    response = runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType="text/csv", Body="1,2")
    return response["Body"].read().decode()


def edit_template(assembly: Path, stack: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit a stack's template in a cloud assembly as another synth would have written it, with another asset hash."""
    path = assembly / f"{stack}.template.json"
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    template = json.loads(path.read_text(encoding="utf-8"))
    change(template)
    path.write_text(json.dumps(template, indent=1), encoding="utf-8")
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    for name in ("manifest.json", f"{stack}.assets.json"):
        file = assembly / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
