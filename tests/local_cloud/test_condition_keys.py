"""SageMaker's condition keys: what a policy can say of a request, wherever the request says it."""

from typing import Any

import pytest

from local_cloud.authorization.sagemaker import checks

KEY, NETWORK = "arn:aws:kms:us-east-1:000000000000:key/1", {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
SAFE = {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True, "VpcConfig": NETWORK}
VOLUME = {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": KEY}
ALL = {
    "sagemaker__NetworkIsolation": "true",
    "sagemaker__InterContainerTrafficEncryption": "true",
    "sagemaker__VpcSubnets": ["subnet-1"],
    "sagemaker__VpcSecurityGroupIds": ["sg-1"],
    "sagemaker__VolumeKmsKey": KEY,
    "sagemaker__InstanceTypes": "ml.m5.large",
}


def contexts(operation: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    return [context for action, _, context in checks(operation, request) if action == f"sagemaker:{operation}"]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreateTrainingJob", {"ResourceConfig": VOLUME, **SAFE}),
        ("CreateProcessingJob", {"ProcessingResources": {"ClusterConfig": VOLUME}, "NetworkConfig": SAFE}),
        ("CreateHyperParameterTuningJob", {"TrainingJobDefinition": {"ResourceConfig": VOLUME, **SAFE}}),
    ],
)
def test_jobs_say_where_they_run_and_how_they_are_encrypted(operation: str, request_: dict[str, Any]) -> None:
    assert contexts(operation, request_) == [ALL]


def test_every_definition_of_a_tuning_job_is_asked_about() -> None:
    definitions = [{"ResourceConfig": VOLUME, **SAFE}, {"HyperParameterTuningResourceConfig": VOLUME}]
    safe, open_ = contexts("CreateHyperParameterTuningJob", {"TrainingJobDefinitions": definitions})
    assert safe == ALL
    assert open_ == {"sagemaker__VolumeKmsKey": KEY, "sagemaker__InstanceTypes": "ml.m5.large"}


def test_a_batch_says_under_which_key_its_volume_is() -> None:
    (context,) = contexts("CreateTransformJob", {"TransformResources": VOLUME})
    assert context["sagemaker__VolumeKmsKey"] == KEY


def test_tags_say_what_they_are_given_with() -> None:
    asked = checks("CreateModel", {"ModelName": "m", "Tags": [{"Key": "a", "Value": "b"}]})
    assert ("sagemaker:AddTags", {"sagemaker__TaggingAction": "CreateModel"}) in [(a, c) for a, _, c in asked]


def test_a_list_of_versions_is_asked_for_as_the_versions_in_it() -> None:
    ((_, resource, _),) = checks("ListModelPackages", {"ModelPackageGroupName": "g"})
    assert resource.endswith(":model-package/g/*")
