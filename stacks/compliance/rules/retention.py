"""Logs end after a configured time, and versions of objects do."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("Retention", "AWS::Logs::LogGroup", "AWS::S3::Bucket", remedy="set RetentionInDays, or expire old versions")
def RULE(resource: Resource, context: Context) -> bool:
    if resource.kind == "AWS::Logs::LogGroup":
        return isinstance(resource.get("RetentionInDays"), int)
    rules = resource.get("LifecycleConfiguration.Rules") or []
    return any("NoncurrentVersionExpiration" in rule and rule.get("Status") == "Enabled" for rule in rules)
