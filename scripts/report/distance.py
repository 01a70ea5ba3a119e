"""Distances of a data set's statistics from a baseline's, from Model Monitor's statistics.json alone."""

import re

from fraud.monitoring.distribution import categorical_distance, numeric_distance, robust, weighted_points

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
    sketches = [_sketch(feature) for feature in (one, other)]
    if all(sketches):
        first, second = (weighted_points(sketch) for sketch in sketches)
        return robust(numeric_distance(first, second), int(first[1].sum()), int(second[1].sum()))
    categories = [_categories(feature) for feature in (one, other)]
    if all(categories):
        gap = categorical_distance(*categories)
        return robust(gap, *(int(sum(counts.values())) for counts in categories))
    return None


def _sketch(feature: dict) -> list[list[float]] | None:
    sketch = feature.get("numerical_statistics", {}).get("distribution", {}).get("kll", {}).get("sketch", {})
    levels = sketch.get("data") or []
    return levels if any(levels) else None


def _categories(feature: dict) -> dict[str, float] | None:
    found = feature.get("string_statistics", {}).get("distribution", {}).get("categorical", {}).get("buckets", [])
    counts = {str(bucket["value"]): float(bucket["count"]) for bucket in found}
    return counts if sum(counts.values()) else None
