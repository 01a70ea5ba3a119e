"""Population stability index (PSI) of columns and of the score, from two statistics.json alone.

PSI = sum over bins of (q - p) ln(q / p), p and q being a bin's shares before and now. Bins follow the baseline: a bin
for each value of a column with few of them (of texts: for each category), else tenths of the baseline; missing values
are a bin of their own. Small samples are guarded twice: half a row is added to each bin, and a column is unstable only
where its PSI is also beyond what chance gives at these numbers of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud.monitoring.distribution import weighted_points

VERSION = 1
BINS = 10
FEW_VALUES = 12
MODERATE, LARGE = 0.1, 0.25
"""The customary reading: below 0.1 stable, from 0.25 on a different population."""
_CHANCE = 3.09
"""The standard normal's 99.9 % quantile."""


@dataclass(frozen=True)
class Stability:
    """One column's comparison. `labels`, `before` and `now` are of one length: the bins and their shares."""

    name: str
    psi: float
    by_chance: float
    labels: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]

    def unstable(self, threshold: float) -> bool:
        """Whether the column has moved by more than the threshold and than chance explains."""
        return self.psi > threshold and self.psi > self.by_chance

    def to_json(self, threshold: float) -> dict[str, Any]:
        """Return the column's entry in drift.json."""
        bins = [
            {"bin": label, "baseline": before, "current": now}
            for label, before, now in zip(self.labels, self.before, self.now, strict=True)
        ]
        return {
            "name": self.name,
            "psi": self.psi,
            "psi_by_chance": self.by_chance,
            "unstable": self.unstable(threshold),
            "bins": bins,
        }


def compare(baseline: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Stability]:
    """Yield the columns that both statistics describe in the same way, in the baseline's order."""
    now = {feature["name"]: feature for feature in current["features"]}
    for feature in baseline["features"]:
        other = now.get(feature["name"])
        if other is None:
            continue
        for kind, bins in (("numerical_statistics", _numeric_bins), ("string_statistics", _category_bins)):
            if kind in feature and kind in other:
                found = bins(feature[kind], other[kind])
                if found is not None:
                    yield _stability(feature["name"], feature[kind], other[kind], *found)


def psi(before: np.ndarray, now: np.ndarray) -> float:
    """Return the index of two arrays of shares, all above zero."""
    return float(np.sum((now - before) * np.log(now / before)))


def drift_document(found: Sequence[Stability], score: str | None, threshold: float) -> dict[str, Any]:
    """Return drift.json: the columns, worst first, the score apart, and violations of kind psi_check."""
    ordered = sorted(found, key=lambda column: -column.psi)
    violations = [
        {
            "feature_name": column.name,
            "constraint_check_type": "psi_check",
            "description": f"Population stability index: {column.psi} exceeds threshold: {threshold}",
        }
        for column in ordered
        if column.unstable(threshold)
    ]
    return {
        "version": VERSION,
        "threshold": threshold,
        "score": next((c.to_json(threshold) for c in ordered if c.name == score), None),
        "features": [column.to_json(threshold) for column in ordered if column.name != score],
        "violations": violations,
    }


def drift_lines(
    found: Sequence[Stability], score: str | None, dimensions: Mapping[str, str], timestamp: str
) -> Iterator[dict[str, Any]]:
    """Yield one metric a line for CloudWatch: feature_psi_<name>, and score_psi for the score."""
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    for column in found:
        name = "score_psi" if column.name == score else f"feature_psi_{column.name}"
        yield {"MetricName": name, "Timestamp": timestamp, "Dimensions": named, "Value": column.psi}


def _stability(
    name: str,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    labels: list[str],
    shares: tuple[np.ndarray, np.ndarray],
) -> Stability:
    """`shares` are of those rows that have a value."""
    counts = []
    for statistics, share in zip((before, now), shares, strict=True):
        present, missing = statistics["common"]["num_present"], statistics["common"]["num_missing"]
        counts.append(np.r_[share * present, missing])
    labels = [*labels, "missing"]
    if not counts[0][-1] and not counts[1][-1]:
        labels, counts = labels[:-1], [each[:-1] for each in counts]
    rows = [float(each.sum()) for each in counts]
    smooth = [(each + 0.5) / (total + len(each) / 2) for each, total in zip(counts, rows, strict=True)]
    raw = [tuple((each / total).tolist()) for each, total in zip(counts, rows, strict=True)]
    return Stability(name, psi(*smooth), _by_chance(len(labels), *rows), tuple(labels), *raw)


def _by_chance(bins: int, before: float, now: float) -> float:
    """What PSI stays below with 99.9 % in one population: chi-square over the rows, by Wilson and Hilferty."""
    freedom = bins - 1
    if freedom < 1:
        return 0.0
    step = 2 / (9 * freedom)
    quantile = freedom * (1 - step + _CHANCE * math.sqrt(step)) ** 3
    return quantile * (1 / before + 1 / now)


def _numeric_bins(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[list[str], tuple[np.ndarray, np.ndarray]] | None:
    points = [_points(statistics) for statistics in (before, now)]
    if points[0] is None or points[1] is None:
        return None
    (values, weights), (others, other_weights) = points
    distinct = np.unique(values)
    if len(distinct) <= FEW_VALUES:
        # Between two neighbouring values, so that each is alone in its bin whatever its rounding.
        edges = (distinct[1:] + distinct[:-1]) / 2
        labels = [f"{value:g}" for value in distinct]
    else:
        share = np.cumsum(weights) / weights.sum()
        edges = np.unique(values[np.searchsorted(share, np.arange(1, BINS) / BINS)])
        # A bin holds its upper edge; the last has none.
        labels = [f"to {edge:.4g}" for edge in edges] + [f"over {edges[-1]:.4g}"]
    shares = []
    for place, weight in ((values, weights), (others, other_weights)):
        counted = np.bincount(np.searchsorted(edges, place, side="left"), weights=weight, minlength=len(edges) + 1)
        shares.append(counted / weight.sum())
    return labels, (shares[0], shares[1])


def _points(statistics: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    sketch = statistics.get("distribution", {}).get("kll", {}).get("sketch", {}).get("data")
    if not sketch or not any(sketch):
        return None
    values, weights = weighted_points(sketch)
    # At the precision of the model's input: an edge must not tell a number from the same one that came by another way.
    return values.astype(np.float32).astype(np.float64), weights


def _category_bins(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[list[str], tuple[np.ndarray, np.ndarray]] | None:
    counts = []
    for statistics in (before, now):
        buckets = statistics.get("distribution", {}).get("categorical", {}).get("buckets")
        if not buckets:
            return None
        counts.append({bucket["value"]: bucket["count"] for bucket in buckets})
    labels = sorted(counts[0], key=lambda name: -counts[0][name])
    new = [name for name in counts[1] if name not in counts[0]]
    shares = []
    for each in counts:
        amounts = np.array([each.get(name, 0) for name in labels] + [sum(each.get(n, 0) for n in new)], dtype=float)
        shares.append(amounts / amounts.sum())
    return [*labels, "new values"], (shares[0], shares[1])
