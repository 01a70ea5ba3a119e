"""Ranking metrics in numpy, shared by training and evaluation. Ties are treated as one threshold."""

from __future__ import annotations

import numpy as np


def cumulative_counts(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frauds and genuine rows at or above each distinct score, scores descending.

    Returns (thresholds, frauds, genuine), each of shape (distinct scores,).
    """
    labels = np.asarray(labels)
    scores = np.asarray(scores)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True]) if len(ranked) else np.array([], dtype=int)
    frauds = np.cumsum(labels[order] == 1, dtype=np.float64)[ends]
    return ranked[ends], frauds, ends + 1.0 - frauds


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall steps, as scikit-learn's; NaN without frauds."""
    _, frauds, genuine = cumulative_counts(labels, scores)
    if not len(frauds) or frauds[-1] == 0:
        return float("nan")
    steps = np.diff(frauds, prepend=0.0)
    return float(np.sum(steps * frauds / (frauds + genuine)) / frauds[-1])


def roc_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, as scikit-learn's; NaN with one class only."""
    _, frauds, genuine = cumulative_counts(labels, scores)
    if not len(frauds) or frauds[-1] == 0 or genuine[-1] == 0:
        return float("nan")
    steps = np.diff(genuine, prepend=0.0)
    middle = (frauds + np.r_[0.0, frauds[:-1]]) / 2
    return float(np.sum(steps * middle) / (frauds[-1] * genuine[-1]))
