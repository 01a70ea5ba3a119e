"""Poll an execution politely and turn what AWS tells into snapshots."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from scripts.retraining.clients import Clients
from scripts.retraining.discovery import Platform
from scripts.retraining.steps import DONE, RUNNING, Progress, progress
from scripts.retraining.trials import FINISHED, list_trials

_SHORTEST, _LONGEST, _GROWTH = 1.0, 6.0, 1.3
_PASSING = (EndpointConnectionError, ReadTimeoutError, ConnectTimeoutError, ConnectionClosedError)
# In a row; with the clients' own retries this is some minutes of a network that is away.
_MOST_FAILURES = 5


@dataclass
class Snapshot:
    """How a run stands: the execution's description, its steps, its trials, and a sentence for each step."""

    run_id: str
    execution: dict
    progress: Progress
    trials: list[dict] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """True when the execution has ended, however."""
        return self.execution["status"] != "RUNNING"


class Follower:
    """Reads one execution; each ``look`` costs one call for the execution, one a page of history, one for the step."""

    def __init__(self, clients: Clients, platform: Platform, run_id: str) -> None:
        self._clients, self._platform = clients, platform
        self._job = f"{platform.prefix}-{run_id}"
        self.run_id = run_id
        self._trials: list[dict] = []
        self._trials_final = False
        self._details: dict[str, str] = {}

    def look(self) -> Snapshot:
        """Ask AWS how the run stands now."""
        arn = self._platform.execution_arn(self.run_id)
        execution = self._clients.stepfunctions.describe_execution(executionArn=arn)
        # The history is read after the status, so a finished execution always comes with its last events.
        events = [
            event
            for page in self._clients.stepfunctions.get_paginator("get_execution_history").paginate(
                executionArn=arn, includeExecutionData=False, PaginationConfig={"PageSize": 1000}
            )
            for event in page["events"]
        ]
        steps = progress(events)
        self._look_at_trials(steps)
        self._look_at_step(steps)
        return Snapshot(self.run_id, execution, steps, self._trials, dict(self._details))

    def _look_at_trials(self, steps: Progress) -> None:
        tune = steps["tune"]
        if tune.started is None or self._trials_final:
            return
        self._trials = list_trials(self._clients, self._job)
        self._trials_final = tune.ended is not None
        finished = [trial for trial in self._trials if trial["status"] in FINISHED]
        self._details["tune"] = f"{len(finished)} of {len(self._trials)} trials finished"
        best = self._trials[-1]["best"] if self._trials else None
        if best is not None:
            self._details["tune"] += f", best {best:.4f}"

    def _look_at_step(self, steps: Progress) -> None:
        for step in ("prepare", "evaluate"):
            if steps[step].status == RUNNING:
                self._details[step] = self._processing_job(f"{self._job}-{step}")
            elif steps[step].status == DONE:
                self._details.pop(step, None)
        for step in ("serving", "monitoring"):
            if steps[step].status == RUNNING:
                self._details[step] = self._stack(f"{self._platform.prefix}-{step}")
            elif steps[step].status == DONE:
                self._details.pop(step, None)

    def _processing_job(self, name: str) -> str:
        try:
            return self._clients.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]
        except ClientError:
            return "starting"

    def _stack(self, name: str) -> str:
        try:
            return self._clients.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError:
            # A sentence for the table only; the execution itself says what matters.
            return ""


def follow(follower: Follower, sleep: Callable[[float], None] = time.sleep) -> Iterator[Snapshot]:
    """Yield a snapshot now and after each pause until the execution has ended.

    Pauses grow from one second to six while nothing changes. A network that is away for a moment is waited for; the
    error is raised when it stays away.
    """
    pause, failures, last = _SHORTEST, 0, None
    while True:
        try:
            snapshot = follower.look()
        except _PASSING:
            failures += 1
            if failures >= _MOST_FAILURES:
                raise
            sleep(_LONGEST)
            continue
        failures = 0
        yield snapshot
        if snapshot.finished:
            return
        now = (snapshot.progress.state, snapshot.details, [(t["name"], t["status"]) for t in snapshot.trials])
        pause = _SHORTEST if now != last else min(_LONGEST, pause * _GROWTH)
        last = now
        sleep(pause)
