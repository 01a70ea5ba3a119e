"""SageMaker.5: models run in network isolation."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.5", "AWS::SageMaker::Model", remedy="set EnableNetworkIsolation to true")
def RULE(resource: Resource, context: Context) -> bool:
    return resource.is_true("EnableNetworkIsolation")
