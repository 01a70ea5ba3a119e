"""People's roles: who takes them on, and what each may do and may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.conftest import Assembly, text

PERSONAS = ("platform-engineer", "data-scientist", "analyst", "auditor")
# What reads or writes data, and what uses a key.
DATA = {
    *("s3:GetObject", "s3:PutObject", "s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey", "execute-api:Invoke"),
    *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "sagemaker:InvokeEndpoint"),
    *("logs:GetLogEvents", "logs:FilterLogEvents", "states:DescribeExecution", "states:GetExecutionHistory"),
}


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def short(role: str) -> str:
    return role.rsplit("/", 1)[-1].split("-", 2)[2].removesuffix("-us-east-1")


def roles(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Properties of the roles of personas, by persona."""
    found = (role["Properties"] for role in assembly.resources("identity", "AWS::IAM::Role").values())
    return {short(role["RoleName"]): role for role in found if short(role["RoleName"]) in PERSONAS}


def statements(assembly: Assembly, persona: str) -> Iterator[dict[str, Any]]:
    """What policies of its own, of stacks that know their ids, and of buckets let a persona do."""
    template = assembly.template("identity")["Resources"]
    for reference in roles(assembly)[persona]["ManagedPolicyArns"]:
        yield from template[reference["Ref"]]["Properties"]["PolicyDocument"]["Statement"]
    for concern in ("scoring", "serving"):
        for policy in assembly.resources(concern, "AWS::IAM::ManagedPolicy").values():
            if persona in map(short, policy["Properties"].get("Roles", [])):
                yield from policy["Properties"]["PolicyDocument"]["Statement"]
    for policy in assembly.resources("storage", "AWS::S3::BucketPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            named = many(statement["Principal"].get("AWS", [])) if statement["Effect"] == "Allow" else []
            if persona in [short(text(arn)) for arn in named]:
                yield statement


def allowed(assembly: Assembly, persona: str) -> dict[str, set[str]]:
    """Actions of a persona with their resources."""
    found: dict[str, set[str]] = {}
    for statement in statements(assembly, persona):
        for action in many(statement["Action"]):
            found.setdefault(action, set()).update(map(text, many(statement["Resource"])))
    return found


def test_a_second_factor_is_asked_for_where_nobody_is_named(varied: Assembly) -> None:
    found = roles(varied)
    assert set(found) == set(PERSONAS)
    for role in [role for name, role in found.items() if name != "data-scientist"]:
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Action"] == "sts:AssumeRole"
        assert text(trust["Principal"]["AWS"]).endswith("::${AWS::AccountId}:root")
        assert trust["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_roles_and_providers_that_are_named_take_a_persona_on_and_nobody_else(varied: Assembly) -> None:
    found = {name: role["AssumeRolePolicyDocument"]["Statement"] for name, role in roles(varied).items()}
    single_sign_on, other_account, provider = found["data-scientist"]
    assert text(single_sign_on["Principal"]["AWS"]).endswith(":iam::111122223333:root")
    assert single_sign_on["Condition"] == {
        "ArnLike": {
            "aws:PrincipalArn": [
                "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Science_*"
            ]
        }
    }
    assert text(other_account["Principal"]["AWS"]).endswith(":iam::444455556666:root")
    assert other_account["Condition"]["ArnLike"] == {"aws:PrincipalArn": ["arn:aws:iam::444455556666:role/scientists"]}
    assert provider["Action"] == "sts:AssumeRoleWithSAML"
    assert provider["Principal"] == {"Federated": "arn:aws:iam::111122223333:saml-provider/bank"}
    assert provider["Condition"] == {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    assert found["analyst"][0]["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_there_are_none_unless_they_are_wanted(assembly: Assembly) -> None:
    assert roles(assembly) == {}
    for policy in assembly.resources("storage", "AWS::S3::BucketPolicy").values():
        assert not [persona for persona in PERSONAS if f"-{persona}-us-east-1" in json.dumps(policy)]


def test_the_engineer_deploys_through_the_cdks_roles_and_promotes_but_reads_no_data(varied: Assembly) -> None:
    can = allowed(varied, "platform-engineer")
    names = {role.split("cdk-hnb659fds-")[1].split("-role-")[0] for role in can["sts:AssumeRole"]}
    assert names == {"deploy", "file-publishing", "image-publishing", "lookup"}
    assert {"cloudformation:UpdateStack", "sagemaker:UpdateModelPackage", "states:StartExecution"} <= set(can)
    assert not {"s3:PutObject", "s3:ListBucket", "kms:GenerateDataKey"} & set(can)
    assert not [action for action in can if action.startswith(("dynamodb:", "execute-api:"))]
    (models,) = can["s3:GetObject"]
    assert models.endswith("/runs/*/output/model.tar.gz*")
    (update,) = [s for s in statements(varied, "platform-engineer") if s["Action"] == "cloudformation:UpdateStack"]
    role = text(update["Condition"]["StringEquals"]["cloudformation:RoleArn"])
    assert short(role) == "promotion" and can["iam:PassRole"] == {role}


def test_the_scientist_starts_jobs_and_registers_candidates_but_approves_and_deploys_nothing(
    varied: Assembly,
) -> None:
    can = allowed(varied, "data-scientist")
    assert {"states:StartExecution", "sagemaker:CreateTrainingJob", "sagemaker:CreateAutoMLJobV2"} <= set(can)
    assert {short(role) for role in can["iam:PassRole"]} == {"processing", "training", "transform"}
    assert {machine.rpartition(":")[2] for machine in can["states:StartExecution"]} == {
        f"fraudstack-{varied.environment}-retraining"
    }
    assert not {"sts:AssumeRole", "sagemaker:UpdateModelPackage", "cloudformation:UpdateStack"} & set(can)
    assert not [action for action in can if "Endpoint" in action and not action.endswith(":DescribeEndpoint")]
    assert not [action for action in can if action.startswith(("dynamodb:", "execute-api:"))]
    written = {resource.split("/", 1)[1] for resource in can["s3:PutObject"]}
    assert written == {"datasets/*", "batch/*"}


@pytest.mark.parametrize("persona", ["platform-engineer", "data-scientist"])
def test_nobody_registers_a_version_as_approved(varied: Assembly, persona: str) -> None:
    (registering,) = [s for s in statements(varied, persona) if s["Action"] == "sagemaker:CreateModelPackage"]
    assert registering["Condition"] == {
        "StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}
    }


def test_the_analyst_works_with_rules_reports_and_the_api_alone(varied: Assembly) -> None:
    can = allowed(varied, "analyst")
    table = f":table/fraudstack-{varied.environment}-rules"
    for action in ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"):
        assert [resource.endswith(table) for resource in can[action]] == [True]
    routes = {"/".join(route.split("/")[2:]) for route in can["execute-api:Invoke"]}
    assert routes == {"POST/labels", "GET/decisions", "GET/decisions/*"}
    assert {resource.split("/", 1)[1] for resource in can["s3:GetObject"]} == {"monitoring/*", "monitoring-history/*"}
    assert all(resource.startswith("${Reports") for resource in can["s3:GetObject"])
    assert not [action for action in can if action.startswith(("iam:", "states:", "sts:", "logs:"))]
    changing = [action for action in can if action.startswith("sagemaker:") and ":Describe" not in action]
    assert all(":List" in action for action in changing)


def test_the_auditor_reads_settings_and_nothing_else(varied: Assembly) -> None:
    can = allowed(varied, "auditor")
    assert not DATA & set(can)
    verbs = ("Describe", "Get", "List", "LookupEvents")
    assert not [action for action in can if not action.split(":")[1].startswith(verbs)]
    audited = {short(role) for role in can["iam:GetRole"]}
    named = {short(r["Properties"]["RoleName"]) for r in varied.resources("identity", "AWS::IAM::Role").values()}
    assert audited == named


@pytest.mark.parametrize("persona", PERSONAS)
def test_wildcards_keep_to_this_deployment_or_to_looking(varied: Assembly, persona: str) -> None:
    for action, resources in allowed(varied, persona).items():
        for resource in resources:
            if resource == "*":
                assert action.split(":")[1].startswith(("Describe", "Get", "List", "Lookup")), action
            elif "*" in resource and "application-autoscaling" not in resource and "execute-api" not in action:
                name = f"fraudstack-{varied.environment}"
                assert name in resource or resource.startswith("${"), (action, resource)


def test_people_administer_nothing(varied: Assembly) -> None:
    for persona in PERSONAS:
        for action in allowed(varied, persona):
            service, verb = action.split(":")
            assert service not in ("iam", "organizations") or verb.startswith(("Get", "List", "PassRole")), action
            assert service != "kms" or verb in (
                *("Decrypt", "GenerateDataKey", "DescribeKey", "CreateGrant", "GetKeyPolicy"),
                *("GetKeyRotationStatus", "ListGrants"),
            )
