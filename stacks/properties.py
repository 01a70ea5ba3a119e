"""Properties that all stacks have in common."""

from __future__ import annotations

from typing import Any

from aws_cdk import Environment, RemovalPolicy

from stacks.config import PlatformConfig
from stacks.names import Names


def removal_policy(config: PlatformConfig) -> RemovalPolicy:
    """What becomes of what holds data: deleted with its stack, or kept, except where the stack's creation failed.

    What a failed creation left behind would keep its name from the next one.
    """
    return RemovalPolicy.DESTROY if config.storage.removal == "destroy" else RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def stack_properties(config: PlatformConfig, names: Names, concern: str) -> dict[str, Any]:
    """Keyword arguments of the stack of `concern`; the account stays open until the deploy."""
    return {
        "stack_name": names.stack(concern),
        "description": f"{config.project} ({config.environment}): {concern}",
        "env": Environment(region=config.region),
        "termination_protection": config.termination_protection,
        "tags": {**config.tags, **config.cost_tags},
        "analytics_reporting": False,
    }
