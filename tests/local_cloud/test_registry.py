"""The model registry: versions, approvals and their events, models made of packages, tags, and listing."""

import json

import pytest
from botocore.exceptions import ClientError

from local_cloud.sagemaker import listing
from local_cloud.sagemaker.errors import ValidationError
from tests.local_cloud.conftest import Cloud, tar_gz, wait_until
from tests.local_cloud.hosting import BUCKET, IMAGE, MULTIPLIER, ROLE, Hosting


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    return Hosting(cloud)


def _specification(hosting: Hosting, factor: float = 1.0, **environment: str) -> dict:
    data = tar_gz({"factor.txt": str(factor), "code/inference.py": MULTIPLIER})
    hosting.s3.put_object(Bucket=BUCKET, Key=f"registry/{factor}.tar.gz", Body=data)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/registry/{factor}.tar.gz", "Environment": environment}
    return {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


def _group(hosting: Hosting, name: str) -> str:
    hosting.sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="tests")
    return name


def _version(hosting: Hosting, group: str, **members: object) -> str:
    members = {"InferenceSpecification": _specification(hosting), **members}
    return hosting.sagemaker.create_model_package(ModelPackageGroupName=group, **members)["ModelPackageArn"]


def test_versions_are_numbered_and_never_reused(hosting: Hosting) -> None:
    sagemaker, group = hosting.sagemaker, _group(hosting, "numbered")
    arns = [_version(hosting, group, ModelPackageDescription=f"number {index}") for index in (1, 2)]
    assert arns[1] == "arn:aws:sagemaker:us-east-1:000000000000:model-package/numbered/2"
    described = sagemaker.describe_model_package(ModelPackageName=arns[1])
    assert described["ModelPackageVersion"] == 2
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["ModelPackageStatus"] == "Completed"
    assert described["InferenceSpecification"]["Containers"][0]["Image"] == IMAGE
    with pytest.raises(ClientError, match="still contains model packages"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    sagemaker.delete_model_package(ModelPackageName=arns[1])
    assert _version(hosting, group).endswith("/numbered/3")
    with pytest.raises(ClientError, match="numbered/2 does not exist"):
        sagemaker.describe_model_package(ModelPackageName=arns[1])
    with pytest.raises(ClientError, match="model-package-group/nobody does not exist"):
        _version(hosting, "nobody")
    with pytest.raises(ClientError, match="either ModelPackageGroupName"):
        sagemaker.create_model_package(ModelPackageName="x", ModelPackageGroupName=group)


def test_listing_by_group_and_approval(hosting: Hosting) -> None:
    sagemaker, group = hosting.sagemaker, _group(hosting, "listed")
    first, second = (_version(hosting, group) for _ in range(2))
    sagemaker.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved", ApprovalDescription="good")
    assert sagemaker.describe_model_package(ModelPackageName=first)["ApprovalDescription"] == "good"

    def arns(**filters: object) -> list[str]:
        answer = sagemaker.list_model_packages(ModelPackageGroupName=group, **filters)
        return [item["ModelPackageArn"] for item in answer["ModelPackageSummaryList"]]

    assert arns() == [second, first]
    assert arns(SortOrder="Ascending", SortBy="CreationTime") == [first, second]
    assert arns(ModelApprovalStatus="Approved") == [first]
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, PaginationConfig={"PageSize": 1}
    )
    assert [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]] == [second, first]


def test_metadata_and_policy(hosting: Hosting) -> None:
    sagemaker, group = hosting.sagemaker, _group(hosting, "described")
    arn = _version(hosting, group, CustomerMetadataProperties={"auc": "0.9", "old": "x"})
    sagemaker.update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"ap": "0.7"}, CustomerMetadataPropertiesToRemove=["old"]
    )
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["CustomerMetadataProperties"] == {"auc": "0.9", "ap": "0.7"}
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy='{"Version":"2012-10-17"}')
    policy = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
    assert json.loads(policy) == {"Version": "2012-10-17"}
    with pytest.raises(ClientError, match="not JSON"):
        sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy="{")


def test_approval_is_announced(hosting: Hosting) -> None:
    events, queues = hosting.cloud.client("events"), hosting.cloud.client("sqs")
    queue = queues.create_queue(QueueName="package-events")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["announced"], "ModelApprovalStatus": ["Approved"]},
    }
    events.put_rule(Name="package-events", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="package-events", Targets=[{"Id": "queue", "Arn": arn}])
    package = _version(hosting, _group(hosting, "announced"))
    hosting.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    message = wait_until(lambda: queues.receive_message(QueueUrl=queue).get("Messages"), 10)[0]
    event = json.loads(message["Body"])
    assert event["resources"] == [package]
    assert event["detail"]["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert event["detail"]["ModelPackageVersion"] == 1
    assert event["detail"]["ModelPackageArn"] == package


def test_a_model_of_a_package_serves_with_its_environment_overridden(hosting: Hosting) -> None:
    specification = _specification(hosting, 5.0, SAGEMAKER_PROGRAM="nothing.py", DELAY="0")
    package = _version(hosting, _group(hosting, "served"), InferenceSpecification=specification)
    container = {"ModelPackageName": package, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    hosting.sagemaker.create_model(ModelName="of-package", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    described = hosting.sagemaker.describe_model(ModelName="of-package")
    assert described["PrimaryContainer"] == container
    hosting.config("of-package", "of-package")
    answer = hosting.deploy("of-package", "of-package")
    assert answer["EndpointStatus"] == "InService", answer
    assert hosting.ask("of-package", "1,1") == "10.0\n"
    hosting.delete("of-package")


def test_tags_of_any_resource(hosting: Hosting) -> None:
    sagemaker = hosting.sagemaker
    arn = sagemaker.create_model_package_group(
        ModelPackageGroupName="tagged", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    )["ModelPackageGroupArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}, {"Key": "c", "Value": "4"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}, {"Key": "c", "Value": "4"}]
    with pytest.raises(ClientError, match="Could not find a resource"):
        sagemaker.list_tags(ResourceArn=arn + "-not")


def test_pages_survive_insertions() -> None:
    rows = [{"ModelName": f"m{index}", "CreationTime": float(index // 2)} for index in range(6)]
    first = listing.answer("ListModels", {"MaxResults": 2}, rows, name="ModelName")
    assert [row["ModelName"] for row in first["Models"]] == ["m5", "m4"]
    rows += [{"ModelName": "new", "CreationTime": 9.0}]
    request = {"MaxResults": 10, "NextToken": first["NextToken"]}
    rest = listing.answer("ListModels", request, rows, name="ModelName")
    assert [row["ModelName"] for row in rest["Models"]] == ["m3", "m2", "m1", "m0"]
    assert "NextToken" not in rest
    between = {"CreationTimeAfter": 1.0, "CreationTimeBefore": "1970-01-01T00:00:01Z", "NameContains": "M"}
    assert len(listing.answer("ListModels", between, rows, name="ModelName")["Models"]) == 2
    with pytest.raises(ValidationError, match="NextToken"):
        listing.answer("ListModels", {"NextToken": "nonsense"}, rows, name="ModelName")
