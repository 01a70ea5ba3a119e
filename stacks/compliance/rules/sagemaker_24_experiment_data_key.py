"""SageMaker.24: what inference experiments capture is under a customer key."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.24", "AWS::SageMaker::InferenceExperiment", remedy="set DataStorageConfig.KmsKey")
def RULE(resource: Resource, context: Context) -> bool:
    return not resource.get("DataStorageConfig") or bool(resource.get("DataStorageConfig.KmsKey"))
