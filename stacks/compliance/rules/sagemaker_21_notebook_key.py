"""SageMaker.21: notebooks' volumes are under a customer key."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.21", "AWS::SageMaker::NotebookInstance", remedy="set KmsKeyId")
def RULE(resource: Resource, context: Context) -> bool:
    return bool(resource.get("KmsKeyId"))
