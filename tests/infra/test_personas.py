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
    for concern in ("storage", "scoring", "serving"):
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


def test_every_environment_has_them_unless_they_are_not_wanted(assembly: Assembly, unscored: Assembly) -> None:
    assert set(roles(assembly)) == set(PERSONAS)
    for role in roles(assembly).values():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    assert roles(unscored) == {}
    assert "-lab-us-east-1" not in json.dumps(unscored.template("identity"))
    for policy in unscored.resources("storage", "AWS::S3::BucketPolicy").values():
        assert not [persona for persona in PERSONAS if f"-{persona}-us-east-1" in json.dumps(policy)]


def test_the_engineer_promotes_but_reads_no_data(assembly: Assembly) -> None:
    can = allowed(assembly, "platform-engineer")
    assert {"cloudformation:UpdateStack", "states:StartExecution", "sagemaker:ListModelPackages"} <= set(can)
    assert not {"s3:PutObject", "s3:ListBucket", "kms:GenerateDataKey"} & set(can)
    assert not [action for action in can if action.startswith(("dynamodb:", "execute-api:"))]
    (models,) = can["s3:GetObject"]
    assert models.endswith("/runs/*/output/model.tar.gz*")
    (update,) = [s for s in statements(assembly, "platform-engineer") if s["Action"] == "cloudformation:UpdateStack"]
    role = text(update["Condition"]["StringEquals"]["cloudformation:RoleArn"])
    assert short(role) == "promotion" and can["iam:PassRole"] == {role}


def test_an_engineer_approves_only_where_people_approve(dev: Assembly, prod: Assembly) -> None:
    assert "sagemaker:UpdateModelPackage" not in allowed(dev, "platform-engineer")
    (versions,) = allowed(prod, "platform-engineer")["sagemaker:UpdateModelPackage"]
    assert versions.endswith(":model-package/fraudstack-prod/*")


def test_engineers_take_the_cdks_roles_only_where_they_are_let(prod: Assembly, varied: Assembly) -> None:
    """CloudFormation's role, which the deploy role hands over, may do anything in an account bootstrapped as usual."""
    assert "sts:AssumeRole" not in allowed(prod, "platform-engineer")
    let = allowed(varied, "platform-engineer")["sts:AssumeRole"]
    names = {role.split("cdk-hnb659fds-")[1].split("-role-")[0] for role in let}
    assert names == {"deploy", "file-publishing", "image-publishing", "lookup"}


def test_the_scientist_starts_jobs_but_registers_approves_and_deploys_nothing(assembly: Assembly) -> None:
    can = allowed(assembly, "data-scientist")
    assert {"states:StartExecution", "sagemaker:CreateTrainingJob", "sagemaker:CreateProcessingJob"} <= set(can)
    assert {machine.rpartition(":")[2] for machine in can["states:StartExecution"]} == {
        f"fraudstack-{assembly.environment}-retraining"
    }
    others = {"sts:AssumeRole", "cloudformation:UpdateStack"}
    assert not {"sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage", *others} & set(can)
    assert {action for action in can if "sagemaker" in action and "Endpoint" in action} == {
        "sagemaker:DescribeEndpoint"
    }
    assert not [action for action in can if action.startswith(("dynamodb:", "execute-api:"))]
    written = {resource.split("/", 1)[1] for resource in can["s3:PutObject"]}
    assert written == {"datasets/*", "batch/*", "lab/*"}


