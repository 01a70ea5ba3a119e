"""With AUTH=true policies decide on SageMaker and Application Auto Scaling as on any other service."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta

import boto3
import botocore.auth
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_cloud.conftest import REGION, Cloud, unique


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("enforcing"), environment={"AUTH": "true"})
    cloud.run("up")
    yield cloud
    cloud.run("down")


def reader(cloud: Cloud, action: str, resource: str) -> boto3.Session:
    """A session of a user that may do one thing."""
    iam = cloud.client("iam")
    name = unique("reader")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
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


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_from_another_time_is_refused_with_both_times(
    enforcing: Cloud, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """Promised: a caller whose clock is wrong by more than five minutes hears of it."""
    sagemaker = reader(enforcing, "*", "*").client("sagemaker", endpoint_url=enforcing.endpoint_url)
    assert sagemaker.list_models()["Models"] == []
    at_a_time(monkeypatch, minutes)
    with pytest.raises(ClientError, match=r"Signature (expired|not yet current): .* 5 min"):
        sagemaker.list_models()


def at_a_time(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    """Sign as if it were so many minutes later."""
    now = botocore.auth.get_current_datetime

    def moved(*arguments: bool, **options: bool) -> datetime:
        return now(*arguments, **options) + timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", moved)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_url_that_was_signed_is_good_for_its_time_verb_and_key_alone(enforcing: Cloud, version: str) -> None:
    """Promised: anything else is refused, and nothing is stored."""
    bucket = unique("signed")
    root = enforcing.client("s3")
    root.create_bucket(Bucket=bucket)
    root.put_object(Bucket=bucket, Key="kept", Body=b"1")
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    s3 = reader(enforcing, "*", "*").client("s3", endpoint_url=enforcing.endpoint_url, config=config)

    def signed(operation: str = "get_object", seconds: int = 60) -> str:
        return s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": "kept"}, ExpiresIn=seconds)

    url = signed()
    assert urllib.request.urlopen(url, timeout=30).read() == b"1"
    longer = re.sub(r"Expires=(\d+)", lambda found: f"Expires={int(found[1]) + 60}", url)
    forged = re.sub(r"Signature=....", "Signature=0000", url)
    late, late_put = signed(seconds=0), signed("put_object", seconds=0)
    time.sleep(1.1)
    changed = [(one, None) for one in (url.replace("/kept?", "/other?"), longer, forged)]
    for address, body in [(url, b"2"), *changed, (late, None), (late_put, b"2")]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(address, body, method="PUT" if body else "GET"), timeout=30)
        reason = "Request has expired" if address in (late, late_put) else "SignatureDoesNotMatch"
        assert caught.value.code == 403 and reason in caught.value.read().decode()
    assert root.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"1"


def test_credentials_that_were_withdrawn_or_changed_are_refused(enforcing: Cloud) -> None:
    session = reader(enforcing, "*", "*")
    given = session.get_credentials()
    user = session.client("sts", endpoint_url=enforcing.endpoint_url).get_caller_identity()["Arn"].split("/")[1]

    def ask(key: str, secret: str) -> None:
        boto3.client(
            "sagemaker",
            REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            endpoint_url=enforcing.endpoint_url,
        ).list_models()

    ask(given.access_key, given.secret_key)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        ask(given.access_key, "wrong" * 8)
    enforcing.client("iam").delete_access_key(UserName=user, AccessKeyId=given.access_key)
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        ask(given.access_key, given.secret_key)
