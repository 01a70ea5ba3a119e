"""Changes of the deployed models: updates of the serving stack by the promotion role, and promotions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from scripts.promoting.duel import Busy, Duel, look, version_of
from scripts.retraining.clients import Clients
from scripts.retraining.errors import OperatorError, error_code

_POLL = 2.0
_DONE = ("UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
_MOST_ATTEMPTS = 99


def set_challenger(clients: Clients, duel: Duel, package: str, console: Console) -> Duel:
    """Update the stack to another challenger (empty: none), wait, and return what is deployed then.

    Raises Busy where somebody else's update came first, OperatorError with the reason where it was rolled back.
    """
    if not package and duel.challenger_target:
        release_scaling(clients, duel)
    try:
        clients.cloudformation.update_stack(
            StackName=duel.stack,
            UsePreviousTemplate=True,
            RoleARN=duel.promotion_role,
            # The stack's template says who may update it.
            Capabilities=["CAPABILITY_IAM"],
            Parameters=duel.new_parameters(package),
            ClientRequestToken=f"challenger-{uuid.uuid4()}",
        )
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return look(clients, duel.prefix)
        if error_code(error) == "ValidationError" and "IN_PROGRESS" in str(error):
            raise Busy(f"Another update of {duel.stack} came first: look at it with `status`.") from error
        raise
    status = _wait(lambda: _status(clients, duel.stack), lambda text: not text.endswith("_IN_PROGRESS"), console)
    if status not in _DONE:
        raise OperatorError(
            f"The stack {duel.stack} ended in {status}: {_first_failure(clients, duel.stack)}. The models that were "
            "deployed before go on answering."
        )
    after = look(clients, duel.prefix)
    check_endpoint(clients, after)
    return after


def check_endpoint(clients: Clients, duel: Duel) -> None:
    """SageMaker can roll back by itself and be InService again: compare what is live with what the stack wants."""
    endpoint = clients.sagemaker.describe_endpoint(EndpointName=duel.endpoint)
    wanted = duel.outputs.get("EndpointConfigName")
    if endpoint["EndpointStatus"] != "InService" or (wanted and endpoint["EndpointConfigName"] != wanted):
        live, reason = endpoint["EndpointConfigName"], endpoint.get("FailureReason", "no reason given")
        raise OperatorError(
            f"Endpoint {duel.endpoint} is {endpoint['EndpointStatus']} with {live} instead of {wanted}: {reason}"
        )


def release_scaling(clients: Clients, duel: Duel) -> None:
    """SageMaker removes no variant that is scaled automatically; the stack drops the target after the variant."""
    try:
        clients.client("application-autoscaling").deregister_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=duel.challenger_target,
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        )
    except ClientError as error:
        if error_code(error) != "ObjectNotFoundException":
            raise


def needs_approval(clients: Clients, duel: Duel) -> bool:
    """Whether this environment promotes what is approved in the registry by itself."""
    definition = clients.stepfunctions.describe_state_machine(stateMachineArn=duel.state_machine)["definition"]
    return "Awaiting approval" in json.loads(definition)["States"]


def approve(clients: Clients, package: str, words: str) -> None:
    """Approve a package in the registry."""
    clients.sagemaker.update_model_package(
        ModelPackageArn=package, ModelApprovalStatus="Approved", ApprovalDescription=words
    )


def executions(clients: Clients, duel: Duel) -> set[str]:
    """ARNs of the latest executions of the state machine."""
    found = clients.stepfunctions.list_executions(stateMachineArn=duel.state_machine)["executions"]
    return {execution["executionArn"] for execution in found}


def start_promotion(clients: Clients, duel: Duel, package: str) -> str:
    """Start the state machine's promotion; return the execution's ARN. Two callers start one: the name is the same."""
    base = f"promote-{version_of(package)}-over-{version_of(duel.champion)}"
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        name = f"{base}-{attempt}"
        arn = duel.state_machine.replace(":stateMachine:", ":execution:", 1) + f":{name}"
        try:
            status = clients.stepfunctions.describe_execution(executionArn=arn)["status"]
            if status == "RUNNING":
                raise Busy(f"Promotion {name} is running already.")
            continue
        except ClientError as error:
            if error_code(error) != "ExecutionDoesNotExist":
                raise
        try:
            clients.stepfunctions.start_execution(
                stateMachineArn=duel.state_machine, name=name, input=json.dumps({"modelPackageArn": package})
            )
        except ClientError as error:
            if error_code(error) == "ExecutionAlreadyExists":
                raise Busy(f"Promotion {name} has just been started by somebody else.") from error
            raise
        return arn
    raise OperatorError(f"{base} has had {_MOST_ATTEMPTS} attempts.")


def promotion_by_approval(clients: Clients, duel: Duel, package: str, known: set[str], seconds: float = 60.0) -> str:
    """The execution that an approval has started, which is none of the `known` ones."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for execution in clients.stepfunctions.list_executions(stateMachineArn=duel.state_machine)["executions"]:
            if execution["executionArn"] in known:
                continue
            found = clients.stepfunctions.describe_execution(executionArn=execution["executionArn"])
            if json.loads(found.get("input") or "{}").get("modelPackageArn") == package:
                return execution["executionArn"]
        time.sleep(_POLL)
    raise OperatorError(f"{version_of(package)} is approved, but no promotion of it began within {seconds:.0f} s.")


def follow_promotion(clients: Clients, arn: str, console: Console) -> None:
    """Wait for a promotion's end; raises OperatorError with its cause where it failed."""

    def described() -> dict[str, Any]:
        return clients.stepfunctions.describe_execution(executionArn=arn)

    status = _wait(lambda: described()["status"], lambda text: text != "RUNNING", console)
    if status != "SUCCEEDED":
        ended = described()
        raise OperatorError(f"The promotion ended {status}: {ended.get('cause') or ended.get('error') or 'no cause'}")


def _wait(read: Callable[[], str], done: Callable[[str], bool], console: Console) -> str:
    status = read()
    with console.status(status) as spinner:
        while not done(status):
            time.sleep(_POLL)
            status = read()
            spinner.update(status)
    return status


def _status(clients: Clients, stack: str) -> str:
    return clients.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]


def _first_failure(clients: Clients, stack: str) -> str:
    """The oldest failed resource of the latest update; events come newest first."""
    events = clients.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    token = events[0].get("ClientRequestToken") if events else None
    failed = [
        event
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
        and event.get("ResourceStatusReason")
        and (token is None or event.get("ClientRequestToken") == token)
    ]
    return f"{failed[-1]['LogicalResourceId']}: {failed[-1]['ResourceStatusReason']}" if failed else "no reason given"
