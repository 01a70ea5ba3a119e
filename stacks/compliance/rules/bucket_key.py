"""Objects are encrypted under a customer key; access logs are by S3, which cannot deliver them otherwise."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("BucketKey", "AWS::S3::Bucket", remedy="encrypt the bucket with aws:kms and a customer key")
def RULE(resource: Resource, context: Context) -> bool:
    rules = resource.get("BucketEncryption.ServerSideEncryptionConfiguration") or []
    settings = [rule.get("ServerSideEncryptionByDefault", {}) for rule in rules]
    if _takes_access_logs(resource):
        return bool(settings)
    return bool(settings) and all(s.get("SSEAlgorithm") == "aws:kms" and s.get("KMSMasterKeyID") for s in settings)


def _takes_access_logs(resource: Resource) -> bool:
    others = resource.template.resources("AWS::S3::Bucket")
    return any(resource.refers_to(other.get("LoggingConfiguration.DestinationBucketName")) for other in others)
