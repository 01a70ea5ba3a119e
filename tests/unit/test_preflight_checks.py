"""Each check before a deployment: what it finds wrong, and what it says to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber
from moto import mock_aws

from scripts import preflight
from scripts.checks import CHECKS, Context, Finding, run
from scripts.checks.keys import PURPOSES
from scripts.checks.quotas import needs
from scripts.checks.standing import BUCKETS, TABLES
from stacks.config import PlatformConfig, load_config
from stacks.images import image_uri

ACCOUNT = "123456789012"
CDK = json.loads(preflight.CDK_JSON.read_text())["context"]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def config(env: str = "dev", **settings: Any) -> PlatformConfig:
    return load_config({**CDK, "env": env, "settings": json.dumps(settings)})


def find(name: str, session: Any = None, **settings: Any) -> list[Finding]:
    return list(run(name, Context(config(**settings), session or boto3.Session())))


def wrong(findings: list[Finding]) -> list[Finding]:
    """What is not right, each of which says what to do."""
    found = [finding for finding in findings if finding.status != "ok"]
    assert all(finding.remedy for finding in found if finding.status == "error")
    return found


class Stubbed:
    """A session in which one service answers as told, and moto's account has the rest."""

    def __init__(self, service: str, tell: Callable[[Stubber], None]) -> None:
        self.service, self.client_of = service, boto3.client(service, region_name="us-east-1")
        self.stub = Stubber(self.client_of)
        tell(self.stub)
        self.stub.activate()

    def client(self, service: str, region_name: str) -> Any:
        return self.client_of if service == self.service else boto3.client(service, region_name=region_name)


def test_all_checks_have_a_place_in_the_order() -> None:
    assert sorted(preflight.ORDER) == sorted(CHECKS)


def test_the_account_and_the_region_are_named() -> None:
    (finding,) = find("account")
    assert finding.status == "ok" and ACCOUNT in finding.message and "us-east-1" in finding.message


def test_a_region_that_is_not_enabled() -> None:
    regions = {"Regions": [{"RegionName": "us-east-1", "OptInStatus": "not-opted-in"}]}
    (finding,) = wrong(find("account", Stubbed("ec2", lambda stub: stub.add_response("describe_regions", regions))))
    assert finding.status == "error" and "enable-region --region-name us-east-1" in finding.remedy


def test_credentials_that_are_no_good_are_a_finding() -> None:
    expired = Stubbed("sts", lambda stub: stub.add_client_error("get_caller_identity", "ExpiredToken"))
    (finding,) = wrong(find("account", expired))
    assert finding.status == "error" and "expired or invalid" in finding.message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20260101T010000Z is still later than 20260101T001500Z"),
    ],
)
def test_a_clock_that_is_wrong_is_not_taken_for_wrong_credentials(code: str, message: str) -> None:
    """Promised: a command on a machine whose clock is minutes off says so."""
    skewed = Stubbed("sts", lambda stub: stub.add_client_error("get_caller_identity", code, message))
    (finding,) = wrong(find("account", skewed))
    assert finding.status == "error" and "clock differs from AWS's by minutes" in finding.message


def test_services_of_the_region() -> None:
    (finding,) = find("services")
    assert finding.status == "ok" and "sagemaker" in finding.message

    class Bare(boto3.Session):
        def get_available_regions(self, service: str, **options: Any) -> list[str]:
            return [] if service == "sagemaker" else super().get_available_regions(service, **options)

    (finding,) = wrong(find("services", Bare()))
    assert finding.status == "error" and finding.message == "us-east-1 has no sagemaker"


def bootstrapped(version: str = "29") -> None:
    boto3.client("ssm", region_name="us-east-1").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value=version, Type="String"
    )
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=f"cdk-hnb659fds-assets-{ACCOUNT}-us-east-1")


def test_without_a_bootstrap() -> None:
    (finding,) = wrong(find("bootstrap"))
    assert finding.status == "error" and "not bootstrapped in us-east-1" in finding.message
    assert "cdk bootstrap -c env=dev" in finding.remedy


def test_with_a_bootstrap() -> None:
    bootstrapped()
    findings = find("bootstrap")
    assert wrong(findings) == []
    assert "deploy, file-publishing)" in findings[-1].message
    assert "image-publishing" in find("bootstrap", serving={"image": "fast"})[-1].message


def test_an_old_bootstrap_whose_bucket_is_gone() -> None:
    bootstrapped("5")
    boto3.client("s3").delete_bucket(Bucket=f"cdk-hnb659fds-assets-{ACCOUNT}-us-east-1")
    old, gone = wrong(find("bootstrap"))
    assert "version 5; 6 is needed" in old.message and "does not exist" in gone.message


