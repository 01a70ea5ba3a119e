"""AWS throttles: a state machine's call that is asked to come again comes again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stacks import guard, retraining
from stacks.monitoring import definition, outcome
from tests.infra.guard_services import guard_settings
from tests.infra.monitoring_services import SETTINGS
from tests.infra.retraining_services import settings

MACHINES = {
    "retraining": retraining.build_definition(settings()),
    "guard": guard.build_definition(guard_settings()),
    "monitors": definition.build_definition(SETTINGS),
    "outcomes": outcome.build_outcome_definition(SETTINGS),
}


def calls(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        elif state["Type"] == "Map":
            yield from calls(state["ItemProcessor"]["States"])


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_is_made_again_when_it_was_throttled(machine: str) -> None:
    once = [
        name
        for name, state in calls(MACHINES[machine]["States"])
        if not any("ThrottlingException" in retry["ErrorEquals"] for retry in state.get("Retry", []))
    ]
    assert once == []
