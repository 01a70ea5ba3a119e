"""SageMaker.14: monitoring schedules run in network isolation."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource


@rule(
    "SageMaker.14",
    "AWS::SageMaker::MonitoringSchedule",
    remedy="isolate it in its job definition",
)
def RULE(resource: Resource, context: Context) -> bool:
    job = "MonitoringScheduleConfig.MonitoringJobDefinition"
    if resource.get(job):
        return resource.is_true(f"{job}.NetworkConfig.EnableNetworkIsolation")
    # The schedule names a definition, whose own network configuration holds.
    name = resource.get("MonitoringScheduleConfig.MonitoringJobDefinitionName")
    definitions = [
        other
        for other in resource.template.resources()
        if other.refers_to(name) or (name and other.get("JobDefinitionName") == name)
    ]
    return bool(definitions) and all(other.is_true("NetworkConfig.EnableNetworkIsolation") for other in definitions)
