"""Model quality in the format of SageMaker's ModelMetrics (binary_classification_metrics)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fraud.evaluation.curves import curves
from fraud.evaluation.holdout import HoldOut
from fraud.monitoring.quality_binary import best_constant_classifier, rates


def model_quality_statistics(
    holdout: HoldOut,
    scores: np.ndarray,
    threshold: float,
    metrics: Mapping[str, float],
    samples: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Return the document for scores of shape (rows,) and alerts at or above `threshold`.

    `metrics` and `samples` are the evaluator's values and redraws. Only auc has a standard deviation from
    redraws; where none is known the field is left out, as AWS does for small samples.
    """
    alerts = scores >= threshold
    true_positive = float(np.sum(alerts & holdout.labels))
    false_positive = float(np.sum(alerts & ~holdout.labels))
    false_negative = holdout.frauds - true_positive
    true_negative = holdout.rows - holdout.frauds - false_positive
    values = rates(true_positive, false_positive, false_negative, true_negative)
    constant = best_constant_classifier(holdout.frauds, holdout.rows, float(np.sum(alerts)))
    named = {name: {"value": value} for name, value in values.items()}
    named |= {name: {"value": value} for name, value in constant.items()}
    named["auc"] = {"value": metrics["auc"], "standard_deviation": _deviation(samples["auc"])}
    lines = curves(holdout, scores)
    return {
        "version": 0.0,
        "dataset": {
            "item_count": holdout.rows,
            "start_time": holdout.start,
            "end_time": holdout.end,
        },
        "binary_classification_metrics": {
            "confusion_matrix": {
                "0": {"0": int(true_negative), "1": int(false_positive)},
                "1": {"0": int(false_negative), "1": int(true_positive)},
            },
            **named,
            "receiver_operating_characteristic_curve": {
                "false_positive_rates": lines["roc"]["false_positive_rate"],
                "true_positive_rates": lines["roc"]["true_positive_rate"],
            },
            "precision_recall_curve": {
                "precisions": lines["precision_recall"]["precision"],
                "recalls": lines["precision_recall"]["recall"],
            },
        },
    }


def _deviation(samples: np.ndarray) -> float:
    samples = samples[np.isfinite(samples)]
    return float(samples.std(ddof=1)) if len(samples) > 1 else float("nan")
