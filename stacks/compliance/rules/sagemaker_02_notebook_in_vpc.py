"""SageMaker.2: notebooks are in a VPC of one's own."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.2", "AWS::SageMaker::NotebookInstance", remedy="set SubnetId")
def RULE(resource: Resource, context: Context) -> bool:
    return bool(resource.get("SubnetId"))
