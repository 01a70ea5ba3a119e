"""What is deployed: the champion, its challenger if any, and whether something is changing them now."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from scripts.retraining.clients import Clients
from scripts.retraining.discovery import outputs_of
from scripts.retraining.errors import OperatorError, denied

CHAMPION_PARAMETER, CHALLENGER_PARAMETER, GUARDRAILS = "ModelPackageArn", "ChallengerModelPackageArn", "Guardrails"
CHAMPION_VARIANT, CHALLENGER_VARIANT = "primary", "challenger"


class Busy(OperatorError):
    """Another change of the deployed models is under way; nothing was changed."""

    exit_code = 3


@dataclass(frozen=True)
class Duel:
    """One environment's serving stack, as it stands; ARNs are empty where there is no such model.

    `monitored` is the model whose baselines the monitors have, None where they are not deployed or not to be seen.
    """

    prefix: str
    stack: str
    status: str
    champion: str
    challenger: str
    mode: str
    endpoint: str
    group: str
    state_machine: str
    promotion_role: str
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    monitored: str | None = None

    @property
    def half_promoted(self) -> bool:
        """Whether a promotion stopped between the endpoint and its monitors, which still have another's baselines."""
        return self.monitored is not None and self.monitored != self.champion

    @property
    def challenger_target(self) -> str:
        """What Application Auto Scaling calls the challenger's variant; empty where it is not scaled."""
        # Stacks of versions that did not say so scaled it always.
        target = self.outputs.get("ChallengerTarget", f"endpoint/{self.endpoint}/variant/{CHALLENGER_VARIANT}")
        return "" if target == "none" else target

    def new_parameters(self, challenger: str) -> list[dict[str, Any]]:
        """The stack's parameters for another challenger; the variants change, so guardrails cannot be used."""
        given = {CHALLENGER_PARAMETER: challenger, GUARDRAILS: "off"}
        return [
            {"ParameterKey": key, "ParameterValue": given[key]}
            if key in given
            else {"ParameterKey": key, "UsePreviousValue": True}
            for key in self.parameters
        ]


def look(clients: Clients, prefix: str) -> Duel:
    """Read the stacks; raises OperatorError where they are not deployed or are of another version."""
    serving, training = f"{prefix}-serving", outputs_of(clients, f"{prefix}-training")
    outputs = outputs_of(clients, serving)
    if "ChallengerMode" not in outputs:
        raise OperatorError(f"The stack {serving} knows no challenger yet: deploy this version of it first.")
    stack = clients.cloudformation.describe_stacks(StackName=serving)["Stacks"][0]
    parameters = {item["ParameterKey"]: item.get("ParameterValue", "") for item in stack.get("Parameters", [])}
    return Duel(
        prefix=prefix,
        stack=serving,
        status=stack["StackStatus"],
        champion=parameters.get(CHAMPION_PARAMETER, ""),
        challenger=parameters.get(CHALLENGER_PARAMETER, ""),
        mode=outputs["ChallengerMode"],
        endpoint=outputs["EndpointName"],
        group=training["ModelPackageGroupName"],
        state_machine=training["StateMachineArn"],
        promotion_role=outputs["PromotionRoleArn"],
        parameters=parameters,
        outputs=outputs,
        monitored=_monitored(clients, f"{prefix}-monitoring"),
    )


def _monitored(clients: Clients, stack: str) -> str | None:
    try:
        found = clients.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if denied(error) or "does not exist" in str(error):
            return None
        raise
    given = {item["ParameterKey"]: item.get("ParameterValue", "") for item in found.get("Parameters", [])}
    return given.get(CHAMPION_PARAMETER)


def refuse_if_busy(clients: Clients, duel: Duel) -> list[str]:
    """Raise Busy where a stack is being updated or a promotion runs; return the retraining runs that are under way."""
    if duel.status.endswith("_IN_PROGRESS"):
        raise Busy(f"The stack {duel.stack} is in {duel.status}: wait until that update is done.")
    retraining = []
    running = clients.stepfunctions.list_executions(stateMachineArn=duel.state_machine, statusFilter="RUNNING")
    for execution in running["executions"]:
        described = clients.stepfunctions.describe_execution(executionArn=execution["executionArn"])
        package = json.loads(described.get("input") or "{}").get("modelPackageArn")
        if package:
            raise Busy(f"Promotion {execution['name']} of {package} is running: wait for it, or stop that execution.")
        retraining.append(execution["name"])
    return retraining


def version_of(package: str) -> str:
    """`v3` of arn:…:model-package/<group>/3."""
    return f"v{package.rsplit('/', 1)[1]}" if package else "none"
