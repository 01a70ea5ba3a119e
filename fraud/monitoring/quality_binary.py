"""Quality of a binary classifier by the names of Model Monitor's binary_classification_metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fraud.models.ranking import average_precision, cumulative_counts, roc_auc

CONSTANT = ("recall", "precision", "accuracy", "f0_5", "f1", "f2")
MOST_POINTS = 500


def values(labels: np.ndarray, predictions: np.ndarray, probabilities: np.ndarray | None) -> dict[str, float]:
    """Return every metric that is one number, for booleans of shape (n,) and probabilities, where there are any.

    A metric that is not defined (auc of one class alone) is NaN.
    """
    positives, rows = int(labels.sum()), len(labels)
    hits, alerts = int((labels & predictions).sum()), int(predictions.sum())
    found = rates(hits, alerts - hits, positives - hits, rows - positives - alerts + hits)
    if probabilities is not None:
        found["auc"] = roc_auc(labels, probabilities)
        found["au_prc"] = precision_recall_area(labels, probabilities)
        found["average_precision"] = average_precision(labels, probabilities)
    return found | best_constant_classifier(positives, rows, alerts)


def best_constant_classifier(positives: float, rows: float, alerts: float) -> dict[str, float]:
    """Return the metrics of saying always the same. "Best" is AWS's word: it says what the model says most often."""
    if 2 * alerts > rows:
        found = rates(positives, rows - positives, 0, 0)
    else:
        found = rates(0, 0, positives, rows - positives)
    return {f"{name}_best_constant_classifier": found[name] for name in CONSTANT}


def rates(true_positive: float, false_positive: float, false_negative: float, true_negative: float) -> dict[str, float]:
    """Return the metrics that follow from a confusion matrix; a share of nothing is 0, a rate of nothing NaN.

    The complements are taken as AWS takes them, which shows in the last digit.
    """
    positives, negatives = true_positive + false_negative, false_positive + true_negative
    recall = _ratio(true_positive, positives)
    found = recall if positives else float("nan")
    passed = false_positive / negatives if negatives else float("nan")
    precision = _ratio(true_positive, true_positive + false_positive)
    return {
        "recall": recall,
        "precision": precision,
        "accuracy": _ratio(true_positive + true_negative, positives + negatives),
        "true_positive_rate": found,
        "true_negative_rate": 1 - passed,
        "false_positive_rate": passed,
        "false_negative_rate": 1 - found,
        "f0_5": f_score(0.5, precision, recall),
        "f1": f_score(1.0, precision, recall),
        "f2": f_score(2.0, precision, recall),
    }


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray) -> dict[str, dict[str, int]]:
    """Return counts by label, then by prediction."""
    return {
        str(int(label)): {str(int(said)): int(((labels == label) & (predictions == said)).sum()) for said in (0, 1)}
        for label in (0, 1)
    }


def curves(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Return the ROC and precision–recall curves, of at most MOST_POINTS points."""
    _, positives, negatives = cumulative_counts(labels, probabilities)
    if len(positives) > MOST_POINTS:
        keep = np.unique(np.linspace(0, len(positives) - 1, MOST_POINTS).round().astype(int))
        positives, negatives = positives[keep], negatives[keep]
    recalls = _share(positives, labels.sum())
    precisions = positives / np.maximum(positives + negatives, 1)
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": [0.0, *_share(negatives, (~labels).sum()).tolist()],
            "true_positive_rates": [0.0, *recalls.tolist()],
        },
        "precision_recall_curve": {
            # The curve starts, as Spark's does, with the precision of the highest score.
            "precisions": [float(precisions[0]), *precisions.tolist()],
            "recalls": [0.0, *recalls.tolist()],
        },
    }


def precision_recall_area(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the area under the precision–recall curve by trapezoids, AWS's au_prc; NaN without a positive."""
    _, positives, negatives = cumulative_counts(labels, probabilities)
    if not labels.any():
        return float("nan")
    recalls, precisions = positives / labels.sum(), positives / (positives + negatives)
    heights = (precisions + np.r_[precisions[0], precisions[:-1]]) / 2
    return float(np.sum(np.diff(recalls, prepend=0.0) * heights))


def fraud_metrics(
    labels: np.ndarray, predictions: np.ndarray, probabilities: np.ndarray | None, amounts: np.ndarray | None
) -> dict[str, float]:
    """Return what a fraud team asks beyond AWS's metrics: rates of fraud and alerts, calibration and money.

    Money counts the events whose amount is known, in the amounts' own currency.
    """
    found = {"fraud_rate": float(labels.mean()), "alert_rate": float(predictions.mean())}
    if probabilities is not None:
        found |= {
            "mean_probability": float(probabilities.mean()),
            "brier_score": float(np.mean((probabilities - labels) ** 2)),
        }
    if amounts is not None and np.isfinite(amounts).any():
        known = np.nan_to_num(amounts, nan=0.0)
        lost = float(known[labels].sum())
        caught = float(known[labels & predictions].sum())
        found |= {
            "fraud_amount": lost,
            "caught_amount": caught,
            "missed_amount": lost - caught,
            "false_alarm_amount": float(known[~labels & predictions].sum()),
            "value_recall": _ratio(caught, lost),
        }
    return found


def f_score(beta: float, precision: float, recall: float) -> float:
    """The weighted harmonic mean of precision and recall; 0 where both are 0."""
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that are numbers."""
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _share(counts: np.ndarray, whole: Any) -> np.ndarray:
    return counts / whole if whole else np.zeros(len(counts))