def test_a_scientists_job_can_write_nothing_that_is_deployed_from(assembly: Assembly) -> None:
    """Whoever chooses the code of a job has what the job's role has."""
    handed = {short(role) for role in allowed(assembly, "data-scientist")["iam:PassRole"]}
    assert handed == {"lab", "transform"}
    written = set()
    for bucket, policy in assembly.resources("storage", "AWS::S3::BucketPolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            named = many(statement["Principal"].get("AWS", [])) if statement["Effect"] == "Allow" else []
            if {short(text(arn)) for arn in named} & handed and "s3:PutObject" in many(statement["Action"]):
                written |= {(bucket[:7], text(arn).split("/", 1)[1]) for arn in many(statement["Resource"])}
    assert written == {("Artifac", "lab/*"), ("Reports", "batch/*")}


CREATED = ("CreateTrainingJob", "CreateHyperParameterTuningJob", "CreateProcessingJob")


@pytest.mark.parametrize("operation", [*CREATED, "CreateModel", "CreateTransformJob"])
def test_no_job_of_a_scientists_is_outside_the_network_or_unencrypted(prod: Assembly, operation: str) -> None:
    action = f"sagemaker:{operation}"
    (statement,) = [s for s in statements(prod, "data-scientist") if action in many(s["Action"])]
    condition = statement["Condition"]
    if operation != "CreateModel":
        assert text(condition["ArnEquals"]["sagemaker:VolumeKmsKey"]) == "${import:fraudstack-prod-data-key-arn}"
    if operation != "CreateTransformJob":
        assert condition["Bool"]["sagemaker:NetworkIsolation"] == "true"
        assert condition["Null"] == {"sagemaker:VpcSubnets": "false", "sagemaker:VpcSecurityGroupIds": "false"}
        places = condition["ForAllValues:StringEquals"]
        assert len(many(places["sagemaker:VpcSubnets"])) == 2
        (group,) = many(places["sagemaker:VpcSecurityGroupIds"])
        assert text(group) == "${import:fraudstack-prod-containers-group-id}"
    if operation in CREATED:
        assert condition["Bool"]["sagemaker:InterContainerTrafficEncryption"] == "true"


def test_people_read_logs_of_this_deployment_alone(assembly: Assembly) -> None:
    prefix = f"fraudstack-{assembly.environment}"
    can = allowed(assembly, "platform-engineer")
    groups = {arn.split("log-group:")[1].removesuffix(":log-stream:") for arn in can["logs:FilterLogEvents"]}
    made = {
        text(resource["Properties"]["LogGroupName"])
        for concern in ("training", "serving", "scoring", "monitoring", "retraining-loop")
        for resource in assembly.resources(concern, "AWS::Logs::LogGroup").values()
    }
    assert groups == {group for group in made if "waf-logs" not in group}
    (streams,) = can["logs:GetLogEvents"]
    assert streams.endswith(f":log-group:/aws/sagemaker/*Jobs:log-stream:{prefix}-*")


def test_the_analyst_works_with_rules_reports_and_the_api_alone(varied: Assembly) -> None:
    can = allowed(varied, "analyst")
    table = f":table/fraudstack-{varied.environment}-rules"
    for action in ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"):
        assert [resource.endswith(table) for resource in can[action]] == [True]
    routes = {"/".join(route.split("/")[2:]) for route in can["execute-api:Invoke"]}
    assert routes == {"POST/labels", "GET/decisions", "GET/decisions/*"}
    assert {resource.split("/", 1)[1] for resource in can["s3:GetObject"]} == {"monitoring/*", "monitoring-history/*"}
    assert all(resource.startswith("${Reports") for resource in can["s3:GetObject"])
    others = ("iam:", "states:", "sts:", "logs:", "sagemaker:", "cloudwatch:")
    assert not [action for action in can if action.startswith(others)]
    # The two stacks whose outputs the commands look up.
    assert can["cloudformation:DescribeStacks"] == {"${AWS::StackId}"}


def test_the_auditor_reads_settings_of_this_deployment_and_nothing_else(varied: Assembly) -> None:
    can = allowed(varied, "auditor")
    # What shows the whole account is for roles of the account.
    assert not [action for action in can if action.startswith(("cloudtrail:", "config:")) or action == "iam:ListRoles"]
    assert not DATA & set(can)
    verbs = ("Describe", "Get", "List", "LookupEvents")
    assert not [action for action in can if not action.split(":")[1].startswith(verbs)]
    audited = {short(role) for role in can["iam:GetRole"]}
    named = {short(r["Properties"]["RoleName"]) for r in varied.resources("identity", "AWS::IAM::Role").values()}
    assert audited == named
    policies = varied.resources("identity", "AWS::IAM::ManagedPolicy")
    assert {arn.strip("${}") for arn in can["iam:GetPolicyVersion"]} == {
        name for name in policies if not name.startswith("PeopleAudit")
    }


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
