"""Suggests constraints from a baseline, with Model Monitor's own defaults."""

from __future__ import annotations

import copy
import math
from typing import Any

from fraud.monitoring.profile import VERSION, ColumnProfile, Profile

DEFAULT_CONFIG: dict[str, Any] = {
    "evaluate_constraints": "Enabled",
    "emit_metrics": "Enabled",
    "datatype_check_threshold": 1.0,
    "domain_content_threshold": 1.0,
    "distribution_constraints": {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "LInfinity",
    },
}


def suggest_constraints(baseline: Profile, allow_chance: bool = False) -> dict[str, Any]:
    """Return constraints.json for data like the baseline.

    With `allow_chance` the completeness that is asked for leaves room for chance; AWS asks for the baseline's own.
    """
    return {
        "version": VERSION,
        "features": [_feature(column, allow_chance) for column in baseline.columns],
        "monitoring_config": copy.deepcopy(DEFAULT_CONFIG),
    }


def _feature(column: ColumnProfile, allow_chance: bool) -> dict[str, Any]:
    feature: dict[str, Any] = {
        "name": column.name,
        "inferred_type": column.inferred_type,
        "completeness": _lower_bound(column) if allow_chance else column.completeness,
    }
    if column.is_numeric:
        feature["num_constraints"] = {"is_non_negative": column.low >= 0}
    elif column.categories is not None:
        feature["string_constraints"] = {"domains": list(column.categories)}
    return feature


def _lower_bound(column: ColumnProfile) -> float:
    """The lower end of the 95 % interval in whole per cents: the exact share would fail every other window."""
    share = column.completeness
    rows = column.present + column.missing
    if share in (0.0, 1.0):
        return share
    lower = share - 1.96 * math.sqrt(share * (1 - share) / rows)
    return max(0.0, math.floor(lower * 100) / 100)
