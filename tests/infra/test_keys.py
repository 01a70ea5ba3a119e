"""Keys: who administers them, who uses them and how, and that each role that needs one may use it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.conftest import Assembly, text

HISTORIES = "kms:EncryptionContext:aws:states:stateMachineArn"
LOGS = "kms:EncryptionContext:SourceArn"
OWN_ACCOUNT = {"kms:CallerAccount": {"Ref": "AWS::AccountId"}}


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_account(statement: dict[str, Any]) -> bool:
    return text(statement["Principal"].get("AWS", "")).endswith(":root")


def key_statements(assembly: Assembly) -> dict[str, list[dict[str, Any]]]:
    """Statements of each key's policy, by purpose."""
    return {
        name.partition("Key")[0].lower(): key["Properties"]["KeyPolicy"]["Statement"]
        for name, key in assembly.resources("keys", "AWS::KMS::Key").items()
    }


def test_keys_rotate_and_name_every_action(assembly: Assembly) -> None:
    keys = assembly.resources("keys", "AWS::KMS::Key")
    assert len(keys) == 2
    assert all(key["Properties"]["EnableKeyRotation"] is True for key in keys.values())
    for statements in key_statements(assembly).values():
        for statement in statements:
            assert not [action for action in many(statement["Action"]) if "*" in action]
            assert statement["Principal"] != {"AWS": "*"}
            assert statement["Condition"], "each statement says when it holds"


