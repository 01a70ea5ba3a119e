"""The budget counts what the platform alone costs, and may say so; what it counts by is on everything."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from scripts.costing.templates import load
from tests.infra.conftest import CONCERNS, Assembly, synthesize, text

# CloudFormation passes a stack's tags on to these although their schemas say nothing of tags, or they cost nothing.
NEVER_TAGGED = {
    *(f"AWS::ApiGateway::{part}" for part in ("Account", "Deployment", "GatewayResponse", "Method", "Model")),
    *("AWS::ApiGateway::RequestValidator", "AWS::ApiGateway::Resource"),
    *("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"),
    *("AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SubnetRouteTableAssociation"),
    *("AWS::KMS::Alias", "AWS::Lambda::Alias", "AWS::Lambda::Permission", "AWS::Lambda::Version"),
    *(
        "AWS::IAM::ManagedPolicy",
        "AWS::S3::BucketPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SNS::Subscription",
    ),
    *("AWS::WAFv2::LoggingConfiguration", "AWS::WAFv2::WebACLAssociation", "Custom::ClosedDefaultSecurityGroup"),
}


def test_it_counts_what_has_both_tags_and_tells_the_topic(assembly: Assembly) -> None:
    properties = assembly.one("monitoring", "AWS::Budgets::Budget")
    budget = properties["Budget"]
    assert (budget["BudgetType"], budget["TimeUnit"], budget["Metrics"]) == ("COST", "MONTHLY", ["UnblendedCost"])
    assert budget["BudgetLimit"] == {"Amount": {"prod": 3000}.get(assembly.environment, 1000), "Unit": "USD"}
    tags = {part["Tags"]["Key"]: part["Tags"]["Values"] for part in budget["FilterExpression"]["And"]}
    assert tags == {"environment": [assembly.environment], "project": ["fraudstack"]}
    told = [(n["Notification"]["NotificationType"], n["Notification"]["Threshold"]) for n in notifications(properties)]
    assert told == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    for notification in notifications(properties):
        (subscriber,) = notification["Subscribers"]
        assert subscriber["SubscriptionType"] == "SNS"
        assert text(subscriber["Address"]).endswith(f":fraudstack-{assembly.environment}-notifications")
    assert "BudgetName" not in budget, "a named budget could not be replaced when those who are told change"


def notifications(properties: dict[str, Any]) -> list[dict[str, Any]]:
    return properties["NotificationsWithSubscribers"]


def test_budgets_of_this_account_may_publish_to_the_encrypted_topic(assembly: Assembly) -> None:
    policy = assembly.one("training", "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (statement,) = (one for one in policy if one["Principal"] == {"Service": "budgets.amazonaws.com"})
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    source = text(statement["Condition"]["ArnLike"]["aws:SourceArn"])
    assert source == "arn:${AWS::Partition}:budgets::${AWS::AccountId}:*"
    keys = assembly.resources("keys", "AWS::KMS::Key")
    (key,) = (key for name, key in keys.items() if name.startswith("Operations"))
    policy = key["Properties"]["KeyPolicy"]["Statement"]
    (statement,) = (one for one in policy if one["Principal"] == {"Service": "budgets.amazonaws.com"})
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_every_stack_has_the_tags_that_the_bill_tells_the_platform_by(assembly: Assembly) -> None:
    """CloudFormation puts a stack's tags on every resource that can have tags: those that cannot are named above."""
    artifacts = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]
    for concern in CONCERNS:
        tags = artifacts[f"fraudstack-{assembly.environment}-{concern}"]["properties"]["tags"]
        assert tags.items() >= {"project": "fraudstack", "environment": assembly.environment}.items()
    for kind in {resource.type for resource in load(assembly.folder)} - NEVER_TAGGED:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        tagging = schema.get("tagging", {})
        taggable = tagging.get("taggable", schema.get("taggable", True)) and tagging.get("tagOnCreate", True)
        named = (tagging.get("tagProperty") or "/properties/Tags").rpartition("/")[2]
        assert taggable and named in schema["properties"], f"{kind} cannot be tagged"


def test_jobs_that_machines_start_have_the_tags(assembly: Assembly) -> None:
    expected = [("environment", assembly.environment), ("project", "fraudstack")]
    started = 0
    for concern in ("training", "monitoring", "retraining-loop"):
        for machine in assembly.resources(concern, "AWS::StepFunctions::StateMachine").values():
            definition = json.loads(re.sub(r"\$\{[^}]*\}", "x", text(machine["Properties"]["DefinitionString"])))
            for arguments in jobs(definition):
                tags = arguments["Tags"]
                assert sorted((tag["Key"], tag["Value"]) for tag in tags) == expected
                started += 1
    # To prepare, to tune (whose tags its trials inherit), to evaluate, and to collect the next training set.
    assert started == 4


def jobs(value: Any) -> list[dict[str, Any]]:
    """Arguments of every state that makes a job (of tuning, training, processing or transforming)."""
    if isinstance(value, list):
        return [found for inner in value for found in jobs(inner)]
    if not isinstance(value, dict):
        return []
    makes = re.search(r":create\w*Job(\.sync)?$", str(value.get("Resource", "")))
    own = [value["Arguments"]] if makes else []
    return own + [found for inner in value.values() for found in jobs(inner)]


@pytest.fixture(scope="module")
def unbounded(tmp_path_factory: pytest.TempPathFactory, stand_ins: Any) -> Assembly:
    folder = tmp_path_factory.mktemp("unbounded")
    synthesize(folder, stand_ins, f"staging:{json.dumps({'budget': {'monthly_usd': None}})}")
    return Assembly("staging", folder / "staging")


def test_without_a_limit_there_is_no_budget(unbounded: Assembly) -> None:
    assert not unbounded.resources("monitoring", "AWS::Budgets::Budget")
