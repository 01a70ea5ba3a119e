"""Run ids: the same inputs find the same execution instead of starting a second one."""

import hashlib
import json
from dataclasses import dataclass

from botocore.exceptions import ClientError

from scripts.retraining.clients import Clients
from scripts.retraining.discovery import Platform
from scripts.retraining.errors import OperatorError, error_code
from scripts.retraining.options import Options

# Two digits: longer names of runs would exceed the limit of tuning jobs' names.
_MOST_ATTEMPTS = 99


@dataclass(frozen=True)
class Run:
    """An execution to follow: ``new`` when this call started it, ``status`` as Step Functions told it last."""

    id: str
    execution_arn: str
    status: str
    new: bool


def fingerprint(dataset_id: str, event_type: str, options: Options, definition: str) -> str:
    """Eight hex digits naming the inputs of a run.

    The state machine's definition names the code archive by its content hash, so new code is a new run.
    """
    inputs = [dataset_id, event_type, options.algorithm, options.max_trials, options.parallel_trials]
    text = json.dumps([*inputs, hashlib.sha256(definition.encode()).hexdigest()])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def definition_of(clients: Clients, platform: Platform) -> str:
    """The definition of the deployed state machine."""
    return clients.stepfunctions.describe_state_machine(stateMachineArn=platform.state_machine_arn)["definition"]


def find_or_start(clients: Clients, platform: Platform, base: str, execution_input: dict, force: bool) -> Run:
    """Attach to the running execution of these inputs, return the succeeded one, or start the next attempt.

    base: ``r`` and the fingerprint. force: start another attempt after a success too.
    """
    attempt, found = _latest(clients, platform, base)
    while attempt <= _MOST_ATTEMPTS:
        if found and (found["status"] == "RUNNING" or (found["status"] == "SUCCEEDED" and not force)):
            return Run(found["name"], found["executionArn"], found["status"], new=False)
        attempt += 1
        found = None
        run_id = f"{base}-{attempt}"
        if _names_taken(clients, platform, run_id):
            continue
        try:
            started = clients.stepfunctions.start_execution(
                stateMachineArn=platform.state_machine_arn, name=run_id, input=json.dumps(execution_input)
            )
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise
            # Somebody started the same attempt between the look and the start: see how theirs stands.
            found = _describe(clients, platform, run_id)
            # Theirs counts as the forced attempt: two callers who force at once want one run, not two.
            force = False
            continue
        return Run(run_id, started["executionArn"], "RUNNING", new=True)
    raise OperatorError(f"{base} has had {_MOST_ATTEMPTS} attempts: change the inputs.")


def _latest(clients: Clients, platform: Platform, base: str) -> tuple[int, dict | None]:
    attempt, latest = 0, None
    while found := _describe(clients, platform, f"{base}-{attempt + 1}"):
        attempt, latest = attempt + 1, found
    return attempt, latest


def _describe(clients: Clients, platform: Platform, run_id: str) -> dict | None:
    try:
        found = clients.stepfunctions.describe_execution(executionArn=platform.execution_arn(run_id))
    except ClientError as error:
        if error_code(error) == "ExecutionDoesNotExist":
            return None
        raise
    # Some answers leave the name out of the description; the caller knows it.
    return {"name": run_id, "executionArn": platform.execution_arn(run_id), **found}


def _names_taken(clients: Clients, platform: Platform, run_id: str) -> bool:
    # Step Functions forgets executions after 90 days, SageMaker never forgets the name of a job.
    try:
        clients.sagemaker.describe_processing_job(ProcessingJobName=f"{platform.prefix}-{run_id}-prepare")
    except ClientError as error:
        if error_code(error) in ("ResourceNotFound", "ResourceNotFoundException", "ValidationException"):
            return False
        raise
    return True
