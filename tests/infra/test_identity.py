"""Roles: what each may do, and that nothing is wider than its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import App, Stack

from stacks.constructs.scoped_role import Grant, flatten
from tests.infra.conftest import Assembly, text

JOBS = {
    "processing": "sagemaker.amazonaws.com",
    "training": "sagemaker.amazonaws.com",
    "model": "sagemaker.amazonaws.com",
    "monitoring": "sagemaker.amazonaws.com",
    "retraining": "states.amazonaws.com",
    "promotion": "cloudformation.amazonaws.com",
}


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
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        name = properties["RoleName"].removeprefix(f"fraudstack-{assembly.environment}-")
        found[name.removesuffix("-us-east-1")] = trust["Principal"]["Service"]
        assert "Policies" not in properties
        assert all("Ref" in policy for policy in properties["ManagedPolicyArns"])
    assert found == expected


def test_no_policy_is_attached_anywhere_else(assembly: Assembly) -> None:
    for concern in ("storage", "training", "serving", "monitoring"):
        assert assembly.resources(concern, "AWS::IAM::Policy") == {}
        assert assembly.resources(concern, "AWS::IAM::ManagedPolicy") == {}
        assert assembly.resources(concern, "AWS::IAM::Role") == {}


def test_no_wildcard_actions_and_no_denied_logic(assembly: Assembly) -> None:
    for name, statement in statements(assembly):
        assert statement["Effect"] == "Allow", name
        assert "NotAction" not in statement and "NotResource" not in statement
        assert [action for action in many(statement["Action"]) if "*" in action] == [], name


def test_all_resources_only_where_the_service_knows_none(assembly: Assembly) -> None:
    allowed = {
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
        *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
        *("logs:DescribeLogGroups", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
    }
    for name, statement in statements(assembly):
        if "*" in many(statement["Resource"]):
            assert set(many(statement["Action"])) <= allowed, name
        if "cloudwatch:PutMetricData" in many(statement["Action"]):
            assert statement["Condition"]["StringEquals"]["cloudwatch:namespace"]


def test_wildcards_keep_to_names_of_this_deployment(assembly: Assembly) -> None:
    prefix = f"fraudstack-{assembly.environment}"
    compact = prefix.replace("-", "")
    # Streams of monitoring executions and ids of scalable targets are chosen by their services.
    foreign = (":log-group:/aws/sagemaker/ProcessingJobs:log-stream:*", ":scalable-target/*")
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
        ("promotion", "model"): service,
        ("promotion", "monitoring"): service,
    }


def test_only_cloudformation_under_the_promotion_role_touches_the_endpoint(assembly: Assembly) -> None:
    touching = {"sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint", "sagemaker:CreateModel"}
    assert touching <= actions_of(assembly, "promotion")
    for role in set(JOBS) - {"promotion"}:
        assert not touching & actions_of(assembly, role), role


def test_stack_updates_are_bound_to_the_promotion_role(assembly: Assembly) -> None:
    (statement,) = [s for _, s in statements(assembly) if "cloudformation:UpdateStack" in many(s["Action"])]
    role = text(statement["Condition"]["StringEquals"]["cloudformation:RoleArn"])
    assert role.endswith(f":role/fraudstack-{assembly.environment}-promotion-us-east-1")
    stacks = {resource.split(":stack/")[1] for resource in map(text, many(statement["Resource"]))}
    assert stacks == {f"fraudstack-{assembly.environment}-{concern}/*" for concern in ("serving", "monitoring")}


def test_models_never_see_raw_transactions_and_nobody_deletes_data(assembly: Assembly) -> None:
    for name, statement in statements(assembly):
        resources = " ".join(map(text, many(statement["Resource"])))
        if "-transactions-" in resources:
            assert name.startswith("ProcessingRole"), name
        assert not {"s3:DeleteObject", "s3:DeleteObjectVersion"} & set(many(statement["Action"])), name


def test_assets_are_read_object_by_object(assembly: Assembly) -> None:
    outputs = assembly.template("storage")["Outputs"]
    keys = {text(outputs[name]["Value"]).rsplit("/", 1)[1] for name in ("CodeUri", "WheelhouseUri")}
    readers = set()
    for name, statement in statements(assembly):
        for resource in map(text, many(statement["Resource"])):
            if "cdk-hnb659fds-assets" in resource:
                readers.add(name.split("Role")[0])
                assert resource.split("/")[-1] in keys or statement["Condition"], resource
                if statement["Action"] == "s3:ListBucket":
                    assert set(statement["Condition"]["StringEquals"]["s3:prefix"]) == keys
    assert readers == {"Processing", "Training"}


@pytest.mark.parametrize("role", ["processing", "training", "model", "monitoring"])
def test_jobs_may_use_the_data_key_and_grant_it_to_volumes_only(assembly: Assembly, role: str) -> None:
    (grant,) = [
        s
        for name, s in statements(assembly)
        if name.startswith(f"{role.capitalize()}Role") and "kms:CreateGrant" in many(s["Action"])
    ]
    assert many(grant["Action"]) == ["kms:CreateGrant"]
    assert grant["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= actions_of(assembly, role)


def test_sync_integrations_have_what_step_functions_needs(assembly: Assembly) -> None:
    """CDK adds nothing for definitions of one's own."""
    actions = actions_of(assembly, "retraining")
    for kind in ("ProcessingJob", "HyperParameterTuningJob"):
        assert {f"sagemaker:{verb}{kind}" for verb in ("Create", "Describe", "Stop")} <= actions
    (rules,) = [s for _, s in statements(assembly) if "events:PutRule" in many(s["Action"])]
    assert set(rules["Action"]) == {"events:PutTargets", "events:PutRule", "events:DescribeRule"}
    assert {text(r).split("rule/")[1] for r in rules["Resource"]} == {
        f"StepFunctionsGetEventsForSageMaker{kind}JobsRule" for kind in ("Training", "Processing", "Tuning")
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


def test_each_acknowledgement_is_for_one_wildcard_of_one_policy(assembly: Assembly) -> None:
    """No more is acknowledged than there is, each for one resource and with a reason."""
    stack = f"fraudstack-{assembly.environment}-identity"
    metadata = json.loads((assembly.folder / f"{stack}.metadata.json").read_text())
    acknowledged = {
        (path.split("/")[2], finding.removeprefix("Annotation::"))
        for path, entries in metadata.items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for finding, reason in entry["data"].items()
        if len(reason) > 20
    }
    wildcards = {
        (name[:-8], f"AwsSolutions-IAM5[Resource::{text(resource).replace('${', '<').replace('}', '>')}]")
        for name, statement in statements(assembly)
        for resource in many(statement["Resource"])
        if "*" in text(resource)
    }
    assert acknowledged == wildcards


def test_nothing_is_acknowledged_outside_the_policies(assembly: Assembly) -> None:
    for concern in ("storage", "training", "serving", "monitoring"):
        path = assembly.folder / f"fraudstack-{assembly.environment}-{concern}.metadata.json"
        assert "acknowledged-rules" not in path.read_text()
