"""Where a monitoring schedule's network configuration stands."""

from __future__ import annotations

from stacks.compliance.template import Resource


def network_setting_holds(schedule: Resource, setting: str) -> bool:
    """Whether `setting` of NetworkConfig is true in the schedule's own job definition or in the one that it names."""
    own = "MonitoringScheduleConfig.MonitoringJobDefinition"
    if schedule.get(own):
        return schedule.is_true(f"{own}.NetworkConfig.{setting}")
    name = schedule.get("MonitoringScheduleConfig.MonitoringJobDefinitionName")
    definitions = [
        other
        for other in schedule.template.resources()
        if other.refers_to(name) or (name and other.get("JobDefinitionName") == name)
    ]
    return bool(definitions) and all(other.is_true(f"NetworkConfig.{setting}") for other in definitions)