def test_the_account_delegates_use_through_services_and_to_machines_only(assembly: Assembly) -> None:
    machines = f":stateMachine:fraudstack-{assembly.environment}-*"
    logs = "arn:${AWS::Partition}:logs:us-east-1:${AWS::AccountId}:*"
    for purpose, statements in key_statements(assembly).items():
        assert sum(map(is_account, statements)) == {"data": 4, "operations": 6}[purpose]
        for statement in statements:
            if not is_account(statement):
                continue
            equals = statement["Condition"]["StringEquals"]
            assert OWN_ACCOUNT.items() <= equals.items()
            actions = set(many(statement["Action"]))
            if actions & {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}:
                context = statement["Condition"].get("ArnLike", {}).get(HISTORIES)
                if context:
                    # Step Functions calls KMS as a machine's role: nothing else has this context.
                    assert text(context).endswith(machines) and actions == {"kms:Decrypt", "kms:GenerateDataKey"}
                elif LOGS in equals:
                    assert text(equals[LOGS]) == logs and actions == {"kms:GenerateDataKey"}
                else:
                    assert all(service.endswith(".us-east-1.amazonaws.com") for service in equals["kms:ViaService"])
                assert not actions & {"kms:CreateGrant", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"}
            if "kms:CreateGrant" in actions:
                assert actions == {"kms:CreateGrant"}
                assert statement["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_only_the_operations_key_serves_logs_alarms_budgets_and_rules(assembly: Assembly) -> None:
    found = {
        purpose: [s["Principal"]["Service"] for s in statements if "Service" in s["Principal"]]
        for purpose, statements in key_statements(assembly).items()
    }
    assert found["data"] == []
    services = {"logs.us-east-1.amazonaws.com", "delivery.logs.amazonaws.com", "cloudwatch.amazonaws.com"}
    assert set(found["operations"]) == services | {"budgets.amazonaws.com", "events.amazonaws.com"}


def uses(assembly: Assembly) -> dict[tuple[str, str], set[str]]:
    """(role, key's purpose) to the actions of KMS that the role's policies allow."""
    template = assembly.template("identity")["Resources"]
    found: dict[tuple[str, str], set[str]] = {}
    for role in (r["Properties"] for r in template.values() if r["Type"] == "AWS::IAM::Role"):
        name = role["RoleName"].removeprefix(f"fraudstack-{assembly.environment}-").removesuffix("-us-east-1")
        for reference in role.get("ManagedPolicyArns", []):
            for statement in template[reference["Ref"]]["Properties"]["PolicyDocument"]["Statement"]:
                actions = {action for action in many(statement["Action"]) if action.startswith("kms:")}
                for resource in map(text, many(statement["Resource"])) if actions else ():
                    purpose = resource.removesuffix("-key-arn}").split("-")[-1]
                    found.setdefault((name, purpose), set()).update(actions)
    return found


def needs(assembly: Assembly) -> set[tuple[str, str]]:
    """(role, key's purpose) for which some template lets the role at something that the key encrypts."""
    storage = assembly.template("storage")["Resources"]
    found = set()
    for resource in storage.values():
        if resource["Type"] != "AWS::S3::BucketPolicy":
            continue
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow" and "AWS" in statement["Principal"]:
                for role in map(text, many(statement["Principal"]["AWS"])):
                    name = role.split("/")[-1].removeprefix(f"fraudstack-{assembly.environment}-")
                    found.add((name.removesuffix("-us-east-1"), "data"))
    template = assembly.template("identity")["Resources"]
    for role in (r["Properties"] for r in template.values() if r["Type"] == "AWS::IAM::Role"):
        name = role["RoleName"].removeprefix(f"fraudstack-{assembly.environment}-").removesuffix("-us-east-1")
        body = json.dumps([template[ref["Ref"]]["Properties"] for ref in role.get("ManagedPolicyArns", [])])
        if any(f"dynamodb:{verb}" in body for verb in ("GetItem", "Query", "PutItem", "Scan")):
            found.add((name, "data"))
        if "sns:Publish" in body:
            found.add((name, "operations"))
    return found


def test_whoever_is_let_at_encrypted_things_may_use_their_key(assembly: Assembly) -> None:
    allowed, needed = uses(assembly), needs(assembly)
    assert {("processing", "data"), ("scoring", "data"), ("retraining", "operations")} <= needed
    for pair in needed:
        assert "kms:Decrypt" in allowed.get(pair, set()), f"{pair}: add use_key to the role's grants"


def test_a_role_that_uses_a_key_may_do_so_by_the_keys_own_policy(assembly: Assembly) -> None:
    """An identity's policy counts for nothing where the key's policy does not delegate that much."""
    for (role, purpose), actions in uses(assembly).items():
        delegated = {
            action
            for statement in key_statements(assembly)[purpose]
            if is_account(statement)
            for action in many(statement["Action"])
        }
        assert actions <= delegated, (role, purpose)


@pytest.mark.parametrize("role", ["processing", "training", "model", "transform", "monitoring", "promotion"])
def test_roles_whose_resources_aws_encrypts_may_pass_the_use_on_to_aws_only(assembly: Assembly, role: str) -> None:
    assert "kms:CreateGrant" in uses(assembly)[role, "data"]
    for policy in assembly.resources("identity", "AWS::IAM::ManagedPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "kms:CreateGrant" in many(statement["Action"]):
                assert many(statement["Action"]) == ["kms:CreateGrant"]
                assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_each_machine_is_under_the_operations_key_and_its_role_may_use_it(assembly: Assembly) -> None:
    roles = {"training": "retraining", "monitoring": "analysis", "retraining-loop": "guard"}
    for concern, role in roles.items():
        machine = assembly.one(concern, "AWS::StepFunctions::StateMachine")
        encryption = machine["EncryptionConfiguration"]
        assert encryption["Type"] == "CUSTOMER_MANAGED_KMS_KEY"
        assert text(encryption["KmsKeyId"]).endswith("-operations-key-arn}")
        assert role in text(machine["RoleArn"])
        assert {"kms:Decrypt", "kms:GenerateDataKey"} <= uses(assembly)[role, "operations"]


def test_the_monitors_machine_uses_the_operations_key_for_itself_and_its_log_alone(assembly: Assembly) -> None:
    found = [
        statement["Condition"]["StringEquals"]
        for name, policy in assembly.resources("identity", "AWS::IAM::ManagedPolicy").items()
        if name.startswith("AnalysisRole")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "operations-key" in json.dumps(statement["Resource"])
    ]
    here = "us-east-1:${AWS::AccountId}"
    machine = f"arn:${{AWS::Partition}}:states:{here}:stateMachine:fraudstack-{assembly.environment}-monitoring"
    contexts = [{key: text(value) for key, value in conditions.items()} for conditions in found]
    assert contexts == [{HISTORIES: machine}, {LOGS: f"arn:${{AWS::Partition}}:logs:{here}:*"}]
