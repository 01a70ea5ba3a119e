"""From two statistics.json to one picture of a column: values of both sides over the same bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training_code.monitoring.report import svg

BINS, FEW, MOST_CATEGORIES = 36, 12, 12
_LOG_SPAN = 8
"""How many times its median a column's 99 % quantile must be for a logarithmic axis."""


def by_name(statistics: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the columns of a statistics.json by name."""
    return {feature["name"]: feature for feature in (statistics or {}).get("features", [])}


def body(feature: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a column's numbers, whichever kind it is; empty for none."""
    return (feature or {}).get("numerical_statistics") or (feature or {}).get("string_statistics") or {}


def picture(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return the SVG of a column on both sides; None where they cannot be laid over each other."""
    if "numerical_statistics" in before and "numerical_statistics" in now:
        return _numbers(before["numerical_statistics"], now["numerical_statistics"])
    return _categories(body(before), body(now))


def points(statistics: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (values rising, weights) of a column's sketch; None where it has none."""
    from fraud.monitoring.distribution import weighted_points

    sketch = statistics.get("distribution", {}).get("kll", {}).get("sketch", {}).get("data")
    return weighted_points(sketch) if sketch and any(sketch) else None


def quantile(weighted: tuple[np.ndarray, np.ndarray], share: float) -> float:
    """Return the value that `share` of the weights lie at or below."""
    values, weights = weighted
    reached = np.cumsum(weights) / weights.sum()
    return float(values[min(int(np.searchsorted(reached, share)), len(values) - 1)])


def share_above(weighted: tuple[np.ndarray, np.ndarray], value: float) -> float:
    """Return the share of the weights above a value."""
    values, weights = weighted
    return float(weights[values > value].sum() / weights.sum())


def _numbers(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    sides = [points(before), points(now)]
    if sides[0] is None or sides[1] is None:
        return None
    distinct = np.unique(np.concatenate([side[0] for side in sides]).astype(np.float32))
    if len(distinct) <= FEW:
        shares = [
            [float(weights[values.astype(np.float32) == value].sum() / weights.sum()) for value in distinct]
            for values, weights in sides
        ]
        return svg.pairs([f"{value:g}" for value in distinct], shares[0], shares[1])
    low = min(quantile(side, 0.005) for side in sides)
    high = max(quantile(side, 0.995) for side in sides)
    if high <= low:
        low, high = min(float(side[0][0]) for side in sides), max(float(side[0][-1]) for side in sides)
    median = quantile(sides[0], 0.5)
    log = low > 0 and median > 0 and quantile(sides[0], 0.99) > _LOG_SPAN * median
    if (distinct == np.round(distinct)).all():
        # Whole numbers: as many of them in each bin, or bins would alternate between full and empty.
        width = max(1, math.ceil((high - low + 1) / BINS))
        edges, log = np.arange(math.floor(low) - 0.5, high + width, width), False
    else:
        edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    shares = [_shares(side, edges) for side in sides]
    return svg.histogram(edges.tolist(), shares[0], shares[1], log=bool(log))


def _shares(weighted: tuple[np.ndarray, np.ndarray], edges: np.ndarray) -> list[float]:
    """Shares of the bins; what lies outside counts to the outermost ones."""
    values, weights = weighted
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges, weights=weights)
    return (counts / weights.sum()).tolist()


def _categories(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    counts: list[dict[str, float]] = []
    for side in (before, now):
        buckets: Sequence[Mapping[str, Any]] = side.get("distribution", {}).get("categorical", {}).get("buckets", [])
        counts.append({str(bucket["value"]): float(bucket["count"]) for bucket in buckets})
    if not all(counts):
        return None
    totals = [math.fsum(each.values()) for each in counts]
    shares = {
        name: (counts[0].get(name, 0) / totals[0], counts[1].get(name, 0) / totals[1])
        for name in {*counts[0], *counts[1]}
    }
    # Those that changed most are worth the room.
    names = sorted(shares, key=lambda name: -max(shares[name]))[:MOST_CATEGORIES]
    return svg.pairs(names, [shares[name][0] for name in names], [shares[name][1] for name in names])
