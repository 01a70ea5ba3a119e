"""Compares a data set with the constraints and statistics of a baseline.

The check types are Model Monitor's, and `non_negative_check`, which its documentation does not name. The texts of
data type and drift checks are as seen from AWS; the other texts are this project's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fraud.monitoring.constraints import DEFAULT_CONFIG
from fraud.monitoring.distribution import categorical_distance, numeric_distance, robust, weighted_points
from fraud.monitoring.profile import ColumnProfile, Profile

Drift = dict[str, float]


class BaselineError(ValueError):
    """A baseline file is malformed or asks for what is not supported; the message names the field."""


def find_violations(
    current: Profile, constraints: Mapping[str, Any], statistics: Mapping[str, Any] | None
) -> tuple[list[dict[str, str]], Drift]:
    """Return (violations, distance of each feature from the baseline).

    Without `statistics` no drift is computed. A data set without rows has no violations: there is nothing that
    could be wrong with it.
    """
    config = {**DEFAULT_CONFIG, **constraints.get("monitoring_config", {})}
    features = _by_name(constraints, "constraints")
    baseline = _by_name(statistics or {"features": []}, "statistics")
    columns = {column.name: column for column in current.columns}
    violations: list[dict[str, str]] = []
    drift: Drift = {}
    if current.rows == 0 or config["evaluate_constraints"] != "Enabled":
        return violations, drift
    for name in features:
        if name not in columns:
            text = "The column is in the baseline constraints but not in the data."
            violations.append(_violation(name, "missing_column_check", text))
    for name, column in columns.items():
        if name not in features:
            text = "The column is in the data but not in the baseline constraints."
            violations.append(_violation(name, "extra_column_check", text))
            continue
        rules = _merged(config, features[name].get("monitoringConfigOverrides", {}))
        violations += (_violation(name, kind, text) for kind, text in _checks(column, features[name], rules))
        distance = _drift(column, baseline.get(name), rules["distribution_constraints"])
        if distance is None:
            continue
        drift[name], threshold = distance
        if drift[name] > threshold:
            text = f"Baseline drift distance: {drift[name]} exceeds threshold: {threshold}"
            violations.append(_violation(name, "baseline_drift_check", text))
    return violations, drift


def _checks(column: ColumnProfile, feature: Mapping[str, Any], rules: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    expected = feature.get("inferred_type", "Unknown")
    match = _type_match(column, expected)
    wanted = rules["datatype_check_threshold"]
    if match is not None and match < wanted:
        yield (
            "data_type_check",
            "Data type match requirement is not met. "
            f"Expected data type: {expected}, Expected match: {wanted * 100}%. "
            f"Observed: Only {match * 100}% of data is {expected}.",
        )
    completeness = feature.get("completeness")
    if completeness is not None and column.completeness < completeness:
        yield (
            "completeness_check",
            "Data completeness requirement is not met. "
            f"Expected completeness: {completeness * 100}%. Observed: Only {column.completeness * 100}%.",
        )
    non_negative = (feature.get("num_constraints") or {}).get("is_non_negative", False)
    if non_negative and len(column.ordered) and column.ordered[0] < 0:
        share = float((column.ordered < 0).mean())
        yield (
            "non_negative_check",
            f"Values must not be negative. Observed: {share * 100}% of numbers are below zero.",
        )
    domains = (feature.get("string_constraints") or {}).get("domains")
    if domains and column.categories is not None and column.present:
        known = sum(column.categories.get(value, 0) for value in domains) / column.present
        if known < rules["domain_content_threshold"]:
            yield (
                "categorical_values_check",
                f"Expected {rules['domain_content_threshold'] * 100}% of values to be among the baseline's "
                f"{len(domains)} values. Observed: Only {known * 100}%.",
            )


def _type_match(column: ColumnProfile, expected: str) -> float | None:
    """Share of present values of the expected type; a whole number is a fractional one too."""
    if not column.present or expected not in ("Integral", "Fractional"):
        return None
    fitting = column.kinds["Integral"] + (column.kinds["Fractional"] if expected == "Fractional" else 0)
    return fitting / column.present


def _drift(
    column: ColumnProfile, baseline: Mapping[str, Any] | None, rules: Mapping[str, Any]
) -> tuple[float, float] | None:
    """Return (distance, threshold), or None where the two cannot be compared."""
    if baseline is None or rules["perform_comparison"] != "Enabled":
        return None
    if rules["comparison_method"] not in ("Robust", "Simple"):
        raise BaselineError(f"comparison_method {rules['comparison_method']!r}: Robust or Simple is supported")
    numeric = baseline.get("numerical_statistics")
    textual = baseline.get("string_statistics", {}).get("distribution", {}).get("categorical")
    if numeric is not None and len(column.ordered):
        points = weighted_points(numeric["distribution"]["kll"]["sketch"]["data"])
        distance = numeric_distance(points, column.ordered)
        before, now = int(points[1].sum()), len(column.ordered)
        threshold = rules["comparison_threshold"]
    elif textual is not None and column.categories:
        if rules["categorical_drift_method"] != "LInfinity":
            method = rules["categorical_drift_method"]
            raise BaselineError(f"categorical_drift_method {method!r}: LInfinity is supported")
        counts = {bucket["value"]: bucket["count"] for bucket in textual["buckets"]}
        distance = categorical_distance(counts, column.categories)
        before, now = int(sum(counts.values())), column.present
        threshold = rules["categorical_comparison_threshold"]
    else:
        return None
    if rules["comparison_method"] == "Robust":
        distance = robust(distance, before, now)
    return distance, threshold


def _by_name(document: Mapping[str, Any], what: str) -> dict[str, Mapping[str, Any]]:
    try:
        return {feature["name"]: feature for feature in document["features"]}
    except (KeyError, TypeError):
        raise BaselineError(f"baseline {what}: a list 'features' of objects with a name is expected") from None


def _merged(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    distribution = {
        **DEFAULT_CONFIG["distribution_constraints"],
        **config.get("distribution_constraints", {}),
        **overrides.get("distribution_constraints", {}),
    }
    return {**config, **overrides, "distribution_constraints": distribution}


def _violation(name: str, kind: str, text: str) -> dict[str, str]:
    return {"feature_name": name, "constraint_check_type": kind, "description": text}
