"""Least privilege, both ways: the run needed nothing its roles lack, and the roles have nothing that no run needs."""

import fnmatch
import re

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from scripts.cdk import ACCOUNT, REGION
from tests.e2e.conftest import REPOSITORY, Demo
from tests.e2e.privileges import Asked, Mutation, Privileges, read_run

PREFIX = "fraudstack-dev-"


@pytest.fixture(scope="module")
def run(demo: Demo, people: dict[str, list[str]]) -> list[Asked]:
    return read_run(demo.state / "authorizations.jsonl", PREFIX)


@pytest.fixture(scope="module")
def privileges(demo: Demo) -> Privileges:
    return Privileges(demo.client, PREFIX, ACCOUNT)


def test_nothing_that_the_run_asked_for_was_denied(run):
    # But what a test makes a job do (test_personas).
    attacks = {(f"{PREFIX}lab-us-east-1", "s3:PutObject")}
    assert not [asked for asked in run if not asked.allowed and (asked.role, asked.action) not in attacks]


def test_every_role_that_does_work_was_asked_about(run, privileges):
    # Nothing is collected within the cooldown of the demo's own runs; tests/e2e/test_loop.py does that.
    idle = {"gateway", "collection", "flow-log"}
    assert {_short(asked.role) for asked in run} == {_short(role) for role in privileges.identity} - idle


def test_the_recorded_decisions_can_be_made_again_from_the_policies(run, privileges):
    assert not [asked for asked in run if asked.allowed and not privileges.allow(asked)]


def test_every_action_of_every_statement_is_needed_or_listed_with_its_reason(run, privileges):
    listed = yaml.safe_load((REPOSITORY / "stacks/identity/unexercised.yaml").read_text(encoding="utf-8"))
    needless = privileges.needless(run)
    unlisted = [str(mutation) for mutation in needless if not any(_covers(entry, mutation) for entry in listed)]
    assert not unlisted, "\n".join(unlisted)
    stale = [
        f"{entry['role']}: {pattern}"
        for entry in listed
        for pattern in entry["actions"]
        if not any(_covers({**entry, "actions": [pattern]}, mutation) for mutation in needless)
    ]
    assert not stale


@pytest.mark.parametrize(
    ("role", "service", "operation", "arguments"),
    [
        ("training", "s3", "list_objects_v2", {"Bucket": "{transactions}"}),
        ("training", "sagemaker", "create_model", {"ModelName": "mine", "ExecutionRoleArn": "{model_role}"}),
        ("model", "s3", "list_objects_v2", {"Bucket": "{transactions}"}),
        ("model", "s3", "put_object", {"Bucket": "{artifacts}", "Key": "runs/model.tar.gz", "Body": b""}),
        ("monitoring", "s3", "put_object", {"Bucket": "{captures}", "Key": "data-capture/x", "Body": b""}),
        ("processing", "s3", "put_object", {"Bucket": "{transactions}", "Key": "datasets/x", "Body": b""}),
        *(
            ("training", "s3", "put_object", {"Bucket": "{artifacts}", "Key": "runs/x", "Body": b"", **encryption})
            for encryption in (
                {"ServerSideEncryption": "AES256"},
                {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/theirs"},
                {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
            )
        ),
        ("processing", "dynamodb", "scan", {"TableName": "fraudstack-dev-decisions"}),
        ("scoring", "dynamodb", "scan", {"TableName": "fraudstack-dev-profiles"}),
        ("scoring", "dynamodb", "delete_table", {"TableName": "fraudstack-dev-rules"}),
        ("scoring", "sagemaker", "delete_endpoint", {"EndpointName": "fraudstack-dev"}),
        ("scoring", "iam", "list_roles", {}),
        ("retraining", "sagemaker", "update_endpoint", {"EndpointName": "fraudstack-dev", "EndpointConfigName": "x"}),
        ("promotion", "sagemaker", "delete_endpoint", {"EndpointName": "another"}),
        ("promotion", "s3", "list_buckets", {}),
    ],
)
def test_a_role_cannot_do_the_work_of_another(demo, role, service, operation, arguments):
    places = {name: f"{PREFIX}{name}-{ACCOUNT}-{REGION}" for name in ("transactions", "artifacts", "captures")}
    places["model_role"] = f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}model-{REGION}"
    filled = {key: value.format(**places) if isinstance(value, str) else value for key, value in arguments.items()}
    with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
        getattr(_as(demo, role).client(service, endpoint_url=demo.endpoint_url), operation)(**filled)


def test_a_job_cannot_be_given_a_role_that_sagemaker_may_not_assume(demo):
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    sagemaker = demo.client("sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName="stolen",
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}promotion-{REGION}",
        AppSpecification={"ImageUri": image, "ContainerEntrypoint": ["true"]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    )
    job = _ended(sagemaker, "stolen")
    assert job["ProcessingJobStatus"] == "Failed" and "Could not assume role" in job["FailureReason"]


def _ended(sagemaker, name: str):
    while (job := sagemaker.describe_processing_job(ProcessingJobName=name))["ProcessingJobStatus"] == "InProgress":
        pass
    return job


def _as(demo: Demo, role: str) -> boto3.Session:
    """A session of the role; the local cloud lets the account's root assume what services may assume."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}{role}-{REGION}"
    found = demo.client("sts").assume_role(RoleArn=arn, RoleSessionName="attack")["Credentials"]
    return boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], REGION)


def _short(role: str) -> str:
    return re.sub(f"-{REGION}$", "", role.removeprefix(PREFIX))


def _covers(entry: dict, mutation: Mutation) -> bool:
    fits = entry["role"] in ("*", _short(mutation.role))
    return fits and any(fnmatch.fnmatchcase(mutation.action, pattern) for pattern in entry["actions"])
