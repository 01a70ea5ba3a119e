"""Feature attribution in Clarify's documents: global SHAP values, and how far their ranking is from a baseline's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from fraud.monitoring.java_numbers import java

VERSION = "1.0"
METHOD = "kernel_shap"
"""Clarify's name of the section. The values here are exact ones of the model's own trees, in log-odds."""
THRESHOLD = 0.9
AGGREGATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean_abs": lambda values: np.abs(values).mean(axis=0),
    "median": lambda values: np.median(values, axis=0),
    "mean_sq": lambda values: np.square(values).mean(axis=0),
}


def global_attribution(
    contributions: np.ndarray, names: list[str], expected: float, *, label: str = "label0", method: str = "mean_abs"
) -> dict[str, Any]:
    """Return analysis.json for contributions of shape (rows, features), rows > 0."""
    values = AGGREGATIONS[method](contributions)
    shap = {name: float(value) for name, value in zip(names, values, strict=True)}
    section = {label: {"global_shap_values": shap, "expected_value": float(expected)}}
    return {"version": VERSION, "explanations": {METHOD: section}}


def attributions(document: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return {label: {feature: global SHAP value}} of an analysis.json; ValueError where it is not Clarify's."""
    try:
        labels = document["explanations"][METHOD]
        return {
            label: {name: float(value) for name, value in body["global_shap_values"].items()}
            for label, body in labels.items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"explanations.{METHOD}.<label>.global_shap_values is not in the document ({error})") from None


def ndcg(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """Return the normalised discounted cumulative gain of the current ranking, the baseline's values being the gains.

    1 where features keep their order; the more important a feature was, the more it matters where it goes. A feature
    that is new gains nothing, one that is gone comes last. Ties share their gain, as in scikit-learn.
    """
    names = sorted({*baseline, *current})
    gains = np.array([abs(baseline.get(name, 0.0)) for name in names])
    ranking = np.array([abs(current[name]) if name in current else -1.0 for name in names])
    best = _gain(gains, gains)
    return _gain(gains, ranking) / best if best else 1.0


def attribution_violations(
    analysis: Mapping[str, Any], baseline: Mapping[str, Any], threshold: float = THRESHOLD
) -> tuple[list[dict[str, str]], dict[str, float]]:
    """Return (AWS's violations, nDCG by label) of the labels that both documents have."""
    before, scores, found = attributions(baseline), {}, []
    for label, values in attributions(analysis).items():
        if label not in before:
            continue
        scores[label] = ndcg(before[label], values)
        if scores[label] < threshold:
            text = f"Feature attribution drift {java(scores[label])} exceeds threshold {java(threshold)}"
            found.append(
                {
                    "label": label,
                    "metric_name": "shap",
                    "constraint_check_type": "feature_attribution_drift_check",
                    "description": text,
                }
            )
    if not scores:
        raise ValueError(f"baseline: its labels ({', '.join(before)}) are none of the analysis")
    return found, scores


def attribution_lines(
    analysis: Mapping[str, Any], scores: Mapping[str, float], dimensions: Mapping[str, str], timestamp: str
) -> Iterator[dict[str, Any]]:
    """Yield one metric a line for CloudWatch: Clarify's, and this project's feature_attribution_ndcg."""

    def line(name: str, value: float, **more: str) -> dict[str, Any]:
        named = [{"Name": key, "Value": text} for key, text in {**dimensions, **more}.items()]
        return {"MetricName": name, "Timestamp": timestamp, "Dimensions": named, "Value": value}

    for label, body in analysis["explanations"][METHOD].items():
        common = {"ExplainabilityMethod": "KernelShap", "Label": label}
        for name, value in body["global_shap_values"].items():
            yield line(f"feature_{name}", value, **common, ValueType="GlobalShapValues")
        yield line("ExpectedValue", body["expected_value"], **common, ValueType="ExpectedValue")
    if scores:
        yield line("feature_attribution_ndcg", min(scores.values()))


def _gain(gains: np.ndarray, ranking: np.ndarray) -> float:
    """Discounted gains in falling order of the ranking; the places of a tie share their gains evenly."""
    discounts = 1 / np.log2(np.arange(len(gains)) + 2)
    total = 0.0
    place = 0
    for value in np.unique(ranking)[::-1]:
        tied = ranking == value
        size = int(tied.sum())
        total += float(gains[tied].mean() * discounts[place : place + size].sum())
        place += size
    return total if math.isfinite(total) else 0.0
