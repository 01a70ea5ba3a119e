"""With AUTH=true policies decide on SageMaker and Application Auto Scaling as on any other service."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.conftest import REGION, Cloud


@pytest.fixture
def enforcing(own_cloud: Cloud) -> Cloud:
    own_cloud.environment["AUTH"] = "true"
    own_cloud.run("up")
    return own_cloud


def reader(cloud: Cloud, action: str, resource: str) -> boto3.Session:
    """A session of a user that may do one thing."""
    iam = cloud.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def test_a_stack_is_asked_for_by_its_id_however_it_is_named(enforcing: Cloud) -> None:
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    made = {
        name: enforcing.client("cloudformation").create_stack(StackName=name, TemplateBody=template)["StackId"]
        for name in ("mine", "other")
    }
    session = reader(enforcing, "cloudformation:DescribeStacks", made["mine"])
    cloudformation = session.client("cloudformation", endpoint_url=enforcing.endpoint_url)
    for name in ("mine", made["mine"]):
        assert cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"] == made["mine"]
    for name in ("other", "missing"):
        with pytest.raises(ClientError, match="not authorized to perform: cloudformation:DescribeStacks"):
            cloudformation.describe_stacks(StackName=name)


def test_policies_are_enforced(enforcing: Cloud) -> None:
    session = reader(enforcing, "sagemaker:ListModels", "*")
    sagemaker = session.client("sagemaker", endpoint_url=enforcing.endpoint_url)
    assert sagemaker.list_models()["Models"] == []
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:ListEndpoints"):
        sagemaker.list_endpoints()
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpoint"):
        session.client("sagemaker-runtime", endpoint_url=enforcing.endpoint_url).invoke_endpoint(
            EndpointName="any", Body="1"
        )
    with pytest.raises(ClientError, match="application-autoscaling:DescribeScalableTargets"):
        session.client("application-autoscaling", endpoint_url=enforcing.endpoint_url).describe_scalable_targets(
            ServiceNamespace="sagemaker"
        )


def test_nothing_is_read_or_written_under_a_key_that_is_disabled(enforcing: Cloud) -> None:
    root, kms = enforcing.client("s3"), enforcing.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    root.create_bucket(Bucket="kept")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    root.put_bucket_encryption(Bucket="kept", ServerSideEncryptionConfiguration=rules)
    s3 = reader(enforcing, "*", "*").client("s3", endpoint_url=enforcing.endpoint_url)
    s3.put_object(Bucket="kept", Key="a", Body=b"1")
    kms.disable_key(KeyId=key)
    for call in (
        lambda: s3.get_object(Bucket="kept", Key="a"),
        lambda: s3.put_object(Bucket="kept", Key="b", Body=b""),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket="kept", Key="a")["Body"].read() == b"1"
