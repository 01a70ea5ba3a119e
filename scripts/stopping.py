"""Stop a platform's monitors before its stacks are deleted: a schedule that is pending, or runs, refuses to be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from scripts.retraining.clients import Clients
from scripts.retraining.errors import OperatorError

KINDS = ("data-quality", "model-quality", "model-bias", "model-explainability")
PATIENCE_SECONDS = 900.0
_RUNNING = ("Pending", "InProgress", "Stopping")


def stop_monitors(clients: Clients, prefix: str, console: Console, *, pause: float = 2.0) -> None:
    """Stop the schedules of both engines and what runs of them, and wait until nothing does."""
    events = clients.client("events")
    for kind in KINDS:
        name = f"{prefix}-{kind}"
        # Only one of the engines has a rule.
        with suppress(events.exceptions.ResourceNotFoundException):
            events.disable_rule(Name=name)
        if _status(clients, name) is not None:
            _stop_schedule(clients, name, pause)
            console.print(f"{name}: stopped")
    _stop_executions(clients, f"{prefix}-monitoring", pause)


def _stop_schedule(clients: Clients, name: str, pause: float) -> None:
    _until(lambda: _status(clients, name) != "Pending", f"{name} is still Pending", pause)
    if _status(clients, name) == "Scheduled":
        clients.sagemaker.stop_monitoring_schedule(MonitoringScheduleName=name)
    for run in _runs(clients, name):
        job = run.get("ProcessingJobArn", "").rpartition("/")[2]
        if job:
            # It may end by itself in this moment.
            with suppress(ClientError):
                clients.sagemaker.stop_processing_job(ProcessingJobName=job)
    _until(lambda: not list(_runs(clients, name)), f"an execution of {name} still runs", pause)


def _stop_executions(clients: Clients, machine: str, pause: float) -> None:
    machines = clients.stepfunctions.get_paginator("list_state_machines").paginate()
    arns = [item["stateMachineArn"] for page in machines for item in page["stateMachines"] if item["name"] == machine]
    for arn in arns:
        for execution in clients.stepfunctions.list_executions(stateMachineArn=arn, statusFilter="RUNNING")[
            "executions"
        ]:
            clients.stepfunctions.stop_execution(
                executionArn=execution["executionArn"], cause="The platform is being deleted."
            )


def _status(clients: Clients, name: str) -> str | None:
    """The schedule's status, None where there is none."""
    try:
        return clients.sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)["MonitoringScheduleStatus"]
    except clients.sagemaker.exceptions.ResourceNotFound:
        return None


def _runs(clients: Clients, name: str) -> Iterator[dict[str, Any]]:
    pages = clients.sagemaker.get_paginator("list_monitoring_executions").paginate(MonitoringScheduleName=name)
    for page in pages:
        for run in page["MonitoringExecutionSummaries"]:
            if run["MonitoringExecutionStatus"] in _RUNNING:
                yield run


def _until(reached: Callable[[], bool], complaint: str, pause: float) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise OperatorError(f"{complaint} after {PATIENCE_SECONDS:.0f} s: stop it, and run this again")
        time.sleep(pause)
