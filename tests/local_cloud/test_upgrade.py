"""A platform of the previous version, in use, is upgraded: what it holds stays where it is."""

import json
from typing import Any

from tests.infra.stateful import CREATE_ONLY
from tests.local_cloud import previous, project
from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud
from tests.local_cloud.stacks import Stack

KEPT = "kept through the upgrade"


def test_the_previous_platform_is_upgraded_in_place(own_cloud: Cloud) -> None:
    own_cloud.run("up")
    # As `cdk bootstrap` leaves it.
    own_cloud.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="29", Type="String")
    for concern, template in previous.templates().items():
        _upload(own_cloud, template)
        stack = Stack(own_cloud, f"{project.prefix('dev')}-{concern}")
        assert stack.deploy(template) == "CREATE_COMPLETE", stack.failures()
    before = _held(own_cloud)
    assert {kind for kind, _ in before.values()} == set(CREATE_ONLY) - {"AWS::SQS::Queue"}
    _fill(own_cloud, before)

    # The network is new; roles and functions refer to it, so it comes after the keys.
    keys, *others = previous.CONCERNS
    for concern in (keys, "network", *others):
        project.deploy(own_cloud, "dev", concern)

    after = _held(own_cloud)
    assert {name: after.get(name) for name in before} == before
    assert _read(own_cloud, before) == {KEPT}
    deleted = [event["ResourceType"] for event in _events(own_cloud) if "DELETE" in event["ResourceStatus"]]
    assert not set(deleted) & set(CREATE_ONLY)


def _upload(cloud: Cloud, template: dict[str, Any]) -> None:
    """Code of functions as it may have been: any will do, since none is called."""
    s3 = cloud.client("s3")
    for resource in template["Resources"].values():
        code = resource.get("Properties", {}).get("Code", {})
        if resource["Type"] == "AWS::Lambda::Function" and "S3Key" in code:
            bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
            s3.create_bucket(Bucket=bucket)
            package = project.assemblies() / "function.zip"
            s3.put_object(Bucket=bucket, Key=code["S3Key"], Body=package.read_bytes())


def _held(cloud: Cloud) -> dict[str, tuple[str, str]]:
    """Type and physical id of what holds something, by stack and logical id."""
    found = {}
    for concern in previous.CONCERNS:
        name = f"{project.prefix('dev')}-{concern}"
        resources = cloud.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
        for item in resources:
            if item["ResourceType"] in CREATE_ONLY:
                found[f"{name}/{item['LogicalResourceId']}"] = (item["ResourceType"], item["PhysicalResourceId"])
    return found


def _fill(cloud: Cloud, held: dict[str, tuple[str, str]]) -> None:
    s3, dynamodb, logs = (cloud.client(service) for service in ("s3", "dynamodb", "logs"))
    for kind, identifier in held.values():
        if kind == "AWS::S3::Bucket":
            s3.put_object(Bucket=identifier, Key="kept", Body=KEPT.encode())
        elif kind == "AWS::DynamoDB::Table":
            dynamodb.put_item(TableName=identifier, Item={**_key(dynamodb, identifier), "text": {"S": KEPT}})
        elif kind == "AWS::Logs::LogGroup":
            logs.create_log_stream(logGroupName=identifier, logStreamName="kept")
            event = {"timestamp": 1_900_000_000_000, "message": KEPT}
            logs.put_log_events(logGroupName=identifier, logStreamName="kept", logEvents=[event])


def _read(cloud: Cloud, held: dict[str, tuple[str, str]]) -> set[str]:
    s3, dynamodb, logs = (cloud.client(service) for service in ("s3", "dynamodb", "logs"))
    found = set()
    for kind, identifier in held.values():
        if kind == "AWS::S3::Bucket":
            found.add(s3.get_object(Bucket=identifier, Key="kept")["Body"].read().decode())
        elif kind == "AWS::DynamoDB::Table":
            item = dynamodb.get_item(TableName=identifier, Key=_key(dynamodb, identifier)).get("Item", {})
            found.add(item.get("text", {}).get("S", f"nothing in {identifier}"))
        elif kind == "AWS::Logs::LogGroup":
            events = logs.get_log_events(logGroupName=identifier, logStreamName="kept")["events"]
            found |= {event["message"] for event in events} or {f"nothing in {identifier}"}
    return found


def _key(dynamodb: Any, table: str) -> dict[str, Any]:
    described = dynamodb.describe_table(TableName=table)["Table"]
    types = {item["AttributeName"]: item["AttributeType"] for item in described["AttributeDefinitions"]}
    return {item["AttributeName"]: {types[item["AttributeName"]]: "7"} for item in described["KeySchema"]}


def _events(cloud: Cloud) -> list[dict[str, Any]]:
    client = cloud.client("cloudformation")
    names = [f"{project.prefix('dev')}-{concern}" for concern in previous.CONCERNS]
    return [event for name in names for event in client.describe_stack_events(StackName=name)["StackEvents"]]


def test_the_previous_templates_are_small() -> None:
    assert previous.PREVIOUS.stat().st_size < 64 << 10
    assert json.dumps(previous.templates())
