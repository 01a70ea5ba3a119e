"""SageMaker.11: data quality jobs run in network isolation."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule(
    "SageMaker.11",
    "AWS::SageMaker::DataQualityJobDefinition",
    remedy="isolate it in NetworkConfig",
)
def RULE(resource: Resource, context: Context) -> bool:
    return resource.is_true("NetworkConfig.EnableNetworkIsolation")