def test_a_caller_who_may_not_assume_the_roles() -> None:
    bootstrapped()

    def tell(stub: Stubber) -> None:
        stub.add_response("get_caller_identity", {"Account": ACCOUNT})
        for _ in range(2):
            stub.add_client_error("assume_role", "AccessDenied", "User x is not authorized")

    deploy, publish = wrong(find("bootstrap", Stubbed("sts", tell)))
    arn = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role-{ACCOUNT}-us-east-1"
    assert arn in deploy.remedy and "file-publishing" in publish.message


def standing(status: str, **fields: Any) -> Stubbed:
    stack = {"StackName": "fraudstack-dev-storage", "StackStatus": status, "CreationTime": 0, **fields}
    return Stubbed("cloudformation", lambda stub: stub.add_response("describe_stacks", {"Stacks": [stack]}))


@pytest.mark.parametrize(
    ("status", "fields", "remedy"),
    [
        ("UPDATE_IN_PROGRESS", {}, "wait until it is done"),
        ("UPDATE_ROLLBACK_FAILED", {}, "then aws cloudformation continue-update-rollback --stack-name fraud"),
        ("ROLLBACK_COMPLETE", {}, "then aws cloudformation delete-stack --stack-name fraudstack-dev-storage"),
        ("DELETE_FAILED", {"EnableTerminationProtection": True}, "--no-enable-termination-protection, then aws"),
    ],
)
def test_a_stack_that_cannot_be_deployed_says_why(status: str, fields: dict[str, Any], remedy: str) -> None:
    (finding,) = wrong(find("stacks", standing(status, StackStatusReason="the disk was full", **fields)))
    assert finding.status == "error" and f"is {status} (the disk was full)" in finding.message
    assert remedy in finding.remedy


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_stack_that_can_be_deployed(status: str) -> None:
    assert wrong(find("stacks", standing(status))) == []


def test_what_an_earlier_deployment_has_left_stands_in_the_way() -> None:
    none = lambda: Stubbed("cloudformation", lambda stub: stub.add_response("describe_stacks", {"Stacks": []}))  # noqa: E731
    assert wrong(find("stacks", none())) == []
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=f"fraudstack-dev-reports-{ACCOUNT}-us-east-1")
    boto3.client("dynamodb", region_name="us-east-1").create_table(
        TableName="fraudstack-dev-rules",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    (finding,) = wrong(find("stacks", none()))
    assert f"the bucket fraudstack-dev-reports-{ACCOUNT}-us-east-1, the table fraudstack-dev-rules" in finding.message
    assert finding.status == "error" and "cdk import fraudstack-dev-storage -c env=dev" in finding.remedy


def test_the_names_that_are_looked_for_are_those_of_the_stacks() -> None:
    snapshot = Path(__file__).parents[1] / "infra" / "snapshots" / "dev"
    storage = json.loads((snapshot / "fraudstack-dev-storage.json").read_text())["Resources"].values()
    keys = json.loads((snapshot / "fraudstack-dev-keys.json").read_text())["Resources"].values()
    named = lambda kind, field: [r["Properties"][field] for r in [*storage, *keys] if r["Type"] == kind]  # noqa: E731
    buckets = [json.dumps(name) for name in named("AWS::S3::Bucket", "BucketName")]
    assert len(buckets) == len(BUCKETS) and all(any(f"-{each}-" in name for name in buckets) for each in BUCKETS)
    assert sorted(named("AWS::DynamoDB::Table", "TableName")) == sorted(f"fraudstack-dev-{each}" for each in TABLES)
    assert sorted(named("AWS::KMS::Alias", "AliasName")) == sorted(f"alias/fraudstack-dev-{each}" for each in PURPOSES)


def test_a_boundary_and_administrators_have_to_exist() -> None:
    identity = {
        "permissions_boundary": "boundaries/fraud",
        "key_administrators": [f"arn:aws:iam::{ACCOUNT}:role/security/keys", f"arn:aws:iam::{ACCOUNT}:role/other"],
    }
    boundary, *administrators = wrong(find("roles", identity=identity))
    assert f"arn:aws:iam::{ACCOUNT}:policy/boundaries/fraud does not exist" in boundary.message
    assert "identity.permissions_boundary" in boundary.remedy and len(administrators) == 2
    iam = boto3.client("iam")
    nothing = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    iam.create_policy(PolicyName="fraud", Path="/boundaries/", PolicyDocument=nothing)
    iam.create_role(RoleName="keys", Path="/security/", AssumeRolePolicyDocument=nothing)
    (left,) = wrong(find("roles", identity=identity))
    assert "role/other does not exist" in left.message


def test_an_existing_role_of_api_gateway_has_to_exist() -> None:
    told = Stubbed("apigateway", lambda stub: stub.add_response("get_account", {}))
    (finding,) = wrong(find("roles", told, scoring={"gateway_log_role": "existing"}))
    assert finding.status == "error" and "gateway_log_role to create" in finding.remedy


def a_network(*zones: str) -> dict[str, Any]:
    ec2 = boto3.client("ec2", region_name="us-east-1")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for index, zone in enumerate(zones)
    ]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    return {"existing": {"vpc_id": vpc, "subnet_ids": subnets, "security_group_ids": [group]}}


