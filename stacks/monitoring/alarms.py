"""Which of the monitors' alarms call for retraining, by name: the guard asks for these and no others."""

from __future__ import annotations

from stacks.config import PlatformConfig
from stacks.monitoring.plan import monitors_of
from stacks.names import Names


def retraining_alarms(config: PlatformConfig, names: Names) -> tuple[str, ...]:
    """Names of the alarms of drift and quality that this deployment has (stacks/constructs/monitoring_alarms.py)."""
    if config.monitoring.engine == "none":
        return ()
    found = {
        "data-quality": ("drift-score", "drift-psi", "drift-data"),
        "model-quality": tuple(f"quality-{name.replace('_', '-')}" for name in config.monitoring.model_quality.floors),
        "model-explainability": ("drift-attribution",),
    }
    return tuple(f"{names.prefix}-{name}" for one in monitors_of(config, names) for name in found.get(one.kind, ()))
