"""SageMaker.10: model explainability jobs encrypt traffic between containers."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule(
    "SageMaker.10",
    "AWS::SageMaker::ModelExplainabilityJobDefinition",
    remedy="encrypt traffic in NetworkConfig",
)
def RULE(resource: Resource, context: Context) -> bool:
    return resource.is_true("NetworkConfig.EnableInterContainerTrafficEncryption")
