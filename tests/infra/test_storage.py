"""Keys and buckets: what must never be loosened."""

from __future__ import annotations

import pytest

from tests.infra.conftest import Assembly, text

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
        assert encryption["SSEAlgorithm"] == "aws:kms" and "DataKey" in text(encryption["KMSMasterKeyID"])
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


@pytest.mark.parametrize(("environment", "policy"), [("dev", "Delete"), ("staging", "Retain"), ("prod", "Retain")])
def test_removal_follows_the_environment(assemblies: dict[str, Assembly], environment: str, policy: str) -> None:
    assembly = assemblies[environment]
    kept = {
        **assembly.resources("storage", "AWS::S3::Bucket"),
        **assembly.resources("storage", "AWS::KMS::Key"),
        **assembly.resources("training", "AWS::Logs::LogGroup"),
        **assembly.resources("training", "AWS::SageMaker::ModelPackageGroup"),
    }
    assert len(kept) == 9
    for resource in kept.values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, policy)


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
            assert [rule for rule in rules if "ExpirationInDays" in rule] == []


def test_keys_rotate_and_name_every_action(assembly: Assembly) -> None:
    keys = assembly.resources("storage", "AWS::KMS::Key")
    assert len(keys) == 2
    for key in keys.values():
        assert key["Properties"]["EnableKeyRotation"] is True
        for statement in key["Properties"]["KeyPolicy"]["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action]
            assert statement["Principal"] != {"AWS": "*"}
            assert "Service" not in statement["Principal"] or statement["Condition"]


def test_only_the_operations_key_serves_logs_and_alarms(assembly: Assembly) -> None:
    for name, key in assembly.resources("storage", "AWS::KMS::Key").items():
        statements = key["Properties"]["KeyPolicy"]["Statement"]
        services = [statement["Principal"].get("Service") for statement in statements]
        expected = [None, "logs.us-east-1.amazonaws.com", "cloudwatch.amazonaws.com"]
        assert services == (expected if name.startswith("Operations") else [None])