def test_a_given_network() -> None:
    network = a_network("us-east-1a", "us-east-1b")
    assert wrong(find("network", network=network)) == []
    network["existing"]["vpc_id"] = "vpc-0123456789abcdef0"
    (finding,) = wrong(find("network", network=network))
    assert finding.status == "error" and "are not in vpc-0123456789abcdef0" in finding.message
    network["existing"]["subnet_ids"][1] = "subnet-0123456789abcdef0"
    (finding,) = wrong(find("network", network=network))
    assert "does not exist" in finding.message and "network.existing" in finding.remedy


def test_a_given_network_in_one_zone() -> None:
    (finding,) = wrong(find("network", network=a_network("us-east-1a", "us-east-1a")))
    assert finding.status == "error" and "two zones" in finding.message


def test_zones_of_a_new_network(monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = wrong(find("network", network={"zones": ["us-east-1a", "us-east-1z"]}))
    assert "no zone us-east-1z" in finding.message and "us-east-1b" in finding.remedy

    def tell(stub: Stubber, missing: str = "") -> None:
        zones = [{"ZoneName": f"us-east-1{letter}"} for letter in "ab"]
        stub.add_response("describe_availability_zones", {"AvailabilityZones": zones})
        services = [f"com.amazonaws.us-east-1.{name}" for name in config("prod").network.interface_endpoints]
        details = [
            {"ServiceName": name, "AvailabilityZones": ["us-east-1a", "us-east-1b"][: 1 if missing in name else 2]}
            for name in services
        ]
        stub.add_response("describe_vpc_endpoint_services", {"ServiceDetails": details})

    context = Context(config("prod"), Stubbed("ec2", lambda stub: tell(stub, "sagemaker.runtime")))
    (finding,) = wrong(list(run("network", context)))
    assert finding.message == "there is no endpoint of com.amazonaws.us-east-1.sagemaker.runtime in us-east-1b"
    context = Context(config("prod"), Stubbed("ec2", lambda stub: tell(stub, "none of them")))
    assert wrong(list(run("network", context))) == []
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    context = Context(config("prod"), Stubbed("ec2", lambda stub: tell(stub, "sagemaker.runtime")))
    (finding,) = wrong(list(run("network", context)))
    assert finding.status == "warning", "a local cloud does not list all services that it makes endpoints of"


@pytest.mark.parametrize(
    ("code", "status"),
    [(None, "ok"), ("AccessDeniedException", "warning"), ("ImageNotFoundException", "error")],
)
def test_images_are_looked_at(code: str | None, status: str) -> None:
    def tell(stub: Stubber) -> None:
        if code:
            stub.add_client_error("describe_images", code)
        else:
            stub.add_response(
                "describe_images",
                {"imageDetails": []},
                {
                    "registryId": "683313688378",
                    "repositoryName": "sagemaker-xgboost",
                    "imageIds": [{"imageTag": image_uri("xgboost", "us-east-1").rpartition(":")[2]}],
                },
            )

    (finding,) = find("images", Stubbed("ecr", tell), monitoring={"engine": "processing"})
    assert finding.status == status and "sagemaker-xgboost" in finding.message


def test_images_of_the_monitors_are_looked_at_as_well() -> None:
    def tell(stub: Stubber) -> None:
        for _ in range(3):
            stub.add_client_error("describe_images", "AccessDeniedException")

    found = find("images", Stubbed("ecr", tell))
    assert [finding.status for finding in found] == ["warning"] * 3
    assert "sagemaker-clarify-processing" in found[2].message


def quotas(**values: float) -> Callable[[Stubber], None]:
    """Quotas as needed at the most by dev, except `values`, by their name with underscores; 0 is not offered."""
    _, most = needs(config())
    found = {name: values.get(name.replace(" ", "_").replace(".", "_"), count) for name, count in most.items()}
    listed = [
        {"QuotaName": name, "QuotaCode": f"L-{index}", "Value": value}
        for index, (name, value) in enumerate(sorted(found.items()))
        if value
    ]
    # On two pages, as the service has hundreds of them.
    pages = [{"Quotas": listed[:1], "NextToken": "more"}, {"Quotas": listed[1:]}]
    return lambda stub: [stub.add_response("list_service_quotas", page) for page in pages] and None


def test_quotas_that_are_enough() -> None:
    (finding,) = find("quotas", Stubbed("service-quotas", quotas()))
    assert finding.status == "ok" and "ml.m5.large for endpoint usage" in finding.message


def test_quotas_that_are_not() -> None:
    told = quotas(ml_m5_xlarge_for_training_job_usage=1, ml_m5_large_for_endpoint_usage=5)
    short, scaled = wrong(find("quotas", Stubbed("service-quotas", told)))[::-1]
    assert short.status == "error" and "'ml.m5.xlarge for training job usage' is 1, and 2 are needed" in short.message
    assert "request-service-quota-increase" in short.remedy and "--desired-value 2" in short.remedy
    assert scaled.status == "warning" and "'ml.m5.large for endpoint usage' is 5" in scaled.message


def test_an_instance_type_that_the_region_does_not_offer() -> None:
    told = quotas(ml_m5_xlarge_for_training_job_usage=0)
    (finding,) = wrong(find("quotas", Stubbed("service-quotas", told)))
    assert finding.status == "error" and "does not offer it" in finding.message


def test_what_an_environment_needs_at_a_time() -> None:
    """prod serves with 3 to 12 instances, twice while a promotion shifts, and one challenger (twice as well)."""
    needed, most = needs(config("prod"))
    assert needed["ml.m5.xlarge for endpoint usage"] == 2 * 3
    assert most["ml.m5.xlarge for endpoint usage"] == 2 * 12 + 2 * 1
    assert needed["ml.m5.4xlarge for training job usage"] == 4
    assert most["ml.m5.xlarge for processing job usage"] == 4


def tags(**status: str) -> Callable[[Stubber], None]:
    found = [{"TagKey": key, "Type": "UserDefined", "Status": value} for key, value in status.items()]
    asked = {"TagKeys": ["environment", "project"]}
    return lambda stub: stub.add_response("list_cost_allocation_tags", {"CostAllocationTags": found}, asked)


def test_cost_tags_have_to_be_activated_where_the_bill_is_paid() -> None:
    assert wrong(find("cost-tags", Stubbed("ce", tags(environment="Active", project="Active")))) == []
    (finding,) = wrong(find("cost-tags", Stubbed("ce", tags(environment="Inactive"))))
    assert finding.status == "warning" and "environment, project" in finding.message
    assert "TagKey=environment,Status=Active TagKey=project,Status=Active" in finding.remedy
    denied = Stubbed("ce", lambda stub: stub.add_client_error("list_cost_allocation_tags", "AccessDeniedException"))
    (finding,) = wrong(find("cost-tags", denied))
    assert finding.status == "warning" and "update-cost-allocation-tags-status" in finding.remedy
    (finding,) = find("cost-tags", budget={"monthly_usd": None})
    assert finding.status == "ok"


def test_what_a_local_cloud_lacks_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """In AWS the same refusal is an error."""
    refused = lambda: Stubbed("service-quotas", lambda s: s.add_client_error("list_service_quotas", "Unsupported"))  # noqa: E731
    (finding,) = find("quotas", refused())
    assert finding.status == "error"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    (finding,) = find("quotas", refused())
    assert finding.status == "warning" and "cannot be judged in a local cloud" in finding.message


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4566"])
def test_what_the_caller_may_not_do_is_an_error_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None
) -> None:
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    denied = Stubbed("service-quotas", lambda s: s.add_client_error("list_service_quotas", "AccessDeniedException"))
    (finding,) = find("quotas", denied)
    assert finding.status == "error" and "may not call ListServiceQuotas" in finding.message


def test_an_answer_that_is_not_awss_ends_the_checks() -> None:
    class Proxied(boto3.Session):
        def client(self, service: str, **options: Any) -> Any:
            found = super().client(service, **options)
            found.meta.events.register("before-call", self.fail)
            return found

        def fail(self, **_: Any) -> None:
            raise ResponseParserError("no XML")

    (finding,) = find("account", Proxied())
    assert finding.status == "error" and finding.final and "is there a proxy between" in finding.message
