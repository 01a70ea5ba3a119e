"""The guard from end to end."""

from __future__ import annotations

from typing import Any

from stacks.guard.checks import check_states
from stacks.guard.collection import collection_states
from stacks.guard.outcome import outcome_states
from stacks.guard.request import request_states
from stacks.guard.settings import GuardSettings

# An export of a large table takes long; its size has no limit that could be known here.
EXPORT_SECONDS = 6 * 3600
QUEUE_SECONDS = 3600


def build_definition(settings: GuardSettings) -> dict[str, Any]:
    """Return the state machine's definition.

    Input of an execution: {trigger: alarm | recheck | schedule | operator, alarm?, reason?, override?: [check, …]}.
    Output: {status: Started | Refused | Idle, trigger, …}; a failure is a fault of the guard's, not a refusal.
    """
    collect = settings.run.training.processing.max_runtime_seconds
    return {
        "Comment": f"Whether {settings.prefix} retrains now, and on what",
        "QueryLanguage": "JSONata",
        "StartAt": "Read request",
        "TimeoutSeconds": EXPORT_SECONDS + QUEUE_SECONDS + collect,
        "States": {
            **request_states(settings, asked="List guards"),
            **check_states(settings, allowed="Note collection"),
            **collection_states(settings),
            **outcome_states(settings),
        },
    }
