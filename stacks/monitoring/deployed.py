"""Which model the monitors have to do with: the one that the monitoring stack's parameter names."""

from __future__ import annotations

from typing import Any

from stacks.monitoring.settings import MachineSettings
from stacks.retraining.states import States, choice, jsonata, rule, task


def find_model(settings: MachineSettings, *, found: str, missing: str, missing_assign: dict[str, Any]) -> States:
    """Set `$modelPackageArn` and go on to `found`; before the first promotion set `missing_assign`, to `missing`."""
    parameter = "$states.result.Stacks[0].Parameters[ParameterKey = 'ModelPackageArn'].ParameterValue"
    return {
        "Find model": task(
            "aws-sdk:cloudformation:describeStacks",
            step="find the deployed model",
            arguments={"StackName": settings.monitoring_stack},
            assign={"modelPackageArn": jsonata(f"$exists({parameter}) ? {parameter} : ''")},
            next_state="Model?",
            comment="Baselines belong to a model version: the one that this stack's parameter names",
        ),
        "Model?": choice([rule("$modelPackageArn != ''", found)], missing, default_assign=missing_assign),
    }
