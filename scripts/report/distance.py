"""Distances of a data set's statistics from a baseline's, from Model Monitor's statistics.json alone."""

import re

import numpy as np

_IN_VIOLATION = re.compile(r"distance: ([0-9.eE+-]+) exceeds threshold")


def distances(baseline: dict | None, statistics: dict | None, violations: list[dict]) -> dict[str, float]:
    """Robust L-infinity distance by feature, in [0, 1].

    Computed from the sketches and categories of both statistics where they have them; else the distances that the
    violations state, which are those above the threshold alone.
    """
    found: dict[str, float] = {}
    for violation in violations:
        stated = _IN_VIOLATION.search(violation.get("description", ""))
        if stated:
            found[violation["feature_name"]] = float(stated[1])
    if baseline and statistics:
        earlier = {feature["name"]: feature for feature in baseline.get("features", [])}
        for feature in statistics.get("features", []):
            if feature["name"] in earlier:
                distance = _distance(earlier[feature["name"]], feature)
                if distance is not None:
                    found.setdefault(feature["name"], distance)
    return found


def _distance(one: dict, other: dict) -> float | None:
    pair = [_sketch(one), _sketch(other)]
    if all(part is not None for part in pair):
        return _numeric(*pair)
    pair = [_categories(one), _categories(other)]
    if all(part is not None for part in pair):
        return _categorical(*pair)
    return None


def _sketch(feature: dict) -> tuple[np.ndarray, np.ndarray] | None:
    """Values of shape (kept,) and their weights: an item of level i of a KLL sketch stands for 2^i values."""
    levels = (
        feature.get("numerical_statistics", {}).get("distribution", {}).get("kll", {}).get("sketch", {}).get("data")
    )
    if not levels or not any(levels):
        return None
    values = np.concatenate([np.asarray(level, dtype=float) for level in levels])
    weights = np.concatenate([np.full(len(level), 2.0**i) for i, level in enumerate(levels)])
    return values, weights


def _categories(feature: dict) -> dict[str, float] | None:
    buckets = feature.get("string_statistics", {}).get("distribution", {}).get("categorical", {}).get("buckets")
    return {str(bucket["value"]): float(bucket["count"]) for bucket in buckets} if buckets else None


def _numeric(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    places = np.unique(np.concatenate([one[0], other[0]]))
    gap = np.max(np.abs(_cdf(*one, places) - _cdf(*other, places)))
    return _robust(float(gap), one[1].sum(), other[1].sum())


def _cdf(values: np.ndarray, weights: np.ndarray, places: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    return cumulative[np.searchsorted(values[order], places, side="right")] / cumulative[-1]


def _categorical(one: dict[str, float], other: dict[str, float]) -> float:
    totals = sum(one.values()), sum(other.values())
    gap = max(abs(one.get(k, 0.0) / totals[0] - other.get(k, 0.0) / totals[1]) for k in {*one, *other})
    return _robust(gap, *totals)


def _robust(gap: float, n: float, m: float) -> float:
    """Deequ's correction for the sizes of both samples."""
    return max(0.0, gap - 1.8 * ((n + m) / (n * m)) ** 0.5)
