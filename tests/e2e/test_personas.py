"""Each persona can do its work and nothing else: the deployed roles, taken on and used under enforcement."""

import json
import time

import boto3
import pytest
from botocore.exceptions import ClientError

from scripts.cdk import ACCOUNT, REGION
from scripts.scoring.client import Refused
from tests.e2e.people import CANNOT, DENIED, PERSONAS
from tests.e2e.people.calls import IMAGE, PROCESSING, Call
from tests.e2e.people.persona import Persona
from tests.e2e.people.place import PREFIX, place


@pytest.fixture(scope="module")
def at(demo):
    return place(demo)


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_can_do_its_work(people, name):
    assert people[name] == []


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_cannot_do_the_work_of_another(demo, at, name):
    persona = Persona(demo, name, "attack")
    answers = [(str(call), call.arguments, persona.answer(call, at)) for call in CANNOT[name]]
    assert not [answer for answer in answers if answer[2] not in DENIED]


@pytest.mark.parametrize("name", PERSONAS)
def test_only_payments_are_let_score_and_only_analysts_may_look_and_label(demo, at, name):
    api = Persona(demo, name, "attack").api
    requests = {
        "score": lambda: api.score({"TRANSACTION_ID": "1"}),
        "look": lambda: api.decision(at.decision),
        "label": lambda: api.label(at.decision, "genuine"),
    }
    refused = set()
    for request, ask in requests.items():
        try:
            ask()
        except Refused as error:
            assert error.status == 403
            refused.add(request)
    assert refused == ({"score"} if name == "analyst" else set(requests))


def test_nobody_takes_a_persona_on_without_a_second_factor_or_permission(demo):
    iam = demo.client("iam")
    role = f"arn:aws:iam::{ACCOUNT}:role/fraudstack-dev-analyst-{REGION}"
    iam.create_user(UserName="somebody")
    keys = iam.create_access_key(UserName="somebody")["AccessKey"]
    sts = boto3.client(
        "sts",
        endpoint_url=demo.endpoint_url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )
    asked = {"RoleArn": role, "RoleSessionName": "attack"}
    factor = {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/somebody", "TokenCode": "123456"}
    try:
        with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
            sts.assume_role(**asked, **factor)
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="somebody", PolicyName="assume", PolicyDocument=document)
        with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
            sts.assume_role(**asked)
        assert sts.assume_role(**asked, **factor)["AssumedRoleUser"]["Arn"].endswith("/attack")
    finally:
        iam.delete_access_key(UserName="somebody", AccessKeyId=keys["AccessKeyId"])
        if iam.list_user_policies(UserName="somebody")["PolicyNames"]:
            iam.delete_user_policy(UserName="somebody", PolicyName="assume")
        iam.delete_user(UserName="somebody")


def test_a_scientists_job_cannot_overwrite_what_is_deployed_from(demo, at):
    """Its role may not, whatever the code is: the job fails, and the archive is as it was."""
    scientist, sagemaker = Persona(demo, "data-scientist", "attack"), demo.client("sagemaker")
    before = demo.client("s3").head_object(Bucket=at.artifacts, Key=at.model)["ETag"]
    folder = at.model.removesuffix("/model.tar.gz")
    output = {
        "OutputName": "model",
        "S3Output": {
            "S3Uri": f"s3://{at.artifacts}/{folder}",
            "LocalPath": "/opt/ml/processing/output",
            "S3UploadMode": "EndOfJob",
        },
    }
    written = "echo x > /opt/ml/processing/output/model.tar.gz"
    call = Call(
        "sagemaker",
        "create_processing_job",
        {
            **PROCESSING,
            "ProcessingJobName": f"{PREFIX}-attack-{at.now}",
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["sh", "-c", written]},
            "ProcessingOutputConfig": {"Outputs": [output]},
        },
    )
    assert scientist.answer(call, at) == ""
    name = {"ProcessingJobName": f"{PREFIX}-attack-{at.now}"}
    while (job := sagemaker.describe_processing_job(**name))["ProcessingJobStatus"] not in ("Completed", "Failed"):
        time.sleep(0.2)
    assert job["ProcessingJobStatus"] == "Failed" and "s3:PutObject" in job["FailureReason"], job
    assert demo.client("s3").head_object(Bucket=at.artifacts, Key=at.model)["ETag"] == before
