"""The steps of a retraining as an operator sees them, derived from the history of an execution."""

import re
from dataclasses import dataclass, field
from datetime import datetime

# id, title, and how the names of the state machine's states that belong to the step begin (letters only, lower case).
STEPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("prepare", "Prepare", ("prepare",)),
    ("tune", "Tune", ("tune", "candidatefound")),
    ("champion", "Find champion", ("findchampion", "champion", "describechampion")),
    ("evaluate", "Evaluate", ("evaluate", "readevaluation")),
    ("gate", "Gate", ("gate",)),
    (
        *("register", "Register"),
        ("register", "findbaselines", "keepbaselines", "explanations", "readexplanation", "nameexplainedmodel"),
    ),
    ("approve", "Approve", ("checkpackage", "package", "waitforpackage", "lookatapproval", "approval")),
    (
        *("serving", "Promote serving"),
        ("lookatserving", "challengerfree", "releasechallenger", "serving", "promoteserving", "watchserving"),
    ),
    ("verify", "Verify", ("checkendpoint", "endpoint", "waitforendpoint", "lookforsuccessor", "succeeded")),
    ("monitoring", "Promote monitoring", ("lookatmonitoring", "monitoring", "promotemonitoring", "watchmonitoring")),
)
# States that look into a failure, or report one.
_FAILURES = ("Explain failure", "Find failed", "Find reason", "No candidate", "Reject", "Refuse")
TITLES = {step: title for step, title, _ in STEPS}

WAITING, RUNNING, DONE, FAILED, SKIPPED = "waiting", "running", "done", "failed", "skipped"


@dataclass
class StepState:
    """One step: when it began and ended (timezone-aware, None where it has not), and how it stands."""

    id: str
    title: str
    status: str = WAITING
    started: datetime | None = None
    ended: datetime | None = None

    def seconds(self, now: datetime) -> float | None:
        """Seconds from its begin to its end, or to ``now`` while it runs; None before it began."""
        if self.started is None:
            return None
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


@dataclass
class Progress:
    """All steps in order, and the state an execution is in."""

    steps: list[StepState] = field(default_factory=list)
    state: str | None = None

    def __getitem__(self, step: str) -> StepState:
        return next(item for item in self.steps if item.id == step)

    @property
    def current(self) -> StepState | None:
        """The step that runs or failed, else None."""
        return next((item for item in reversed(self.steps) if item.status in (RUNNING, FAILED)), None)

    def durations(self) -> dict[str, float]:
        """Seconds by step id, of the steps that have ended."""
        return {s.id: s.seconds(s.ended) for s in self.steps if s.started and s.ended}


def step_of(state: str) -> str | None:
    """The step that a state of the state machine belongs to, None for one that belongs to no step of its own."""
    letters = re.sub(r"[^a-z]", "", state.lower())
    for step, _, beginnings in STEPS:
        if letters.startswith(beginnings):
            return step
    return None


def progress(events: list[dict]) -> Progress:
    """Follow the events of GetExecutionHistory (in order) to the state of each step.

    A state that belongs to no step counts for the step in progress, such as waiting in a loop; the states that report
    a failure or the outcome end it.
    """
    result = Progress([StepState(step, title) for step, title, _ in STEPS])
    current: StepState | None = None
    for event in events:
        kind, when = event["type"], event["timestamp"]
        if kind.endswith("StateEntered"):
            result.state = event["stateEnteredEventDetails"]["name"]
            failing = _is_failure(kind, result.state)
            ending = failing or _is_end(kind, result.state)
            step = None if ending else step_of(result.state)
            if current is not None and (ending or step not in (None, current.id)):
                _end(current, FAILED if failing else DONE, when)
                current = None
            if step is not None and current is None:
                current = result[step]
                current.started = current.started or when
                current.ended, current.status = None, RUNNING
        elif kind in ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut", "ExecutionSucceeded"):
            if current is not None:
                _end(current, DONE if kind == "ExecutionSucceeded" else FAILED, when)
                current = None
            for step in result.steps:
                if step.status == WAITING:
                    step.status = SKIPPED
    return result


def _end(step: StepState, status: str, when: datetime) -> None:
    step.status, step.ended = status, when


def _is_failure(kind: str, state: str) -> bool:
    return kind == "FailStateEntered" or state.startswith(_FAILURES)


def _is_end(kind: str, state: str) -> bool:
    return kind == "SucceedStateEntered" or state.startswith(("Tell of", "Notify"))
