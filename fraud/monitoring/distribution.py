"""Distances of two distributions: of numbers by their sketches, of texts by the counts of their values.

The formulas are Deequ's: the largest difference of two cumulative distributions (L-infinity), its robust form, and
the chi-squared test over categories that are joined while too few are expected of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

Points = tuple[np.ndarray, np.ndarray]
"""(values in rising order, how many each stands for), both of shape (n,)."""
_CHANCE = 1.8
_FEWEST_OF_TWO, _FEWEST = 10, 5
_SHARE_OF_SMALL = 0.2


def weighted_points(sketch: Sequence[Sequence[float]]) -> Points:
    """Return the points of a sketch's levels, as statistics.json has them."""
    values = np.concatenate([np.asarray(level, dtype=np.float64) for level in sketch])
    weights = np.repeat([float(1 << level) for level in range(len(sketch))], [len(level) for level in sketch])
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]


def each_value_once(points: Points) -> Points:
    """Return the points as Deequ's rank map has them: of equal values only the one of the highest level is left."""
    values, weights = points
    last = np.r_[values[1:] != values[:-1], True]
    return values[last], weights[last]


def numeric_distance(baseline: Points, current: Points) -> float:
    """Largest difference of two cumulative distributions, in [0, 1].

    Values are compared at the precision of float32, so that a number is not two because it came by two ways.
    """
    parts = [(values.astype(np.float32), np.r_[0.0, np.cumsum(weights)]) for values, weights in (baseline, current)]
    points = np.union1d(parts[0][0], parts[1][0])
    first, second = (
        cumulated[np.searchsorted(values, points, side="right")] / cumulated[-1] for values, cumulated in parts
    )
    return float(np.max(np.abs(first - second)))


def categorical_distance(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """Largest difference of a category's share of all counts, in [0, 1]."""
    first, second = sum(baseline.values()), sum(current.values())
    names = {*baseline, *current}
    return max(abs(baseline.get(name, 0) / first - current.get(name, 0) / second) for name in names)


def robust(distance: float, baseline_rows: int, rows: int) -> float:
    """What remains of a distance after taking off what chance alone explains at these sample sizes."""
    chance = _CHANCE * math.sqrt((baseline_rows + rows) / (baseline_rows * rows))
    return max(0.0, distance - chance)


def chi_squared_p_value(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """Probability that counts differ this much from the baseline's shares by chance; NaN for fewer than two categories.

    Categories that the baseline lacks are not tested (the check of categorical values is for them).
    """
    from scipy.stats import chi2

    seen = sum(count for name, count in current.items() if name in baseline)
    total = sum(baseline.values())
    expected = {name: count / total * seen for name, count in baseline.items()}
    observed = {name: float(current.get(name, 0)) for name in baseline}
    while len(expected) >= 2 and _too_small(expected):
        least = min(expected, key=lambda name: expected[name])
        share, count = expected.pop(least), observed.pop(least)
        next_least = min(expected, key=lambda name: expected[name])
        expected[next_least] += share
        observed[next_least] += count
    if len(expected) < 2:
        return math.nan
    statistic = sum((observed[name] - share) ** 2 / share for name, share in expected.items())
    return float(chi2.sf(statistic, len(expected) - 1))


def _too_small(expected: Mapping[str, float]) -> bool:
    pair = len(expected) == 2
    fewest, allowed = (_FEWEST_OF_TWO, 0) if pair else (_FEWEST, int(_SHARE_OF_SMALL * len(expected)))
    return sum(share < fewest for share in expected.values()) > allowed
