"""SageMaker.3: users of notebooks are not root."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.3", "AWS::SageMaker::NotebookInstance", remedy="set RootAccess to Disabled")
def RULE(resource: Resource, context: Context) -> bool:
    return resource.get("RootAccess") == "Disabled"
