"""What a retraining is asked to do, and what came of it."""

from dataclasses import dataclass, field
from pathlib import Path

from scripts.retraining.errors import EXIT_FAILED, EXIT_OK, EXIT_REJECTED, InputError

ALGORITHMS = ("xgboost", "random-forest", "logistic-regression")
ENVIRONMENTS = ("dev", "staging", "prod")
# What CreateHyperParameterTuningJob accepts: MaxNumberOfTrainingJobs up to 750, MaxParallelTrainingJobs up to 100.
_MOST_TRIALS, _MOST_PARALLEL = 750, 100


@dataclass(frozen=True)
class Options:
    """The inputs of one retraining; the names are those of the command line."""

    data: Path
    environment: str = "dev"
    event_type: str | None = None
    algorithm: str = "xgboost"
    max_trials: int | None = None
    parallel_trials: int | None = None
    force: bool = False
    follow: bool = True
    endpoint_url: str | None = None
    region: str | None = None
    project: str = "fraudstack"
    accept_labels: bool = False

    @property
    def prefix(self) -> str:
        """The prefix of all names of this environment."""
        return f"{self.project}-{self.environment}"

    def check(self) -> "Options":
        """Return itself, or raise InputError naming the first option that cannot work."""
        if self.environment not in ENVIRONMENTS:
            raise InputError(f"--env {self.environment!r}: must be one of {', '.join(ENVIRONMENTS)}.")
        if self.algorithm not in ALGORITHMS:
            raise InputError(f"--algorithm {self.algorithm!r}: must be one of {', '.join(ALGORITHMS)}.")
        for name, value, most in (
            ("--max-trials", self.max_trials, _MOST_TRIALS),
            ("--parallel-trials", self.parallel_trials, _MOST_PARALLEL),
        ):
            if value is not None and not 1 <= value <= most:
                raise InputError(f"{name} {value}: must be between 1 and {most}.")
        if self.max_trials and self.parallel_trials and self.parallel_trials > self.max_trials:
            raise InputError(
                f"--parallel-trials {self.parallel_trials}: cannot exceed --max-trials ({self.max_trials})."
            )
        if not Path(self.data).exists():
            raise InputError(f"--data {self.data}: there is no such file or folder.")
        return self


@dataclass(frozen=True)
class RetrainResult:
    """The outcome of a retraining.

    status: Promoted | Superseded | AwaitingApproval | Rejected | Failed | Stopped | Running (not followed, or
        detached).
    data: what the check of the data found (rows, frauds, first, last, split_rows …).
    evaluation: the run's evaluation.json, {} where the run did not get so far.
    durations: seconds by step id (see ``steps.STEPS``), of the steps that ran.
    trials: one dictionary a trial: name, status, hyperparameters, objective, best, started, seconds, reason.
    """

    status: str
    run_id: str
    execution_arn: str
    dataset_id: str = ""
    data: dict = field(default_factory=dict)
    evaluation: dict = field(default_factory=dict)
    model_package_arn: str | None = None
    durations: dict[str, float] = field(default_factory=dict)
    trials: list[dict] = field(default_factory=list)
    error: str | None = None
    cause: str | None = None
    logs: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The command's exit code for this outcome."""
        if self.status in ("Promoted", "Superseded", "AwaitingApproval", "Running"):
            return EXIT_OK
        return EXIT_REJECTED if self.status == "Rejected" else EXIT_FAILED
