"""SageMaker.22: monitoring schedules encrypt traffic between containers."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.schedules import network_setting_holds
from stacks.compliance.template import Resource


@rule(
    "SageMaker.22",
    "AWS::SageMaker::MonitoringSchedule",
    remedy="encrypt traffic in its job definition",
)
def RULE(resource: Resource, context: Context) -> bool:
    return network_setting_holds(resource, "EnableInterContainerTrafficEncryption")
