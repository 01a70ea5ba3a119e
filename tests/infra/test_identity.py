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
    """(policy's logical id, statement) of every identity policy but people's (tests/infra/test_personas.py)."""
    for name, policy in assembly.resources("identity", "AWS::IAM::ManagedPolicy").items():
        for statement in () if name.startswith("People") else policy["Properties"]["PolicyDocument"]["Statement"]:
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
    expected = {**JOBS, "lab": "sagemaker.amazonaws.com"}
    if assembly.environment == "prod":
        expected["approval"] = "events.amazonaws.com"
    roles = assembly.resources("identity", "AWS::IAM::Role").items()
    found = {}
    for properties in [role["Properties"] for name, role in roles if not name.startswith("People")]:
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


# What stacks grant on themselves and on their log groups, whose ARNs they alone know: (stack, role) to actions.
READ = {"cloudformation:DescribeStacks"}
PROMOTE = {*READ, "cloudformation:DescribeStackEvents", "cloudformation:UpdateStack"}
WRITE_LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
GRANTED_LATER = {
    ("serving", "retraining"): PROMOTE,
    ("serving", "guard"): READ,
    ("serving", "model"): {*WRITE_LOG, "logs:DescribeLogStreams"},
    ("serving", "platform-engineer"): PROMOTE - READ,
    ("storage", "analyst"): READ,
    ("scoring", "analyst"): READ,
    ("scoring", "scoring"): WRITE_LOG,
    ("scoring", "platform-engineer"): {"logs:FilterLogEvents"},
    ("scoring", "data-scientist"): {"logs:FilterLogEvents"},
    ("monitoring", "retraining"): PROMOTE,
    ("monitoring", "analysis"): READ,
}


def granted_later(assembly: Assembly) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for concern in set(CONCERNS) - {"identity", "network"}:
        assert assembly.resources(concern, "AWS::IAM::Policy") == {}
        assert assembly.resources(concern, "AWS::IAM::Role") == {}
        logs = assembly.resources(concern, "AWS::Logs::LogGroup")
        own = [{"Ref": "AWS::StackId"}, *({"Fn::GetAtt": [log, "Arn"]} for log in logs)]
        here = "arn:${AWS::Partition}:logs:us-east-1:${AWS::AccountId}:log-group:"
        named = {f"{here}{text(log['Properties']['LogGroupName'])}" for log in logs.values()}
        for name, policy in assembly.resources(concern, "AWS::IAM::ManagedPolicy").items():
            # The scoring stack has the policies of the API's callers, too.
            for role in () if name.startswith("AnalystsPolicy") else policy["Properties"].get("Roles", ()):
                job = role.removeprefix(f"fraudstack-{assembly.environment}-").removesuffix("-us-east-1")
                for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                    groups = {text(arn).removesuffix(":log-stream:") for arn in many(statement["Resource"])}
                    assert statement["Resource"] in own or groups <= named, name
                    found.setdefault((concern, job), set()).update(many(statement["Action"]))
    return found


def test_stacks_grant_nothing_but_themselves_and_their_logs(assembly: Assembly) -> None:
    # The network stack, which comes before, has the roles of its flow log and of the function it is made by.
    assert granted_later(assembly) == GRANTED_LATER


def test_the_machine_that_finds_the_deployed_model_may_look_at_the_monitoring_stack(varied: Assembly) -> None:
    assert granted_later(varied)["monitoring", "analysis"] == READ


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
        "sagemaker:ListMonitoringExecutions",
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
            assert set(many(statement["Action"])) - _limited(name, statement) <= allowed, name
            # Logs of any group are API Gateway's, which demands it so.
            assert "logs:PutLogEvents" not in many(statement["Action"]) or name.startswith("GatewayRole")
        if "cloudwatch:PutMetricData" in many(statement["Action"]):
            assert statement["Condition"]["StringEquals"]["cloudwatch:namespace"]


def _limited(name: str, statement: dict[str, Any]) -> set[str]:
    """Actions on resources whose ids the service chooses, where a condition limits them instead of an ARN."""
    condition = statement.get("Condition", {})
    equals, subnets = condition.get("StringEquals", {}), condition.get("ArnEquals", {}).get("ec2:Subnet", [])
    found: set[str] = set()
    if equals.get("aws:RequestedRegion") == "us-east-1":
        found |= {f"application-autoscaling:{verb}" for verb in ("ListTagsForResource", "TagResource", "UntagResource")}
        if equals.get("application-autoscaling:service-namespace") == "sagemaker":
            targets = ("DeregisterScalableTarget", "RegisterScalableTarget", "DeleteScalingPolicy", "PutScalingPolicy")
            found |= {f"application-autoscaling:{verb}" for verb in targets}
    if subnets and all(":subnet/" in text(subnet) for subnet in subnets):
        found |= {"ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"}
        if equals.get("ec2:AuthorizedService") == "sagemaker.amazonaws.com":
            found.add("ec2:CreateNetworkInterfacePermission")
    if name.startswith("ScoringRole"):
        # Lambda's, which another statement denies to the function's own code.
        moves = ("AssignPrivateIpAddresses", "DeleteNetworkInterface", "UnassignPrivateIpAddresses")
        found |= {f"ec2:{move}" for move in moves}
    return found


def test_wildcards_keep_to_names_of_this_deployment(assembly: Assembly) -> None:
    prefix = f"fraudstack-{assembly.environment}"
    compact = prefix.replace("-", "")
    # Streams of monitoring executions and ids of scalable targets are chosen by their services.
    foreign = (":log-group:/aws/sagemaker/ProcessingJobs:log-stream:*", ":scalable-target/*", ":network-interface/*")
    for name, statement in statements(assembly):
        for resource in map(text, many(statement["Resource"])):
            if "*" in resource and resource != "*" and not resource.endswith(foreign):
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
            assert text(statement["Resource"]).endswith("-explained*")


def test_stack_updates_are_bound_to_the_promotion_role(assembly: Assembly) -> None:
    assert not [name for name, s in statements(assembly) if "cloudformation:UpdateStack" in many(s["Action"])]
    for concern in ("serving", "monitoring"):
        policies = assembly.resources(concern, "AWS::IAM::ManagedPolicy").values()
        found = [s for policy in policies for s in policy["Properties"]["PolicyDocument"]["Statement"]]
        (statement,) = [s for s in found if "cloudformation:UpdateStack" in many(s["Action"])]
        assert statement["Resource"] == {"Ref": "AWS::StackId"}
        role = text(statement["Condition"]["StringEquals"]["cloudformation:RoleArn"])
        assert role.endswith(f":role/fraudstack-{assembly.environment}-promotion-us-east-1")


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
