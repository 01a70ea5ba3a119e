"""The retraining guard as a Step Functions definition in JSONata: who asks, what is refused, what is collected."""

from stacks.guard.definition import build_definition
from stacks.guard.settings import GuardSettings

__all__ = ["GuardSettings", "build_definition"]
