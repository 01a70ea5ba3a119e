"""Buckets block public access, keep versions and have no access control lists."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource

BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


@rule("BucketPrivate", "AWS::S3::Bucket", remedy="block all public access, version, and let the owner own all objects")
def RULE(resource: Resource, context: Context) -> bool:
    blocked = all(resource.is_true(f"PublicAccessBlockConfiguration.{name}") for name in BLOCKS)
    owners = [rule.get("ObjectOwnership") for rule in resource.get("OwnershipControls.Rules") or []]
    versioned = resource.get("VersioningConfiguration.Status") == "Enabled"
    return blocked and versioned and owners == ["BucketOwnerEnforced"]
