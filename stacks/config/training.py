"""The retraining run: its jobs, the search for hyperparameters, the gate and the approval."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stacks.config.algorithms import ALGORITHMS, AlgorithmConfig
from stacks.config.base import Days, Frozen, InstanceType

AlgorithmName = Literal["xgboost", "random-forest", "logistic-regression"]


class JobConfig(Frozen):
    """The machine that a kind of job runs on."""

    instance_type: InstanceType = Field("ml.m5.xlarge", description="SageMaker instance type.")
    volume_gib: int = Field(30, ge=1, le=16384, description="Size of the encrypted working volume, in GiB.")
    max_runtime_seconds: int = Field(
        3600, ge=60, le=86400, description="The job is stopped after this time, in seconds."
    )


class SplitConfig(Frozen):
    """The split by time, used where the event type does not state its own."""

    train_days: Days = Field(28, description="Length of the training window, in days.")
    validation_days: Days = Field(7, description="Length of the validation window, in days.")
    test_days: Days = Field(7, description="Length of the hold-out window, in days.")


class GateConfig(Frozen):
    """What a candidate has to reach before it is registered."""

    metric: str = Field(
        "average_precision",
        pattern=r"^(average_precision|auc|card_precision_at_100|recall_at_\d+_alerts)$",
        description="The metric on the hold-out that decides: average_precision, auc, card_precision_at_100, or "
        "recall_at_N_alerts with N among review_budgets.",
    )
    margin: float = Field(
        0.01, ge=0, le=1, description="How much worse than the champion a candidate may be (absolute)."
    )
    floor: float = Field(0.2, ge=0, le=1, description="The least value of the metric, champion or not.")
    bootstrap_samples: int = Field(200, ge=20, le=10000, description="Resamples behind the metrics' intervals.")
    review_budgets: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (50, 100, 200), min_length=1, description="Reviews a day at which recall is reported."
    )

    @model_validator(mode="after")
    def _metric_is_computed(self) -> GateConfig:
        if self.metric.startswith("recall_at_") and int(self.metric.split("_")[2]) not in self.review_budgets:
            raise ValueError(f"metric {self.metric} needs its number among review_budgets {self.review_budgets}")
        return self


class TrainingConfig(Frozen):
    """Retraining."""

    processing: JobConfig = Field(JobConfig(), description="Machine of the prepare and evaluate jobs.")
    trial: JobConfig = Field(JobConfig(), description="Machine of each trial (a training job).")
    trial_image: str | None = Field(
        None,
        pattern=r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.[a-z0-9.]+/[a-z0-9._/-]+[:@][A-Za-z0-9._:-]+$",
        description="Image of the trials; null is AWS's XGBoost image of the region. SageMaker takes that image for "
        "its built-in algorithm and tunes only that one's metrics and hyperparameters; a copy of it in a "
        "registry of your own is tuned like any container.",
    )
    strategy: Literal["Bayesian", "Random", "Hyperband", "Grid"] = Field(
        "Bayesian", description="How the next hyperparameters are proposed."
    )
    early_stopping: Literal["Auto", "Off"] = Field("Auto", description="Stop trials that will not win.")
    max_trials: int = Field(12, ge=1, le=750, description="Trials of a run that does not say `maxTrials` itself.")
    parallel_trials: int = Field(
        2, ge=1, le=100, description="Trials at a time of a run that does not say `parallelTrials` itself."
    )
    random_seed: int = Field(20180401, ge=0, le=4294967295, description="Seed of the proposals.")
    max_run_seconds: int = Field(
        43200, ge=600, le=2592000, description="A whole run is ended after this time, in seconds."
    )
    poll_seconds: int = Field(
        10, ge=1, le=300, description="Pause between two looks at a stack that is being updated, in seconds."
    )
    split: SplitConfig = Field(SplitConfig(), description="Split by time.")
    gate: GateConfig = Field(GateConfig(), description="Gate between evaluation and registration.")
    approval: Literal["automatic", "manual"] = Field(
        "manual",
        description="automatic: a model that passes the gate is promoted; manual: once it is approved in the registry.",
    )
    algorithms: dict[AlgorithmName, AlgorithmConfig] = Field(
        ALGORITHMS,
        min_length=1,
        description="Algorithms that may be trained, each with its fixed and its searched hyperparameters.",
    )

    @model_validator(mode="after")
    def _parallel_within_trials(self) -> TrainingConfig:
        if self.parallel_trials > self.max_trials:
            raise ValueError(f"parallel_trials ({self.parallel_trials}) must not exceed max_trials ({self.max_trials})")
        return self
