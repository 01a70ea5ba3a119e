"""Curves for pictures, thinned to at most 500 points."""

from __future__ import annotations

from typing import Any

import numpy as np

from fraud.evaluation.holdout import HoldOut
from fraud.evaluation.metrics import reliability_edges
from fraud.models.ranking import cumulative_counts

MOST_POINTS = 500
_SCORE_EDGES = np.r_[0.0, np.geomspace(1e-5, 1.0, 51)]


def curves(holdout: HoldOut, scores: np.ndarray) -> dict[str, Any]:
    """Return precision–recall and ROC curves, the histogram of scores by class and the reliability diagram.

    The histogram's edges grow geometrically: nearly all rows score close to zero.
    """
    thresholds, frauds, genuine = cumulative_counts(holdout.labels, scores)
    keep = _thin(len(thresholds))
    recall = _share(frauds, holdout.frauds)
    passed = _share(genuine, holdout.rows - holdout.frauds)
    clipped = np.clip(scores, 0.0, 1.0)
    return {
        "precision_recall": precision_recall(holdout.labels, scores),
        "roc": {
            "false_positive_rate": [0.0, *_numbers(passed[keep])],
            "true_positive_rate": [0.0, *_numbers(recall[keep])],
        },
        "scores": {
            "edges": _numbers(_SCORE_EDGES),
            "genuine": np.histogram(clipped[~holdout.labels], _SCORE_EDGES)[0].tolist(),
            "fraud": np.histogram(clipped[holdout.labels], _SCORE_EDGES)[0].tolist(),
        },
        "reliability": reliability(holdout, scores),
    }


def precision_recall(labels: np.ndarray, scores: np.ndarray) -> dict[str, list[float]]:
    """Recall and precision at each threshold, from the highest on, for bool labels and scores of shape (rows,)."""
    thresholds, frauds, genuine = cumulative_counts(labels, scores)
    keep = _thin(len(thresholds))
    precision = frauds / np.maximum(frauds + genuine, 1)
    return {
        "recall": _numbers(_share(frauds, int(np.sum(labels)))[keep]),
        "precision": _numbers(precision[keep]),
        "threshold": _numbers(thresholds[keep]),
    }


def reliability(holdout: HoldOut, scores: np.ndarray) -> list[dict[str, float]]:
    """Bins with equally many rows: mean probability against the true share of frauds."""
    place = np.searchsorted(reliability_edges(scores), scores, side="right")
    bins = []
    for number in np.unique(place):
        inside = place == number
        bins.append(
            {
                "mean_probability": float(scores[inside].mean()),
                "fraud_share": float(holdout.labels[inside].mean()),
                "rows": int(inside.sum()),
            }
        )
    return bins


def _thin(size: int) -> np.ndarray:
    """Positions to keep: half evenly spread, half crowded at the highest scores, where fraud is decided."""
    if size <= MOST_POINTS:
        return np.arange(size)
    half = (MOST_POINTS - 2) // 2
    crowded = np.geomspace(1, size, half).round().astype(int) - 1
    return np.unique(np.r_[0, crowded, np.linspace(0, size - 1, half).round().astype(int), size - 1])


def _share(counts: np.ndarray, total: int) -> np.ndarray:
    return counts / total if total else np.full(len(counts), np.nan)


def _numbers(values: np.ndarray) -> list[float]:
    # Six significant digits are more than a picture shows.
    return [float(f"{value:.6g}") for value in values]
