"""SageMaker.17: offline stores of features are under a key."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.17", "AWS::SageMaker::FeatureGroup", remedy="set OfflineStoreConfig.S3StorageConfig.KmsKeyId")
def RULE(resource: Resource, context: Context) -> bool:
    return not resource.get("OfflineStoreConfig") or bool(resource.get("OfflineStoreConfig.S3StorageConfig.KmsKeyId"))
