"""SageMaker.20: model explainability jobs run in network isolation."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule(
    "SageMaker.20",
    "AWS::SageMaker::ModelExplainabilityJobDefinition",
    remedy="isolate it in NetworkConfig",
)
def RULE(resource: Resource, context: Context) -> bool:
    return resource.is_true("NetworkConfig.EnableNetworkIsolation")
