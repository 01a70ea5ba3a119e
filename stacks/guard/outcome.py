"""How the guard's executions end: started, refused with the reason, or failed; each is told and kept as output."""

from __future__ import annotations

from typing import Any

from stacks.guard.settings import GuardSettings
from stacks.retraining.outcome import failure_states, publish
from stacks.retraining.states import States, jsonata

ASKED = "$trigger & ($alarm = '' ? '' : ' ' & $alarm)"
WHERE = "' Guard execution ' & $states.context.Execution.Id & '.'"


def outcome_states(settings: GuardSettings) -> States:
    """The guard's last states; a message that cannot be sent does not change the outcome."""
    name = settings.prefix
    remedy = (
        "($refusal.overridable ? ' An operator can override it: python -m scripts.guard start --override ' "
        "& $refusal.check & '.' : '')"
    )
    return {
        "Tell of start": publish(
            settings.run,
            subject=f"'{name}: retraining started'",
            message=f"'Asked for by ' & {ASKED} & ', run ' & $runName & ' has started on ' & $collection.rows "
            "& ' events, ' & $collection.new_labelled & ' of them new (' & $collection.new_frauds & ' frauds).' "
            f"& {WHERE}",
            output=_output("Started"),
            next_state="Started",
        ),
        "Started": {"Type": "Succeed"},
        "Refuse": publish(
            settings.run,
            subject=f"'{name}: retraining refused (' & $refusal.check & ')'",
            message=f"'Retraining asked for by ' & {ASKED} & ' was refused: ' & $refusal.reason & '.' & {remedy} "
            f"& {WHERE}",
            output=_output("Refused"),
            next_state="Refused",
        ),
        "Refused": {"Type": "Succeed"},
        **failure_states(settings.run, subject=f"'{name}: the retraining guard failed'"),
    }


def _output(status: str) -> dict[str, Any]:
    common = {
        "status": status,
        "trigger": jsonata("$trigger"),
        "alarm": jsonata("$alarm"),
        "alarmReason": jsonata("$alarmReason"),
        "override": jsonata("$override"),
    }
    if status == "Refused":
        return {**common, "check": jsonata("$refusal.check"), "reason": jsonata("$refusal.reason")}
    return {
        **common,
        "run": jsonata("$runName"),
        "executionArn": jsonata("$runArn"),
        "collectionId": jsonata("$collectionId"),
        "collection": jsonata("$collection"),
        "spentUsd": jsonata("$spentUsd"),
        "mostUsdOfARun": jsonata("$mostUsdOfARun"),
    }
