"""The retraining run as a Step Functions definition in JSONata: plain data, built from plain strings."""

from stacks.retraining.definition import build_definition
from stacks.retraining.settings import RetrainingSettings

__all__ = ["RetrainingSettings", "build_definition"]
