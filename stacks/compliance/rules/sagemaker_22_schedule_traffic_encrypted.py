"""SageMaker.22: monitoring schedules encrypt traffic between containers."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule(
    "SageMaker.22",
    "AWS::SageMaker::MonitoringSchedule",
    remedy="encrypt traffic in its job definition",
)
def RULE(resource: Resource, context: Context) -> bool:
    job = "MonitoringScheduleConfig.MonitoringJobDefinition"
    if resource.get(job):
        return resource.is_true(f"{job}.NetworkConfig.EnableInterContainerTrafficEncryption")
    # The schedule names a definition, whose own network configuration holds.
    name = resource.get("MonitoringScheduleConfig.MonitoringJobDefinitionName")
    definitions = [
        other
        for other in resource.template.resources()
        if other.refers_to(name) or (name and other.get("JobDefinitionName") == name)
    ]
    return bool(definitions) and all(
        other.is_true("NetworkConfig.EnableInterContainerTrafficEncryption") for other in definitions
    )
