"""SageMaker.1: notebooks do not reach the internet directly."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.1", "AWS::SageMaker::NotebookInstance", remedy="set DirectInternetAccess to Disabled")
def RULE(resource: Resource, context: Context) -> bool:
    return resource.get("DirectInternetAccess") == "Disabled"
