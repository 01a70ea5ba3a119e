"""Quality of multiclass classifiers and regressions by Model Monitor's names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fraud.monitoring.quality_binary import f_score

_BETAS = {"weighted_f0_5": 0.5, "weighted_f1": 1.0, "weighted_f2": 2.0}


def multiclass_values(labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Return accuracy and metrics weighted by the classes' shares, for class names of shape (n,).

    The constant classifier says the last class in the order of names, which is what AWS's published output shows.
    """
    constant = np.full(len(labels), max(set(labels.tolist())))
    plain, fixed = _weighted(labels, predictions), _weighted(labels, constant)
    return plain | {f"{name}_best_constant_classifier": value for name, value in fixed.items()}


def multiclass_matrix(labels: Sequence[str], predictions: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return counts by label, then by prediction, of every class that occurs in either."""
    names = sorted({*labels, *predictions})
    matrix = {label: dict.fromkeys(names, 0) for label in names}
    for label, said in zip(labels, predictions, strict=True):
        matrix[label][said] += 1
    return matrix


def regression_values(labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Return mae, mse, rmse and r2 (NaN where labels do not vary) for numbers of shape (n,)."""
    error = predictions - labels
    squared = float(np.mean(error**2))
    spread = float(np.mean((labels - labels.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(error))),
        "mse": squared,
        "rmse": float(np.sqrt(squared)),
        "r2": 1 - squared / spread if spread else float("nan"),
    }


def _weighted(labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    classes, counts = np.unique(labels, return_counts=True)
    weights = counts / len(labels)
    hits = np.array([np.sum((labels == name) & (predictions == name)) for name in classes], dtype=np.float64)
    said = np.array([np.sum(predictions == name) for name in classes], dtype=np.float64)
    recall = hits / counts
    precision = np.divide(hits, said, out=np.zeros_like(hits), where=said > 0)
    metrics = {
        "accuracy": float(np.mean(labels == predictions)),
        "weighted_recall": float(weights @ recall),
        "weighted_precision": float(weights @ precision),
    }
    for name, beta in _BETAS.items():
        scores = [f_score(beta, p, r) for p, r in zip(precision.tolist(), recall.tolist(), strict=True)]
        metrics[name] = float(weights @ np.array(scores))
    return metrics
