"""Logistic regression on standardised features, missing values replaced by the training mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fraud.models.base import OBJECTIVE, Report, Split
from fraud.models.hyperparameters import Parameter
from fraud.models.ranking import average_precision

MODEL_FILE = "logistic_regression.json"


class LogisticRegressionModel:
    """Coefficients, of shape (features,), on features centred by `mean` and divided by `scale`."""

    algorithm = "logistic-regression"

    def __init__(self, mean: np.ndarray, scale: np.ndarray, coefficients: np.ndarray, intercept: float) -> None:
        self.mean = mean
        self.scale = scale
        self.coefficients = coefficients
        self.intercept = intercept

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Score features of shape (rows, features); return float64 scores in [0, 1]."""
        # Not as a matrix product, whose last bits depend on how many rows are scored together.
        logits = self.contributions(features).sum(axis=1) + self.intercept
        # Evaluated on the side that cannot overflow.
        small = np.exp(-np.abs(logits))
        return np.where(logits >= 0, 1.0, small) / (1.0 + small)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return each coefficient times its feature's distance from the training mean, of shape (rows, features)."""
        return standardise(features, self.mean, self.scale) * self.coefficients

    def takes(self, features: int) -> bool:
        """Return whether rows of so many features can be what it was trained on."""
        return self.mean.shape == self.scale.shape == self.coefficients.shape == (features,)

    def save(self, folder: Path) -> None:
        """Write the coefficients as JSON."""
        body = {
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
        }
        (folder / MODEL_FILE).write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> LogisticRegressionModel:
        """Read what `save` wrote."""
        body = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
        arrays = (np.array(body[key], dtype=np.float64) for key in ("mean", "scale", "coefficients"))
        return cls(*arrays, intercept=float(body["intercept"]))


class LogisticRegressionTrainer:
    """Fits by L-BFGS with an L2 penalty."""

    algorithm = "logistic-regression"
    parameters = (
        Parameter("lambda", float, 1.0, 1e-6, 1e6, "strength of the L2 penalty"),
        Parameter("scale_pos_weight", float, 1.0, 0.01, 1e5, "weight of a fraud against a genuine row"),
        Parameter("max_iter", int, 1000, 10, 100_000, "most iterations of the solver"),
    )

    def fit(
        self,
        train: Split,
        validation: Split,
        hyperparameters: Mapping[str, Any],
        report: Report,
        threads: int = 1,
    ) -> LogisticRegressionModel:
        """Train; see `Trainer.fit`. The solver is deterministic and uses one thread."""
        from sklearn.linear_model import LogisticRegression

        train.require_both_classes("train")
        values = train.features.astype(np.float64)
        present = np.isfinite(values)
        counts = np.maximum(present.sum(axis=0), 1)
        mean = np.where(present, values, 0.0).sum(axis=0) / counts
        spread = np.sqrt(np.where(present, (values - mean) ** 2, 0.0).sum(axis=0) / counts)
        # A constant feature carries nothing: any scale but zero will do.
        scale = np.where(spread > 0, spread, 1.0)
        solver = LogisticRegression(
            C=1 / hyperparameters["lambda"],
            class_weight={0: 1.0, 1: hyperparameters["scale_pos_weight"]},
            max_iter=hyperparameters["max_iter"],
        )
        solver.fit(standardise(values, mean, scale), train.labels)
        model = LogisticRegressionModel(mean, scale, solver.coef_[0], float(solver.intercept_[0]))
        value = average_precision(validation.labels, model.predict_proba(validation.features))
        report(int(solver.n_iter_[0]), {OBJECTIVE: value})
        return model


def standardise(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Centre and scale features; a missing value becomes 0, the mean."""
    values = (np.ascontiguousarray(features, dtype=np.float64) - mean) / scale
    return np.nan_to_num(values, nan=0.0, copy=False)


TRAINER = LogisticRegressionTrainer()
MODEL = LogisticRegressionModel
