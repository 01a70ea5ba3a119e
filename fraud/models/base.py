"""The interface every algorithm implements: `Trainer` learns, `Model` scores, saves and loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from fraud.models.hyperparameters import Parameter

OBJECTIVE = "validation:map"
"""Average precision on the validation split, by the name that SageMaker's XGBoost image publishes.

XGBoost calls it mean average precision; with all events in one group the two are the same. AWS's service lets that
image be tuned for its own metrics and hyperparameters only, which is also why all algorithms share their names.
"""

Report = Callable[[int, Mapping[str, float]], None]
"""Called with a round's number and metrics (such as {OBJECTIVE: 0.7}) during training."""


class TrainingError(ValueError):
    """The data or the settings do not allow training; the message says what to change."""


@dataclass(frozen=True)
class Split:
    """Rows to learn from.

    `features` is float32 of shape (rows, features), NaN where a value is missing; `labels` is int8 of shape
    (rows,), 1 for fraud.
    """

    features: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or len(self.features) != len(self.labels):
            raise TrainingError(
                f"features of shape {self.features.shape} do not fit {len(self.labels)} labels: "
                "a row of features for each label is needed"
            )

    def require_both_classes(self, name: str) -> None:
        """Raise TrainingError unless the split, called `name`, holds frauds and genuine rows."""
        frauds = int(np.sum(self.labels == 1))
        if frauds == 0 or frauds == len(self.labels):
            raise TrainingError(
                f"{name}: {len(self.labels)} rows hold {frauds} frauds, but frauds and genuine rows are both "
                "needed; choose a longer period or check the label column"
            )


class Model(Protocol):
    """A trained model."""

    algorithm: ClassVar[str]

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Score features of shape (rows, features); return float64 scores in [0, 1] of shape (rows,)."""
        ...

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return what each feature adds to each row's log-odds, float64 of shape (rows, features)."""
        ...

    def takes(self, features: int) -> bool:
        """Return whether rows of so many features can be what it was trained on."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model's own files into an existing folder; the same model gives the same bytes."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read what `save` wrote."""
        ...


class Trainer(Protocol):
    """An algorithm: its name, its parameters and how it learns."""

    algorithm: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]

    def fit(
        self,
        train: Split,
        validation: Split,
        hyperparameters: Mapping[str, Any],
        report: Report,
        threads: int = 1,
    ) -> Model:
        """Learn from `train`; `validation` serves early stopping and progress alone.

        `hyperparameters` are typed values from `fraud.models.parse`. The same inputs give the same model.
        """
        ...
