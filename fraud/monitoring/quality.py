"""Model quality in Model Monitor's documents: statistics, suggested constraints, violations.

Standard deviations are Model Monitor's: five samples of 80 % of the rows, where there are at least 200. Which rows a
sample takes is this project's choice (a fixed seed), so deviations are like AWS's, not equal to them.

AWS's documentation writes "NaN" for what has no value; its container of 2025 and 2026 writes null, and so does this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from fraud.monitoring.java_numbers import java

SAMPLES, SHARE, FEWEST_ROWS = 5, 0.8, 200
LESS, GREATER = "LessThanThreshold", "GreaterThanThreshold"
KEYS = {
    "BinaryClassification": "binary_classification",
    "MulticlassClassification": "multiclass_classification",
    "Regression": "regression",
}
_WORSE_WHEN_GREATER = frozenset({"false_positive_rate", "false_negative_rate", "mae", "mse", "rmse"})
_CONSTRAINED = {
    "BinaryClassification": (
        *("recall", "precision", "accuracy", "true_positive_rate", "true_negative_rate", "false_positive_rate"),
        *("false_negative_rate", "auc", "f0_5", "f1", "f2"),
    ),
    "MulticlassClassification": (
        *("accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2"),
    ),
    "Regression": ("mae", "mse", "rmse", "r2"),
}
Values = Callable[[np.ndarray], Mapping[str, float]]
"""Computes metrics of the rows at the indices that it is given."""


def with_deviations(values: Values, rows: int, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return {metric: {"value", "standard_deviation"}} of all rows; None where there is none."""
    found = values(np.arange(rows))
    deviations: dict[str, float] = {}
    if rows >= FEWEST_ROWS:
        draw = np.random.default_rng(seed)
        samples = [values(draw.choice(rows, round(rows * SHARE), replace=False)) for _ in range(SAMPLES)]
        deviations = {name: float(np.std([sample[name] for sample in samples], ddof=1)) for name in found}
    return {
        name: {"value": _number(value), "standard_deviation": _number(deviations.get(name, math.nan))}
        for name, value in found.items()
    }


def suggest_quality_constraints(problem: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return constraints.json: no metric may become worse than the baseline's."""
    suggested = {}
    for name in _CONSTRAINED[problem]:
        value = metrics.get(name, {}).get("value")
        if value is not None:
            operator = GREATER if name in _WORSE_WHEN_GREATER else LESS
            suggested[name] = {"threshold": value, "comparison_operator": operator}
    return {"version": 0.0, f"{KEYS[problem]}_constraints": suggested}


def quality_violations(metrics: Mapping[str, Any], constraints: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return AWS's violations for metrics of `with_deviations` and a document's inner constraints.

    A metric without a value (auc of one class alone) is not compared. ValueError names a constraint that is malformed.
    """
    found = []
    for name, rule in constraints.items():
        try:
            threshold, operator = float(rule["threshold"]), rule["comparison_operator"]
        except (TypeError, KeyError, ValueError):
            raise ValueError(
                f"baseline constraints: {name} needs a threshold, a number, and a comparison_operator"
            ) from None
        if operator not in (LESS, GREATER):
            raise ValueError(f"baseline constraints: {name}.comparison_operator is neither {LESS} nor {GREATER}")
        metric = metrics.get(name)
        if metric is None or metric["value"] is None:
            continue
        value, deviation = metric["value"], metric["standard_deviation"]
        if value < threshold if operator == LESS else value > threshold:
            named = violation_name(name)
            spread = "" if deviation is None else f" +/- {java(deviation)}"
            text = f"Metric {named} with {java(value)}{spread} was {operator} '{java(threshold)}'"
            found.append({"constraint_check_type": operator, "description": text, "metric_name": named})
    return found


def quality_lines(
    metrics: Mapping[str, float], violations: int, dimensions: Mapping[str, str], timestamp: str
) -> Iterable[dict[str, Any]]:
    """Return one metric a line for CloudWatch, the number of violations last; what has no value is left out."""
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return [
        {"MetricName": name, "Timestamp": timestamp, "Dimensions": named, "Value": value}
        for name, value in {**finite(metrics), "total_number_of_violations": float(violations)}.items()
    ]


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that have a value."""
    return {name: value for name, value in metrics.items() if isinstance(value, (int, float)) and math.isfinite(value)}


def violation_name(name: str) -> str:
    """truePositiveRate, as AWS's violations have it; f0_5 stays, because AWS never reports it."""
    head, *rest = name.split("_")
    return name if rest and rest[0][0].isdigit() else head + "".join(word.capitalize() for word in rest)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
