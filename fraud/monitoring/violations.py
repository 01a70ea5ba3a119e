"""Compares a data set with the constraints and statistics of a baseline.

The check types are Model Monitor's, and `non_negative_check`, which its documentation does not name. The texts of
data type, completeness, missing and extra columns and drift are as seen from AWS; the others are this project's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fraud.monitoring import kinds
from fraud.monitoring.constraints import DEFAULT_CONFIG
from fraud.monitoring.drift import Drift, drift_of
from fraud.monitoring.errors import BaselineError
from fraud.monitoring.java_numbers import java
from fraud.monitoring.profile import NULL_VALUE, ColumnProfile, Profile


def find_violations(
    current: Profile, constraints: Mapping[str, Any], statistics: Mapping[str, Any] | None
) -> tuple[list[dict[str, str]], dict[str, float]]:
    """Return (violations, distance of each feature from the baseline).

    Without `statistics` no drift is computed. A data set without rows has no violations: there is nothing that
    could be wrong with it.
    """
    config = {**DEFAULT_CONFIG, **constraints.get("monitoring_config", {})}
    features = _by_name(constraints, "constraints")
    baseline = _by_name(statistics or {"features": []}, "statistics")
    columns = {column.name: column for column in current.columns}
    violations: list[dict[str, str]] = []
    drift: dict[str, float] = {}
    if current.rows == 0 or config["evaluate_constraints"] != "Enabled":
        return violations, drift
    violations += _other_columns(features, columns)
    for name, column in columns.items():
        if name not in features:
            continue
        rules = _merged(config, _overrides(features[name]))
        if rules["evaluate_constraints"] != "Enabled":
            continue
        violations += (_violation(name, kind, text) for kind, text in _checks(column, features[name], rules))
        found: Drift | None = drift_of(column, baseline.get(name), rules["distribution_constraints"])
        if found is None:
            continue
        drift[name] = found.distance
        if found.distance > found.threshold:
            violations.append(_violation(name, "baseline_drift_check", found.text))
    return violations, drift


def differing_columns(names: Collection[str], constraints: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return (columns of the baseline that are not among `names`, names that the baseline does not know)."""
    known = _by_name(constraints, "constraints")
    return [name for name in known if name not in names], [name for name in names if name not in known]


def _other_columns(features: Collection[str], columns: Collection[str]) -> Iterator[dict[str, str]]:
    """AWS compares numbers of columns and names none; where the numbers are equal, other names are violations."""
    if len(columns) != len(features):
        what = "missing" if len(columns) < len(features) else "extra"
        text = (
            f"There are {what} columns in current dataset. Number of columns in current dataset: {len(columns)}, "
            f"Number of columns in baseline constraints: {len(features)}"
        )
        yield _violation(f"{what.capitalize()} columns", f"{what}_column_check", text)
    else:
        for name in (name for name in features if name not in columns):
            text = "The column is in the baseline constraints but not in the data."
            yield _violation(name, "missing_column_check", text)
        for name in (name for name in columns if name not in features):
            text = "The column is in the data but not in the baseline constraints."
            yield _violation(name, "extra_column_check", text)


def _checks(column: ColumnProfile, feature: Mapping[str, Any], rules: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    expected = feature.get("inferred_type", "Unknown")
    match = _type_match(column, expected)
    wanted = float(rules["datatype_check_threshold"])
    if match is not None and match < wanted:
        yield (
            "data_type_check",
            "Data type match requirement is not met. "
            f"Expected data type: {expected}, Expected match: {_percent(wanted)}. "
            f"Observed: Only {_percent(match)} of data is {expected}.",
        )
    completeness = feature.get("completeness")
    if completeness is not None and column.completeness < completeness:
        yield (
            "completeness_check",
            "Data completeness requirement is not met. "
            f"Expected: {_percent(completeness)}. Observed: Only {_percent(column.completeness)}.",
        )
    non_negative = (feature.get("num_constraints") or {}).get("is_non_negative", False)
    if non_negative and column.negative:
        yield (
            "non_negative_check",
            "Values must not be negative. "
            f"Observed: {_percent(column.negative / column.numbers)} of numbers are below zero.",
        )
    domains = (feature.get("string_constraints") or {}).get("domains")
    if domains and column.present and not column.is_numeric:
        yield from _domain_check(column, domains, float(rules["domain_content_threshold"]))


def _domain_check(column: ColumnProfile, domains: list[str], wanted: float) -> Iterator[tuple[str, str]]:
    """The share is Deequ's: a missing value is no other one. AWS's own notebooks read it out of the text."""
    expected = f"Expected: {_percent(wanted)} of values among the baseline's {len(domains)}."
    if column.categories is None:
        # Too many values to be counted one by one: they cannot all be the baseline's few.
        yield "categorical_values_check", f"{expected} Observed: about {column.distinct} distinct values."
        return
    known = sum(column.categories.get(value, 0) for value in domains if value != NULL_VALUE)
    share = (known + column.missing) / (column.present + column.missing)
    if share < wanted:
        text = f"Value: {java(share)} does not meet the constraint requirement! {expected}"
        yield "categorical_values_check", text


def _type_match(column: ColumnProfile, expected: str) -> float | None:
    """Share of present values of the expected type; a whole number is a fractional one too, an infinity none."""
    if not column.present or expected not in kinds.NUMERIC:
        return None
    fitting = column.kinds[kinds.INTEGRAL] + (column.kinds[kinds.FRACTIONAL] if expected == kinds.FRACTIONAL else 0)
    beyond = column.anomalies.get("infinite", 0) + column.anomalies.get("out_of_range", 0)
    return max(0, fitting - beyond) / column.present


def _by_name(document: Mapping[str, Any], what: str) -> dict[str, Mapping[str, Any]]:
    try:
        return {feature["name"]: feature for feature in document["features"]}
    except (KeyError, TypeError):
        raise BaselineError(f"baseline {what}: a list 'features' of objects with a name is expected") from None


def _overrides(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of one feature, where AWS's documentation puts them and where its SDK does."""
    of_texts = feature.get("string_constraints") or {}
    return {
        **(of_texts.get("monitoring_config_overrides") or {}),
        **(feature.get("monitoring_config_overrides") or {}),
        **(feature.get("monitoringConfigOverrides") or {}),
    }


def _merged(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    distribution = {
        **DEFAULT_CONFIG["distribution_constraints"],
        **config.get("distribution_constraints", {}),
        **overrides.get("distribution_constraints", {}),
    }
    return {**config, **overrides, "distribution_constraints": distribution}


def _violation(name: str, kind: str, text: str) -> dict[str, str]:
    return {"feature_name": name, "constraint_check_type": kind, "description": text}


def _percent(share: float) -> str:
    return f"{java(share * 100.0)}%"
