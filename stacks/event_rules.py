"""The EventBridge rules of a deployment."""

from __future__ import annotations

from stacks.config import PlatformConfig
from stacks.monitoring import monitors_of
from stacks.names import Names


def event_rules(config: PlatformConfig, names: Names) -> list[str]:
    """Names of all rules that start something of the deployment's, in whatever stack they are."""
    monitors = monitors_of(config, names) if config.monitoring.engine != "none" else ()
    rules = [f"{names.prefix}-approval"] if config.training.approval == "manual" else []
    if config.monitoring.engine == "processing":
        rules += [monitor.schedule for monitor in monitors]
    elif monitors:
        rules += [f"{names.monitoring_machine}-{reason}" for reason in ("outcome", "executions")]
    if config.retrains_itself:
        rules += [f"{names.prefix}-retraining-{trigger}" for trigger in config.retraining.triggers]
    return rules
