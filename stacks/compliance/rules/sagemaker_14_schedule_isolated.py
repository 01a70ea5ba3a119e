"""SageMaker.14: monitoring schedules run in network isolation."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.schedules import network_setting_holds
from stacks.compliance.template import Resource


@rule(
    "SageMaker.14",
    "AWS::SageMaker::MonitoringSchedule",
    remedy="isolate it in its job definition",
)
def RULE(resource: Resource, context: Context) -> bool:
    return network_setting_holds(resource, "EnableNetworkIsolation")
