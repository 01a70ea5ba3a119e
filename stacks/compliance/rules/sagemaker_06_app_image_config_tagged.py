"""SageMaker.6: app image configurations are tagged."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule("SageMaker.6", "AWS::SageMaker::AppImageConfig", remedy="add Tags")
def RULE(resource: Resource, context: Context) -> bool:
    return bool(resource.get("Tags"))
