"""Buckets and tables: what must never be loosened."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.infra.conftest import Assembly, text

TABLES = {
    "profiles": {"key": "HASH"},
    "decisions": {"id": "HASH"},
    "rules": {"name": "HASH", "version": "RANGE"},
}
PURPOSES = ("transactions", "artifacts", "captures", "reports")


def purpose(bucket: dict) -> str:
    return text(bucket["Properties"]["BucketName"]).split("-")[2]


def test_buckets_are_private_versioned_and_under_the_customer_key(assembly: Assembly) -> None:
    buckets = assembly.resources("storage", "AWS::S3::Bucket").values()
    assert sorted(map(purpose, buckets)) == sorted([*PURPOSES, "access"])
    for bucket in buckets:
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        encryption = rule["ServerSideEncryptionByDefault"]
        if purpose(bucket) == "access":
            # S3 cannot deliver access logs under a customer key.
            assert encryption == {"SSEAlgorithm": "AES256"}
            continue
        assert encryption["SSEAlgorithm"] == "aws:kms"
        assert text(encryption["KMSMasterKeyID"]) == f"${{import:fraudstack-{assembly.environment}-data-key-arn}}"
        assert properties["LoggingConfiguration"]["LogFilePrefix"] == f"{purpose(bucket)}/"


def test_buckets_refuse_plain_http_and_old_tls(assembly: Assembly) -> None:
    policies = assembly.resources("storage", "AWS::S3::BucketPolicy").values()
    buckets = assembly.resources("storage", "AWS::S3::Bucket")
    assert {policy["Properties"]["Bucket"]["Ref"] for policy in policies} == set(buckets)
    for policy in policies:
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        denied = [s["Condition"] for s in statements if s["Effect"] == "Deny" and s["Action"] == "s3:*"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied
        assert all(s["Principal"] == {"AWS": "*"} for s in statements if s["Effect"] == "Deny")


def admitted(assembly: Assembly) -> dict[tuple[str, str], set[str]]:
    """(role, bucket's purpose/prefix) to the actions that the bucket's policy allows."""
    found: dict[tuple[str, str], set[str]] = {}
    for policy in assembly.resources("storage", "AWS::S3::BucketPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny" or "Service" in statement["Principal"]:
                continue
            actions, resources, roles = (
                value if isinstance(value, list) else [value]
                for value in (statement["Action"], statement["Resource"], statement["Principal"]["AWS"])
            )
            for role, resource in itertools.product(map(text, roles), map(text, resources)):
                name = role.split("/")[-1].removeprefix(f"fraudstack-{assembly.environment}-")
                bucket, prefix = resource.removeprefix("${").split(".Arn}/")
                key = name.removesuffix("-us-east-1"), f"{re.sub('[0-9A-F]{8}$', '', bucket).lower()}/{prefix}"
                found.setdefault(key, set()).update(actions)
    return found


def test_buckets_admit_each_role_to_its_own_prefixes(assembly: Assembly) -> None:
    read, write = {"s3:GetObject"}, {"s3:PutObject", "s3:AbortMultipartUpload"}
    jobs = {
        ("processing", "transactions/datasets/*"): read,
        ("processing", "artifacts/runs/*"): read | write,
        ("training", "artifacts/runs/*"): read | write,
        ("model", "artifacts/runs/*"): read,
        ("model", "captures/data-capture/*"): write,
        ("lab", "transactions/datasets/*"): read,
        ("lab", "artifacts/runs/*"): read,
        ("lab", "artifacts/lab/*"): read | write,
        ("transform", "artifacts/runs/*"): read,
        ("transform", "reports/batch/*"): read | write,
        ("retraining", "artifacts/runs/*"): read,
        ("retraining", "artifacts/model-packages/*"): write,
        ("scoring", "captures/ground-truth/*"): write,
        ("collection", "transactions/datasets/*"): read | write,
        ("collection", "transactions/collections/*"): read | write,
        # DynamoDB writes an export with the rights of whoever asks for it, and demands this one as well.
        ("guard", "transactions/collections/*"): read | write | {"s3:PutObjectAcl"},
    }
    found = admitted(assembly)
    assert {key: actions for key, actions in found.items() if key in jobs} == jobs
    # Raw transactions are for the jobs that collect and prepare data; whoever else reads them has to be added here.
    readers = {"processing", "collection", "guard", "lab", "data-scientist"}
    assert {role for role, place in found if place.startswith("transactions/")} == readers


def test_nobody_deletes_objects_or_reads_what_no_policy_names(assembly: Assembly) -> None:
    allowed = {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}
    for (role, place), actions in admitted(assembly).items():
        assert actions <= allowed | ({"s3:PutObjectAcl"} if role == "guard" else set()), (role, place)
        assert not place.startswith("*"), (role, place)


def test_objects_are_encrypted_with_the_buckets_key_or_not_stored(assembly: Assembly) -> None:
    policies = [p["Properties"] for p in assembly.resources("storage", "AWS::S3::BucketPolicy").values()]
    asked = "s3:x-amz-server-side-encryption"
    for policy in policies:
        bucket = policy["Bucket"]["Ref"]
        statements = {s.get("Sid"): s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"}
        if bucket.startswith("AccessLogs"):
            assert set(statements) == {None}
            continue
        denied = {sid: statement["Condition"] for sid, statement in statements.items() if sid}
        assert denied == {
            "NoOtherEncryption": {"StringNotEquals": {asked: "aws:kms"}, "Null": {asked: "false"}},
            "NoOtherKey": {
                "StringNotEquals": {
                    f"{asked}-aws-kms-key-id": {"Fn::ImportValue": f"fraudstack-{assembly.environment}-data-key-arn"}
                },
                "Null": {f"{asked}-aws-kms-key-id": "false"},
            },
            "NoKeyOfTheCallers": {"Null": {f"{asked}-customer-algorithm": "false"}},
        }
        for sid in denied:
            assert statements[sid]["Principal"] == {"AWS": "*"} and statements[sid]["Action"] == "s3:PutObject"
            assert text(statements[sid]["Resource"]) == f"${{{bucket}.Arn}}/*"


@pytest.mark.parametrize(
    ("environment", "policy"),
    [("dev", "Delete"), ("staging", "RetainExceptOnCreate"), ("prod", "RetainExceptOnCreate")],
)
def test_removal_follows_the_environment(assemblies: dict[str, Assembly], environment: str, policy: str) -> None:
    assembly = assemblies[environment]
    kinds = {
        "keys": ("AWS::KMS::Key",),
        "storage": ("AWS::S3::Bucket", "AWS::DynamoDB::Table"),
        "training": ("AWS::Logs::LogGroup", "AWS::SageMaker::ModelPackageGroup", "AWS::SQS::Queue"),
        "scoring": ("AWS::Logs::LogGroup",),
    }
    kept = [
        resource
        for concern, types in kinds.items()
        for kind in types
        for resource in assembly.resources(concern, kind).values()
    ]
    assert len(kept) == 17
    for resource in kept:
        # A table is protected from being deleted, by the rollback of a failed creation as well.
        wanted = "Retain" if resource["Type"] == "AWS::DynamoDB::Table" and policy != "Delete" else policy
        replaced = "Delete" if policy == "Delete" else "Retain"
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (wanted, replaced)


def test_retention_follows_the_configuration(dev: Assembly, prod: Assembly) -> None:
    def expiry(assembly: Assembly, wanted: str) -> int:
        (bucket,) = [b for b in assembly.resources("storage", "AWS::S3::Bucket").values() if purpose(b) == wanted]
        rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        (days,) = [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule]
        return days

    assert (expiry(dev, "captures"), expiry(prod, "captures")) == (14, 365)
    assert (expiry(dev, "reports"), expiry(prod, "reports")) == (90, 1096)
    assert dev.one("training", "AWS::Logs::LogGroup")["RetentionInDays"] == 14
    assert prod.one("training", "AWS::Logs::LogGroup")["RetentionInDays"] == 365


def test_models_and_transactions_never_expire(assembly: Assembly) -> None:
    """A registered model refers to its run's files for as long as it exists."""
    for bucket in assembly.resources("storage", "AWS::S3::Bucket").values():
        if purpose(bucket) in ("artifacts", "transactions"):
            rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
            expiring = [rule for rule in rules if "ExpirationInDays" in rule]
            # Exports of the decisions are made anew each time.
            exports = ["collections/"] if purpose(bucket) == "transactions" else []
            assert [rule["Prefix"] for rule in expiring] == exports


def tables(assembly: Assembly) -> dict[str, dict]:
    """Properties of the tables by purpose."""
    found = assembly.resources("storage", "AWS::DynamoDB::Table").values()
    prefix = f"fraudstack-{assembly.environment}-"
    return {table["Properties"]["TableName"].removeprefix(prefix): table["Properties"] for table in found}


def test_tables_are_paid_by_request_under_the_customer_key_and_restorable(assembly: Assembly) -> None:
    found = tables(assembly)
    assert set(found) == set(TABLES)
    for purpose, table in found.items():
        assert {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]} == TABLES[purpose]
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["SSESpecification"]["SSEEnabled"] is True and table["SSESpecification"]["SSEType"] == "KMS"
        assert text(table["SSESpecification"]["KMSMasterKeyId"]).endswith("-data-key-arn}")
        assert table.get("DeletionProtectionEnabled", False) == (assembly.environment != "dev")


def test_profiles_and_decisions_expire_and_rules_do_not(assembly: Assembly) -> None:
    expiry = {"AttributeName": "expires", "Enabled": True}
    assert {purpose: table.get("TimeToLiveSpecification") for purpose, table in tables(assembly).items()} == {
        "profiles": expiry,
        "decisions": expiry,
        "rules": None,
    }


def test_decisions_are_found_by_each_entity_latest_first(assembly: Assembly) -> None:
    indexes = tables(assembly)["decisions"]["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == ["by-customer", "by-terminal"]
    for index in indexes:
        name = index["IndexName"].removeprefix("by-")
        assert index["KeySchema"] == [
            {"AttributeName": f"entity_{name}", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ]
        assert index["Projection"] == {"ProjectionType": "ALL"}


def test_an_event_type_without_entities_has_a_table_without_indexes(varied: Assembly) -> None:
    assert "GlobalSecondaryIndexes" not in tables(varied)["decisions"]
