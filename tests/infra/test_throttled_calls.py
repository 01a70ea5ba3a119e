"""AWS throttles: a state machine's call that is asked to come again comes again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.stepfunctions import names
from stacks import guard, retraining
from stacks.monitoring import definition, outcome
from tests.infra.guard_services import guard_settings
from tests.infra.monitoring_services import SETTINGS
from tests.infra.retraining_services import settings
from tests.infra.service_models import service_model

MACHINES = {
    "retraining": retraining.build_definition(settings()),
    "guard": guard.build_definition(guard_settings()),
    "monitors": definition.build_definition(SETTINGS),
    "outcomes": outcome.build_outcome_definition(SETTINGS),
}

# Integrations that Step Functions has written for a service have names of their own.
OPTIMISED = {"sns": "SNS.ThrottledException", "sagemaker": "SageMaker.AmazonSageMakerException"}


def calls(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        elif state["Type"] == "Map":
            yield from calls(state["ItemProcessor"]["States"])


def error_name(resource: str) -> str:
    """What Step Functions calls the error of a throttled call: the service's own name for it, or the SDK's base."""
    kind, service, *_ = resource.split(":")
    if kind != "aws-sdk":
        return OPTIMISED[kind]
    model = service_model(service)
    prefix = names.service(model.service_id)
    named = any(shape.name == "ThrottlingException" for shape in model.error_shapes)
    return f"{prefix}.ThrottlingException" if named else f"{prefix}.{prefix}Exception"


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_is_made_again_when_it_was_throttled(machine: str) -> None:
    once = [
        name
        for name, state in calls(MACHINES[machine]["States"])
        if error_name(state["Resource"].removeprefix("arn:aws:states:::")) not in state["Retry"][0]["ErrorEquals"]
    ]
    assert once == []
