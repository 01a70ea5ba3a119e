"""The function that empties a VPC's default security group, against moto's EC2."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stacks.functions import close_default_group


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation is told."""
    told: list[dict[str, Any]] = []

    class Response:
        def close(self) -> None: ...

    def urlopen(request: Any, timeout: float) -> Response:
        told.append(json.loads(request.data))
        return Response()

    monkeypatch.setattr(close_default_group.urllib.request, "urlopen", urlopen)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return told


def event(kind: str, group: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": "https://cloudformation.invalid/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Default",
        "ResourceProperties": {"GroupId": group},
    }


@mock_aws
def test_both_rules_go_and_a_second_time_is_no_error(answers: list[dict[str, Any]]) -> None:
    ec2 = boto3.client("ec2", region_name="us-east-1")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    (group,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    for kind in ("Create", "Update"):
        close_default_group.handler(event(kind, group["GroupId"]), None)
        (found,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        assert found["IpPermissions"] == found["IpPermissionsEgress"] == []
    assert [(one["Status"], one["PhysicalResourceId"]) for one in answers] == [
        ("SUCCESS", f"{group['GroupId']}-closed")
    ] * 2


@mock_aws
def test_a_failure_is_told_with_its_reason_and_a_deletion_touches_nothing(answers: list[dict[str, Any]]) -> None:
    missing = "sg-0123456789abcdef0"
    close_default_group.handler(event("Create", missing), None)
    close_default_group.handler(event("Delete", missing), None)
    assert [one["Status"] for one in answers] == ["FAILED", "SUCCESS"]
    assert missing in answers[0]["Reason"]
