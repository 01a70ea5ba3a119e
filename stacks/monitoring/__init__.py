"""The four monitors: what each one analyses and when, and the state machine that runs them or counts their outcome."""

from stacks.monitoring.plan import KINDS, Monitor, monitors_of

__all__ = ["KINDS", "Monitor", "monitors_of"]
