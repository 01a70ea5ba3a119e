"""``arn:aws:states:::sagemaker:<action>[.sync]``: SageMaker's optimised integrations."""

import json
import time
from collections.abc import Callable
from typing import Any

from local_cloud.authorization import Refused, states
from local_cloud.sagemaker.errors import SageMakerError
from local_cloud.sagemaker.operations import MODEL, call
from local_cloud.stepfunctions import IntegrationError, names, sdk

_JOBS = ("TrainingJob", "ProcessingJob", "TransformJob", "HyperParameterTuningJob")
_REQUESTS = (
    *(f"Create{job}" for job in _JOBS), "CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint",
)  # fmt: skip
_POLL_SECONDS = 0.1
_RUNNING = ("InProgress", "Stopping", "Pending", "Starting")


def invoke(action: str, sync: bool, arguments: Any, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Do the action; ``sync`` waits for a job's end and answers its description.

    Args:
        action: e.g. ``createTrainingJob``.
        cancelled: asked while waiting; a job whose execution was stopped, or whose task timed out, is stopped.

    Raises:
        IntegrationError: States.TaskFailed with the description of a job that did not complete as the cause;
            SageMaker.AmazonSageMakerException or a named error for a refused request.
    """
    operation = action[0].upper() + action[1:]
    job = operation.removeprefix("Create")
    if operation not in _REQUESTS or (sync and job not in _JOBS):
        suffix = ".sync" if sync else ""
        raise IntegrationError("States.Runtime", f"sagemaker:{action}{suffix} is not an integration of Step Functions.")
    request = sdk.to_request(arguments, MODEL.operation_model(operation).input_shape)
    if sync:
        _may_wait(action)
    answer = _call(operation, request)
    if not sync:
        return sdk.to_answer(answer, MODEL.operation_model(operation).output_shape, milliseconds=True)
    return _wait(job, request[f"{job}Name"], cancelled)


def _wait(job: str, name: str, cancelled: Callable[[], bool]) -> dict[str, Any]:
    status_member, request = f"{job}Status", {f"{job}Name": name}
    description = _call(f"Describe{job}", request)
    while description[status_member] in _RUNNING:
        if cancelled():
            _stop(job, request)
            raise IntegrationError("States.TaskFailed", f"{job} {name} was stopped because its execution ended.")
        time.sleep(_POLL_SECONDS)
        description = _call(f"Describe{job}", request)
    output = MODEL.operation_model(f"Describe{job}").output_shape
    shown = sdk.to_answer(description, output, milliseconds=True)
    if description[status_member] != "Completed":
        raise IntegrationError("States.TaskFailed", json.dumps(shown))
    return shown


def _may_wait(action: str) -> None:
    try:
        states.waiting(action)
    except Refused as refused:
        raise IntegrationError("States.TaskFailed", str(refused)) from None


def _stop(job: str, request: dict[str, Any]) -> None:
    try:
        call(f"Stop{job}", request)
    except SageMakerError:
        # It ended in this moment.
        return


def _call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return call(operation, request)
    except SageMakerError as error:
        modelled = {shape.name for shape in MODEL.error_shapes}
        name = names.exception(error.code) if error.code in modelled else "AmazonSageMakerException"
        raise IntegrationError(f"SageMaker.{name}", str(error)) from error
