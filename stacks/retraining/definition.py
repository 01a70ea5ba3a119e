"""The retraining run from end to end."""

from __future__ import annotations

from typing import Any

from stacks.retraining.outcome import outcome_states
from stacks.retraining.plan import plan_states
from stacks.retraining.promotion import promotion_states
from stacks.retraining.registration import registration_states
from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.training import training_states


def build_definition(settings: RetrainingSettings) -> dict[str, Any]:
    """Return the state machine's definition.

    Input of an execution: {dataset, eventType, algorithm, maxTrials?, parallelTrials?, trigger?} or
    {modelPackageArn, approvedAt?}.
    Output: {status: Promoted | Superseded | AwaitingApproval, modelPackageArn, evaluation}; anything else fails.
    """
    return {
        "Comment": f"Retraining of {settings.prefix}: prepare, tune, evaluate, gate, register, approve, promote",
        "QueryLanguage": "JSONata",
        "StartAt": "Route",
        "TimeoutSeconds": settings.training.max_run_seconds,
        "States": {
            **plan_states(settings, train="Prepare", promote="Check package"),
            **training_states(settings, evaluated="Gate"),
            **registration_states(settings, approved="Check package", waiting="Tell of approval"),
            **promotion_states(
                settings, promoted="Tell of promotion", superseded="Tell of successor", late="Tell of late approval"
            ),
            **outcome_states(settings),
        },
    }
