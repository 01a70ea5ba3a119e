"""How far a column is from its baseline, by the methods that a baseline's monitoring_config names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from fraud.monitoring.distribution import (
    Points,
    categorical_distance,
    chi_squared_p_value,
    each_value_once,
    numeric_distance,
    robust,
    weighted_points,
)
from fraud.monitoring.errors import BaselineError
from fraud.monitoring.java_numbers import java
from fraud.monitoring.profile import ColumnProfile


class Drift(NamedTuple):
    """A distance in [0, 1], the threshold it may not exceed, and both in Model Monitor's words."""

    distance: float
    threshold: float
    text: str


def drift_of(column: ColumnProfile, baseline: Mapping[str, Any] | None, rules: Mapping[str, Any]) -> Drift | None:
    """Compare a column with its entry in the baseline's statistics; None where the two cannot be compared.

    Raises BaselineError for a method that does not exist.
    """
    if baseline is None or rules["perform_comparison"] != "Enabled":
        return None
    for setting, known in (
        ("comparison_method", ("Robust", "Simple")),
        ("categorical_drift_method", ("LInfinity", "ChiSquared")),
    ):
        if rules[setting] not in known:
            raise BaselineError(f"{setting} {rules[setting]!r}: {' or '.join(known)} is expected")
    sketch = _entry(baseline, "numerical_statistics", "kll").get("sketch", {}).get("data") or []
    counts = {
        bucket["value"]: bucket["count"]
        for bucket in _entry(baseline, "string_statistics", "categorical").get("buckets", [])
    }
    if column.numbers and any(sketch):
        distance = _numeric(weighted_points(sketch), column.sketch.points(), rules["comparison_method"])
        return _drift(distance, float(rules["comparison_threshold"]))
    if column.categories and sum(counts.values()):
        threshold = float(rules["categorical_comparison_threshold"])
        if rules["categorical_drift_method"] == "ChiSquared":
            return _chi_squared(counts, column.categories, threshold)
        distance = categorical_distance(counts, column.categories)
        sizes = int(sum(counts.values())), sum(column.categories.values())
        if rules["comparison_method"] == "Robust":
            distance = robust(distance, *sizes)
        return _drift(distance, threshold)
    return None


def _numeric(before: Points, now: Points, method: str) -> float:
    """AWS's distance, and no more than what the counts of equal values bear out.

    AWS's forgets how often a value occurs: it is blind to columns of few values (those are left to the population
    stability index) and calls small windows of many whole numbers drift, which they are not by their counts.
    """
    distances = []
    for first, second in ((each_value_once(before), each_value_once(now)), (before, now)):
        distance = numeric_distance(first, second)
        if method == "Robust":
            distance = robust(distance, int(first[1].sum()), int(second[1].sum()))
        distances.append(distance)
    return min(distances)


def _drift(distance: float, threshold: float) -> Drift:
    return Drift(distance, threshold, f"Baseline drift distance: {java(distance)} exceeds threshold: {java(threshold)}")


def _chi_squared(baseline: Mapping[str, float], current: Mapping[str, int], threshold: float) -> Drift | None:
    """Drift where the p-value is below the threshold; as a distance, one less both."""
    p_value = chi_squared_p_value(baseline, current)
    if math.isnan(p_value):
        return None
    distance, limit = 1.0 - p_value, 1.0 - threshold
    text = f"Baseline drift distance: {java(distance)} exceeds threshold: {java(limit)}"
    return Drift(distance, limit, f"Chi-squared p-value: {java(p_value)}. {text}")


def _entry(feature: Mapping[str, Any], statistics: str, kind: str) -> Mapping[str, Any]:
    return ((feature.get(statistics) or {}).get("distribution") or {}).get(kind) or {}
