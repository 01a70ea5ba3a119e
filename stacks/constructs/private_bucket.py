"""A bucket as all buckets here are: encrypted with a customer key and no other, versioned, TLS only, logged."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge

UPLOAD_DAYS = 7
_PRIVATE = {
    "versioned": True,
    "enforce_ssl": True,
    "minimum_tls_version": 1.2,
    "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
    "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
}


class PrivateBucket(s3.Bucket):
    """A bucket for one purpose; access is logged to `access_logs` under the purpose's name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        purpose: str,
        key: kms.IKey,
        access_logs: s3.IBucket,
        removal_policy: RemovalPolicy,
        noncurrent_days: int,
        lifecycle_rules: Sequence[s3.LifecycleRule] = (),
    ) -> None:
        housekeeping = s3.LifecycleRule(
            id="housekeeping",
            abort_incomplete_multipart_upload_after=Duration.days(UPLOAD_DAYS),
            noncurrent_version_expiration=Duration.days(noncurrent_days),
        )
        super().__init__(
            scope,
            construct_id,
            bucket_name=bucket_name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{purpose}/",
            removal_policy=removal_policy,
            lifecycle_rules=[housekeeping, *lifecycle_rules],
            **_PRIVATE,
        )
        for sid, condition in _other_encryption(key).items():
            self.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=sid,
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["s3:PutObject"],
                    resources=[self.arn_for_objects("*")],
                    conditions=condition,
                )
            )
        _stays_in_its_region(self)


class AccessLogBucket(s3.Bucket):
    """Where S3 delivers access logs; S3 encrypts these itself, as it cannot deliver under a customer key."""

    def __init__(
        self, scope: Construct, construct_id: str, *, bucket_name: str, removal_policy: RemovalPolicy, days: int
    ) -> None:
        expiry = s3.LifecycleRule(
            id="expire",
            expiration=Duration.days(days),
            noncurrent_version_expiration=Duration.days(1),
            abort_incomplete_multipart_upload_after=Duration.days(UPLOAD_DAYS),
        )
        super().__init__(
            scope,
            construct_id,
            bucket_name=bucket_name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            removal_policy=removal_policy,
            lifecycle_rules=[expiry],
            **_PRIVATE,
        )
        _stays_in_its_region(self)
        reason = "S3 does not deliver access logs to a bucket whose objects are encrypted under a customer key."
        acknowledge(self, "S3DefaultEncryptionKMS", reason, packs="nist pci hipaa")


def _other_encryption(key: kms.IKey) -> dict[str, dict[str, dict[str, str]]]:
    """Uploads that ask for another encryption than the bucket's; those that ask for none get it."""
    asked, named = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    return {
        "NoOtherEncryption": {"StringNotEquals": {asked: "aws:kms"}, "Null": {asked: "false"}},
        "NoOtherKey": {"StringNotEquals": {named: key.key_arn}, "Null": {named: "false"}},
        "NoKeyOfTheCallers": {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
    }


def _stays_in_its_region(bucket: s3.Bucket) -> None:
    reason = (
        "Card data stays in the region that was chosen for it. Versions protect objects from being overwritten or "
        "deleted; whoever needs another region adds a replication rule that its regulator agrees with."
    )
    acknowledge(bucket, "S3BucketReplicationEnabled", reason, packs="nist pci hipaa")
