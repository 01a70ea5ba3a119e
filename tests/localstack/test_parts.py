"""What the platform keeps and says, on clouds that are not this project's."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from tests.localstack import parts
from tests.localstack.conftest import Target

BUCKETS = ("access-logs", "artifacts", "captures", "reports", "transactions")


@pytest.fixture(scope="session")
def deployed(target: Target) -> Target:
    target.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="29", Type="String", Overwrite=True
    )
    for concern in parts.CONCERNS:
        parts.deploy(target, concern)
    return target


def _known_gap(target: Target, what: str) -> None:
    """LocalStack's CloudFormation leaves some properties of a bucket out without a word."""
    if target.kind == "localstack":
        pytest.xfail(f"LocalStack 4.14's CloudFormation does not apply {what}")


def test_every_bucket_is_versioned_closed_to_the_public_and_encrypted_by_a_key_of_the_platform(deployed):
    s3, keys = deployed.client("s3"), {alias["AliasName"] for alias in deployed.client("kms").list_aliases()["Aliases"]}
    assert {f"alias/fraudstack-dev-{purpose}" for purpose in ("data", "operations")} <= keys
    for name in BUCKETS:
        bucket = _bucket(deployed, name)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled" or name == "access-logs"
        assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        algorithm = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
        if name != "access-logs" and algorithm == "AES256":
            _known_gap(deployed, "BucketEncryption")
        assert algorithm == ("AES256" if name == "access-logs" else "aws:kms")


def test_an_object_is_stored_under_the_data_key_and_comes_back(deployed):
    s3, bucket = deployed.client("s3"), _bucket(deployed, "transactions")
    s3.put_object(Bucket=bucket, Key="datasets/one.csv", Body=b"a,b\n1,2\n")
    stored = s3.get_object(Bucket=bucket, Key="datasets/one.csv")
    assert stored["Body"].read() == b"a,b\n1,2\n"
    if stored["ServerSideEncryption"] == "AES256":
        _known_gap(deployed, "BucketEncryption")
    assert stored["ServerSideEncryption"] == "aws:kms"
    assert _key(deployed, "data") in stored["SSEKMSKeyId"]


def test_old_versions_are_kept_until_they_expire(deployed):
    s3, bucket = deployed.client("s3"), _bucket(deployed, "artifacts")
    for body in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="model-packages/x", Body=body)
    versions = s3.list_object_versions(Bucket=bucket, Prefix="model-packages/x")["Versions"]
    assert len(versions) == 2
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError:
        _known_gap(deployed, "LifecycleConfiguration")
        raise
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)


def test_bucket_policies_deny_plain_http_and_name_roles(deployed):
    policy = json.loads(deployed.client("s3").get_bucket_policy(Bucket=_bucket(deployed, "artifacts"))["Policy"])
    denied = [item for item in policy["Statement"] if item["Effect"] == "Deny"]
    assert any("aws:SecureTransport" in json.dumps(item.get("Condition", {})) for item in denied)
    named = json.dumps([item["Principal"] for item in policy["Statement"] if item["Effect"] == "Allow"])
    assert "role/fraudstack-dev-training" in named and '"*"' not in named


def test_keys_rotate_and_can_be_used(deployed):
    kms = deployed.client("kms")
    for purpose in ("data", "operations"):
        key = _key(deployed, purpose)
        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
        sealed = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"


def test_notifications_reach_a_subscriber(deployed):
    sns, sqs = deployed.client("sns"), deployed.client("sqs")
    (topic,) = [item["TopicArn"] for item in sns.list_topics()["Topics"] if "fraudstack-dev" in item["TopicArn"]]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["KmsMasterKeyId"]
    queue = sqs.create_queue(QueueName=f"subscriber-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Subject="Retraining", Message="run r1 was promoted")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"])["Message"] == "run r1 was promoted"


def test_parameters_keep_their_versions(deployed):
    ssm, name = deployed.client("ssm"), f"/fraudstack-dev/{uuid.uuid4().hex[:8]}"
    for value in ("one", "two"):
        ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Version"]) == ("two", 2)
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=f"{name}-none")


def test_roles_trust_one_service_on_behalf_of_this_account(deployed):
    role = deployed.client("iam").get_role(RoleName="fraudstack-dev-training-us-east-1")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == "000000000000"


def test_a_second_deployment_of_the_same_templates_changes_nothing(deployed):
    cloudformation = deployed.client("cloudformation")
    for concern in parts.CONCERNS:
        with pytest.raises(ClientError, match="No updates"):
            cloudformation.update_stack(
                StackName=f"fraudstack-dev-{concern}",
                TemplateURL=parts.uploaded(deployed, concern),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )


def _bucket(target: Target, name: str) -> str:
    (bucket,) = [
        item["Name"]
        for item in target.client("s3").list_buckets()["Buckets"]
        if item["Name"].startswith(f"fraudstack-dev-{name}-")
    ]
    return bucket


def _key(target: Target, purpose: str) -> str:
    aliases = target.client("kms").list_aliases()["Aliases"]
    (key,) = [item["TargetKeyId"] for item in aliases if item["AliasName"] == f"alias/fraudstack-dev-{purpose}"]
    return key
