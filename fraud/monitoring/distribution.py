"""Distributions of numeric columns in the layout of Model Monitor's KLL sketches, and the distance of two.

The layout is AWS's; the contents are exact: buckets are counted, not estimated, and the sketch holds true
quantiles instead of randomly compacted items. Any reader that takes item i of level l as 2**l values gets a
distribution that is nowhere off by more than one part in 2,048.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

BUCKETS = 10
SKETCH_SIZE = 2048
_PARAMETERS = {"c": 0.64, "k": float(SKETCH_SIZE)}


def kll_distribution(ordered: np.ndarray) -> dict[str, Any]:
    """Return buckets and sketch of finite values of shape (n,), n > 0, in rising order."""
    low, high = float(ordered[0]), float(ordered[-1])
    edges = [low + (high - low) * number / BUCKETS for number in range(BUCKETS + 1)]
    # A bucket holds its lower bound; the last one holds both.
    below = np.searchsorted(ordered, edges, side="left")
    below[-1] = len(ordered)
    counts = np.maximum(np.diff(below), 0)
    buckets = [
        {"lower_bound": edges[number], "upper_bound": edges[number + 1], "count": float(counts[number])}
        for number in range(BUCKETS)
    ]
    return {"buckets": buckets, "sketch": {"parameters": dict(_PARAMETERS), "data": _levels(ordered)}}


def _levels(ordered: np.ndarray) -> list[list[float]]:
    """Items of level l stand for 2**l values each: the middle one of each run of that length."""
    size = len(ordered)
    top = max(0, math.ceil(math.log2(size / SKETCH_SIZE)))
    run = 1 << top
    whole = size // run * run
    levels: list[list[float]] = [[] for _ in range(top + 1)]
    levels[top] = ordered[:whole].reshape(-1, run)[:, run // 2].tolist()
    start = whole
    for level in range(top - 1, -1, -1):
        length = 1 << level
        if size - start >= length:
            levels[level].append(float(ordered[start + length // 2]))
            start += length
    return levels


def weighted_points(sketch: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return (values, weights) of a sketch's levels, values rising; also reads AWS's own sketches."""
    values = np.concatenate([np.asarray(level, dtype=np.float64) for level in sketch])
    weights = np.repeat([float(1 << level) for level in range(len(sketch))], [len(level) for level in sketch])
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]


def numeric_distance(baseline: tuple[np.ndarray, np.ndarray], ordered: np.ndarray) -> float:
    """Largest difference of two cumulative distributions: weighted points against values in rising order.

    Values are compared at the precision of float32, so that a number is not two because it came by two ways.
    """
    values, weights = baseline
    values, ordered = values.astype(np.float32), ordered.astype(np.float32)
    points = np.union1d(values, ordered)
    first = np.r_[0.0, np.cumsum(weights)][np.searchsorted(values, points, side="right")] / weights.sum()
    second = np.searchsorted(ordered, points, side="right") / len(ordered)
    return float(np.max(np.abs(first - second)))


def categorical_distance(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """Largest difference of a category's share of all counts."""
    first, second = sum(baseline.values()), sum(current.values())
    names = {*baseline, *current}
    return max(abs(baseline.get(name, 0) / first - current.get(name, 0) / second) for name in names)


def robust(distance: float, baseline_rows: int, rows: int) -> float:
    """What remains of a distance after taking off what chance alone explains at these sample sizes."""
    chance = 1.8 * math.sqrt((baseline_rows + rows) / (baseline_rows * rows))
    return max(0.0, distance - chance)
