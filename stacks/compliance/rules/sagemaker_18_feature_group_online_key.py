"""SageMaker.18: online stores of features are under a key."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.18", "AWS::SageMaker::FeatureGroup", remedy="set OnlineStoreConfig.SecurityConfig.KmsKeyId")
def RULE(resource: Resource, context: Context) -> bool:
    return not resource.get("OnlineStoreConfig") or bool(resource.get("OnlineStoreConfig.SecurityConfig.KmsKeyId"))
