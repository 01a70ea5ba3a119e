"""SageMaker.4: production variants begin with more than one instance."""

from __future__ import annotations

from typing import Any

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule(
    "SageMaker.4",
    "AWS::SageMaker::EndpointConfig",
    remedy="begin with more than one instance",
)
def RULE(resource: Resource, context: Context) -> bool:
    variants = [possible for item in resource.get("ProductionVariants") or [] for possible in _possible(item)]
    return all("ServerlessConfig" in variant or _count(variant) > 1 for variant in variants)


def _possible(variant: dict[str, Any]) -> list[dict[str, Any]]:
    """The variant, or what it may be under a condition."""
    if "Fn::If" not in variant:
        return [] if "Ref" in variant else [variant]
    return [possible for branch in variant["Fn::If"][1:] for possible in _possible(branch)]


def _count(variant: dict[str, Any]) -> int:
    count = variant.get("InitialInstanceCount", 0)
    return count if isinstance(count, int) else int(count)
