"""The course of one tuning job: which trial is proposed when, started, stopped, and what came of it.

Everything happens on one thread that reads a queue of messages, so that a seed decides the course. With a RandomSeed
results are told to the proposer in the order of the trials, whatever order they finish in: trial n depends on the
results of trials 0 … n - parallelism only, and equal results give equal candidates. Early stopping (Auto, Hyperband,
MaxRuntimeInSeconds) depends on timing, so no such promise holds with it. Without a seed each result counts at once.
"""

import contextlib
import queue
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.jobs import runner, training
from local_cloud.sagemaker.store import STORE
from local_cloud.sagemaker.tuning import early_stopping
from local_cloud.sagemaker.tuning.definitions import Definition
from local_cloud.sagemaker.tuning.proposer import Proposer

Record = dict[str, Any]
_STOP = "stop"


@dataclass
class Trial:
    """One training job of the search; ``values`` are the objective's values as they were printed."""

    number: int
    definition: int
    parameters: dict[str, str]
    record: Record | None = None
    values: list[float] = field(default_factory=list)
    given_up: bool = False
    ended: bool = False

    @property
    def value(self) -> float | None:
        """The final objective, None while there is none or when the job failed."""
        usable = self.record and self.record["TrainingJobStatus"] in ("Completed", "Stopped")
        return self.values[-1] if usable and self.values else None


class Search:
    """Runs the trials of a tuning job.

    Args:
        record: the tuning job's record; only its limits and names are read.
        definitions, proposers: one proposer for each definition; definitions take turns.
        run: ends the search when it is ended from outside.
        changed: called after each change of a trial, to update the tuning job's record.
    """

    def __init__(
        self,
        record: Record,
        definitions: list[Definition],
        proposers: list[Proposer],
        run: runner.Run,
        changed: Callable[["Search"], None],
    ):
        self.trials: list[Trial] = []
        self.reason: str | None = None
        self._record, self._definitions, self._proposers, self._run = record, definitions, proposers, run
        self._changed = changed
        config = record["HyperParameterTuningJobConfig"]
        self._limits, self._strategy = config["ResourceLimits"], config["Strategy"]
        self._ordered = "RandomSeed" in config
        self._auto_stop = config.get("TrainingJobEarlyStoppingType") == "Auto"
        self._criteria = config.get("TuningJobCompletionCriteria", {})
        self._budget = budget(config, proposers)
        self._told = 0
        self._messages: queue.Queue[tuple[Trial | None, float | str | None]] = queue.Queue()
        self._maximize = definitions[0].maximize
        run.on_end = lambda: self._messages.put((None, _STOP))

    def execute(self) -> None:
        """Run until the budget is used, a criterion is met, or the run is ended; all trials are over then."""
        deadline = time.monotonic() + self._limits.get("MaxRuntimeInSeconds", float("inf"))
        for _ in range(min(self._limits["MaxParallelTrainingJobs"], self._budget)):
            self._launch_next()
        while any(not trial.ended for trial in self.trials):
            remaining = deadline - time.monotonic()
            try:
                trial, message = self._messages.get(timeout=None if remaining == float("inf") else max(0.0, remaining))
            except queue.Empty:
                deadline = float("inf")
                self._finish_early("MaxRuntimeInSeconds")
                continue
            if self._run.abandoned:
                return
            if trial is None:
                self._finish_early("Stopped")
            elif message is None:
                self._end(trial)
            else:
                self._observe(trial, float(message))

    def best(self) -> Trial | None:
        """The trial with the best final objective; the earliest of equals."""
        done = [trial for trial in self.trials if trial.value is not None]
        sign = -1.0 if self._maximize else 1.0
        return min(done, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None)

    def _launch_next(self) -> None:
        number = len(self.trials)
        index = number % len(self._definitions)
        definition, proposer = self._definitions[index], self._proposers[index]
        trial = Trial(number, index, proposer.ask(number))
        self.trials.append(trial)
        tuning = self._record["HyperParameterTuningJobName"]
        request = {
            **definition.template,
            "TrainingJobName": f"{tuning}-{number + 1:03d}-{uuid.uuid4().hex[:8]}",
            "HyperParameters": {**definition.template["HyperParameters"], **trial.parameters},
        }
        members = {
            "TuningJobArn": arn("hyper-parameter-tuning-job", tuning),
            "TuningJobName": tuning,
            "TrainingJobDefinitionName": definition.name,
            "TunedHyperParameters": trial.parameters,
            "ObjectiveStatus": "Pending",
        }

        def observe(name: str, value: float) -> None:
            if name == definition.metric:
                self._messages.put((trial, value))

        trial.record = training.start(request, observe, lambda: self._messages.put((trial, None)), **members)
        self._changed(self)

    def _observe(self, trial: Trial, value: float) -> None:
        trial.values.append(value)
        if trial.given_up or trial.ended or value != value:
            return
        step = len(trial.values)
        hopeless = False
        if self._strategy == "Hyperband":
            hopeless = self._proposers[trial.definition].report(trial.number, step, value)
        elif self._auto_stop:
            self._proposers[trial.definition].report(trial.number, step, value)
            others = [other.values for other in self.trials[: trial.number] if other.definition == trial.definition]
            hopeless = early_stopping.is_hopeless(trial.values, others, maximize=self._maximize)
        if hopeless:
            trial.given_up = True
            self._stop_job(trial)

    def _end(self, trial: Trial) -> None:
        assert trial.record is not None
        trial.ended = True
        objective: Record = {"ObjectiveStatus": "Failed" if trial.value is None else "Succeeded"}
        if trial.value is not None:
            objective["FinalHyperParameterTuningJobObjectiveMetric"] = {
                "MetricName": self._definitions[trial.definition].metric,
                "Value": trial.value,
            }
        STORE.update(trial.record, **objective)
        if self._ordered:
            # One new candidate after each result told, never two results at once: see the module's docstring.
            while self._told < len(self.trials) and self.trials[self._told].ended:
                self._tell(self.trials[self._told])
        else:
            self._tell(trial)
        self._changed(self)

    def _tell(self, trial: Trial) -> None:
        self._told += 1
        self._proposers[trial.definition].tell(trial.number, trial.value, stopped=trial.given_up)
        if self.reason is None and self._criterion_met():
            self._finish_early("CompletionCriteria")
        if self.reason is None and len(self.trials) < self._budget:
            self._launch_next()

    def _criterion_met(self) -> bool:
        best = self.best()
        if best is None or best.value is None:
            return False
        target = self._criteria.get("TargetObjectiveMetricValue")
        if target is not None and (best.value >= target if self._maximize else best.value <= target):
            return True
        patience = self._criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        since = sum(1 for trial in self.trials if trial.ended and trial.number > best.number)
        return patience is not None and since >= patience

    def _finish_early(self, reason: str) -> None:
        if self.reason is None or reason == "Stopped":
            self.reason = reason
        for trial in self.trials:
            if not trial.ended:
                self._stop_job(trial)

    def _stop_job(self, trial: Trial) -> None:
        assert trial.record is not None
        # It may end by itself this very moment.
        with contextlib.suppress(ValidationError):
            training.stop_training_job({"TrainingJobName": trial.record["TrainingJobName"]})


def budget(config: Record, proposers: list[Proposer]) -> int:
    """How many training jobs the search has at most: a grid's size where no number is given."""
    sizes = [proposer.combinations() for proposer in proposers]
    # Definitions take turns, so that the smallest grid ends the search.
    grid = min((size for size in sizes if size is not None), default=None)
    limit = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if grid is None:
        return limit
    return min(grid * len(proposers), limit or grid * len(proposers))
