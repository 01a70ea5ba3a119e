"""Roles: what each may do, and that nothing is wider than its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import App, Stack

from stacks.constructs.scoped_role import Grant, flatten
from tests.infra.conftest import CONCERNS, Assembly, text

JOBS = {
    "collection": "sagemaker.amazonaws.com",
    "guard": "states.amazonaws.com",
    "trigger": "events.amazonaws.com",
    "processing": "sagemaker.amazonaws.com",
    "training": "sagemaker.amazonaws.com",
    "model": "sagemaker.amazonaws.com",
    "transform": "sagemaker.amazonaws.com",
    "monitoring": "sagemaker.amazonaws.com",
    "analysis": "states.amazonaws.com",
    "schedule": "events.amazonaws.com",
    "retraining": "states.amazonaws.com",
    "promotion": "cloudformation.amazonaws.com",
    "scoring": "lambda.amazonaws.com",
    "gateway": "apigateway.amazonaws.com",
}
# Services that take roles of their own account alone, and document no condition on whom they ask for.
UNCONDITIONAL = {"lambda.amazonaws.com", "apigateway.amazonaws.com"}


def statements(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    """(policy's logical id, statement) of every identity policy."""
    for name, policy in assembly.resources("identity", "AWS::IAM::ManagedPolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions_of(assembly: Assembly, role: str) -> set[str]:
    return {
        action
        for name, statement in statements(assembly)
        if name.startswith(f"{role.capitalize()}Role")
        for action in many(statement["Action"])
    }


def test_a_role_for_each_kind_of_job_assumed_by_one_service_of_this_account(assembly: Assembly) -> None:
    expected = dict(JOBS)
    if assembly.environment == "prod":
        expected["approval"] = "events.amazonaws.com"
    roles = assembly.resources("identity", "AWS::IAM::Role").values()
    found = {}
    for role in roles:
        properties = role["Properties"]
        (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"]["Service"] in UNCONDITIONAL:
            assert "Condition" not in trust
        else:
            assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        name = properties["RoleName"].removeprefix(f"fraudstack-{assembly.environment}-")
        found[name.removesuffix("-us-east-1")] = trust["Principal"]["Service"]
        assert "Policies" not in properties
        assert all("Ref" in policy for policy in properties["ManagedPolicyArns"])
        assert "PermissionsBoundary" not in properties and properties.get("Path", "/") == "/"
    assert found == expected


def test_path_and_boundary_are_on_every_role_and_in_every_reference(varied: Assembly) -> None:
    boundary = "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/boundaries/fraud"
    for role in varied.resources("identity", "AWS::IAM::Role").values():
        assert role["Properties"]["Path"] == "/fraud/"
        assert text(role["Properties"]["PermissionsBoundary"]) == boundary
    for policy in varied.resources("identity", "AWS::IAM::ManagedPolicy").values():
        assert policy["Properties"]["Path"] == "/fraud/"
    for concern in CONCERNS:
        body = json.dumps(varied.template(concern))
        for found in re.findall(r"role/[\w/-]*fraudstack-staging", body):
            assert found == "role/fraud/fraudstack-staging", concern


def test_no_policy_is_attached_anywhere_else(assembly: Assembly) -> None:
    # The network stack, which comes before, has the roles of its flow log and of the function it is made by.
    for concern in set(CONCERNS) - {"identity", "network"}:
        assert assembly.resources(concern, "AWS::IAM::Policy") == {}
        # The scoring stack has the policies of the API's callers, which nothing here is attached to.
        assert concern == "scoring" or assembly.resources(concern, "AWS::IAM::ManagedPolicy") == {}
        assert assembly.resources(concern, "AWS::IAM::Role") == {}


def test_no_wildcard_actions_and_no_denied_logic(assembly: Assembly) -> None:
    for name, statement in statements(assembly):
        # What Lambda may do for a function, the function's code may not.
        assert statement["Effect"] == "Allow" or "lambda:SourceFunctionArn" in statement["Condition"]["ArnLike"], name
        assert "NotAction" not in statement and "NotResource" not in statement
        assert [action for action in many(statement["Action"]) if "*" in action] == [], name


def test_all_resources_only_where_the_service_knows_none(assembly: Assembly) -> None:
    allowed = {
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        *("cloudwatch:DescribeAlarms", "sagemaker:ListModelPackages", "sagemaker:ListProcessingJobs"),
        *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"),
        *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
        *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
        *("logs:DescribeLogGroups", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams"),
        *("logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents"),
    }
    for name, statement in statements(assembly):
        if "*" in many(statement["Resource"]) and statement["Effect"] == "Allow":
            assert set(many(statement["Action"])) <= allowed, name
            # Logs of any group are API Gateway's, which demands it so.
            assert "logs:PutLogEvents" not in many(statement["Action"]) or name.startswith("GatewayRole")
        if "cloudwatch:PutMetricData" in many(statement["Action"]):
            assert statement["Condition"]["StringEquals"]["cloudwatch:namespace"]


def test_wildcards_keep_to_names_of_this_deployment(assembly: Assembly) -> None:
    prefix = f"fraudstack-{assembly.environment}"
    compact = prefix.replace("-", "")
    # Streams of monitoring executions and ids of scalable targets are chosen by their services.
    foreign = (":log-group:/aws/sagemaker/ProcessingJobs:log-stream:*", ":scalable-target/*", ":network-interface/*")
    # The one that Lambda documents for the deletion of interfaces.
    lambdas = "arn:${AWS::Partition}:ec2:us-east-1:${AWS::AccountId}:*/*"
    for name, statement in statements(assembly):
        for resource in map(text, many(statement["Resource"])):
            if "*" in resource and resource not in ("*", lambdas) and not resource.endswith(foreign):
                assert prefix in resource or compact in resource, (name, resource)


def test_a_role_is_passed_to_its_service_alone(assembly: Assembly) -> None:
    passed = {}
    for name, statement in statements(assembly):
        if "iam:PassRole" in many(statement["Action"]):
            assert many(statement["Action"]) == ["iam:PassRole"]
            for resource in map(text, many(statement["Resource"])):
                assert "*" not in resource
                role = resource.split("/")[1].removeprefix(f"fraudstack-{assembly.environment}-")
                holder = name.split("Role")[0].lower()
                passed[holder, role.removesuffix("-us-east-1")] = statement["Condition"]["StringEquals"]
    service = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert passed == {
        ("retraining", "processing"): service,
        ("retraining", "training"): service,
        ("retraining", "promotion"): {"iam:PassedToService": "cloudformation.amazonaws.com"},
        ("guard", "collection"): service,
        ("promotion", "model"): service,
        ("promotion", "monitoring"): service,
    }


def test_only_cloudformation_under_the_promotion_role_touches_the_endpoint(assembly: Assembly) -> None:
    touching = {"sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint", "sagemaker:CreateModel"}
    assert touching <= actions_of(assembly, "promotion")
    for role in set(JOBS) - {"promotion", "monitoring"}:
        assert not touching & actions_of(assembly, role), role
    # Clarify makes an endpoint for the time of its job; it has a name of its own.
    for name, statement in statements(assembly):
        if name.startswith("MonitoringRole") and touching & set(many(statement["Action"])):
            assert all("-explained*" in text(resource) for resource in statement["Resource"])


def test_stack_updates_are_bound_to_the_promotion_role(assembly: Assembly) -> None:
    (statement,) = [s for _, s in statements(assembly) if "cloudformation:UpdateStack" in many(s["Action"])]
    role = text(statement["Condition"]["StringEquals"]["cloudformation:RoleArn"])
    assert role.endswith(f":role/fraudstack-{assembly.environment}-promotion-us-east-1")
    stacks = {resource.split(":stack/")[1] for resource in map(text, many(statement["Resource"]))}
    assert stacks == {f"fraudstack-{assembly.environment}-{concern}/*" for concern in ("serving", "monitoring")}


def test_objects_are_granted_by_buckets_alone(assembly: Assembly) -> None:
    """What a role may do with objects stands in the bucket's policy; here it may list, and read the code it runs."""
    objects = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}
    for name, statement in statements(assembly):
        for resource in map(text, many(statement["Resource"])) if objects & set(many(statement["Action"])) else ():
            assert "cdk-hnb659fds-assets" in resource, name


def test_assets_are_read_object_by_object(assembly: Assembly) -> None:
    outputs = assembly.template("storage")["Outputs"]
    code, wheels, script = (
        text(outputs[name]["Value"]).rsplit("/", 1)[1]
        for name in ("CodeUri", "WheelhouseUri", "CapturePreprocessorUri")
    )
    both = {code, wheels}
    keys = {"Processing": both, "Training": both, "Collection": both, "Monitoring": {script}}
    readers = set()
    for name, statement in statements(assembly):
        for resource in map(text, many(statement["Resource"])):
            if "cdk-hnb659fds-assets" in resource:
                reader = name.split("Role")[0]
                readers.add(reader)
                assert resource.split("/")[-1] in keys[reader] or statement["Condition"], resource
                if statement["Action"] == "s3:ListBucket":
                    assert set(many(statement["Condition"]["StringEquals"]["s3:prefix"])) == keys[reader]
    assert readers == set(keys)


def test_sync_integrations_have_what_step_functions_needs(assembly: Assembly) -> None:
    """CDK adds nothing for definitions of one's own."""
    actions = actions_of(assembly, "retraining")
    for kind in ("ProcessingJob", "HyperParameterTuningJob"):
        assert {f"sagemaker:{verb}{kind}" for verb in ("Create", "Describe", "Stop")} <= actions
    guard = actions_of(assembly, "guard")
    assert {f"sagemaker:{verb}ProcessingJob" for verb in ("Create", "Describe", "Stop")} <= guard
    managed = {}
    for name, statement in statements(assembly):
        if "events:PutRule" in many(statement["Action"]):
            assert set(statement["Action"]) == {"events:PutTargets", "events:PutRule", "events:DescribeRule"}
            managed[name.split("Role")[0]] = {text(r).split("rule/")[1] for r in many(statement["Resource"])}
    rule = "StepFunctionsGetEventsForSageMaker{}JobsRule"
    assert managed == {
        "Retraining": {rule.format(kind) for kind in ("Training", "Processing", "Tuning")},
        "Guard": {rule.format("Processing")},
    }


def test_deleting_the_endpoint_can_deregister_its_scaling(assembly: Assembly) -> None:
    assert "application-autoscaling:DeregisterScalableTarget" in actions_of(assembly, "promotion")


def test_policies_fit_the_size_limit_of_managed_policies(assembly: Assembly) -> None:
    for name, policy in assembly.resources("identity", "AWS::IAM::ManagedPolicy").items():
        size = len(json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":")))
        assert size < 6144, name
    for role in assembly.resources("identity", "AWS::IAM::Role").values():
        assert len(role["Properties"]["ManagedPolicyArns"]) <= 10


def test_a_wildcard_needs_a_reason_and_actions_have_none() -> None:
    with pytest.raises(ValueError, match="say why"):
        Grant(["s3:GetObject"], ["arn:aws:s3:::bucket/*"]).statement()
    with pytest.raises(ValueError, match="name each action"):
        Grant(["s3:Get*"], ["arn:aws:s3:::bucket/key"]).statement()
    assert flatten(Stack(App(), "stack"), "arn:aws:s3:::b/*") == "arn:aws:s3:::b/*"
