"""SageMaker.8: notebooks run on a supported platform."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.8", "AWS::SageMaker::NotebookInstance", remedy="set PlatformIdentifier to notebook-al2023-v1")
def RULE(resource: Resource, context: Context) -> bool:
    return str(resource.get("PlatformIdentifier")).startswith("notebook-al2023-")
