"""SageMaker.25: model quality jobs run in network isolation."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule(
    "SageMaker.25",
    "AWS::SageMaker::ModelQualityJobDefinition",
    remedy="isolate it in NetworkConfig",
)
def RULE(resource: Resource, context: Context) -> bool:
    return resource.is_true("NetworkConfig.EnableNetworkIsolation")
