"""An EventBridge rule without a queue for what it could not deliver."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_events as events
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge


class UnqueuedRule(events.CfnRule):
    """`lost` says what is lost with an event that EventBridge cannot deliver within a day, and what makes it good."""

    def __init__(self, scope: Construct, construct_id: str, *, lost: str, **properties: Any) -> None:
        super().__init__(scope, construct_id, **properties)
        acknowledge(self, "EventBusDLQ", f"EventBridge retries for a day. {lost}", packs="serverless")
