"""SageMaker.23: instances of inference experiments are under a customer key."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.23", "AWS::SageMaker::InferenceExperiment", remedy="set KmsKey")
def RULE(resource: Resource, context: Context) -> bool:
    return bool(resource.get("KmsKey"))
