"""Constraints of bias that leave room for chance.

AWS's rule, that no metric may be farther from fairness than the baseline's, is broken by about every second metric of
every window of traffic like the baseline's. What a window of some size shows by chance is found by drawing windows of
that size from the baseline's own rows.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fraud.monitoring.bias import STAGES, BiasData, Segment, analyse_segments, bias_values, distance
from fraud.monitoring.java_numbers import java

SAMPLES, DEVIATIONS = 30, 4
# The Flip Test compares each row with all others: windows of more rows get the room of these, which is more.
MOST_ROWS = 5000


def suggest_bias_constraints(
    analysis: Mapping[str, Any], data: BiasData, parted: Sequence[Segment], rows: int
) -> dict[str, Any]:
    """Return the analysis with each metric as far from fairness as windows of `rows` rows may be by chance.

    That is four standard deviations beyond the mean of thirty windows drawn from `data`, never nearer than `analysis`
    itself. A metric that not every other window has is allowed any value.
    """
    allowed = _by_chance(data, parted, min(rows, MOST_ROWS))
    document = copy.deepcopy(dict(analysis))
    for stage in STAGES:
        for facet, entries in document.get(stage, {}).get("facets", {}).items():
            for entry in entries:
                for metric in entry["metrics"]:
                    if metric["value"] is not None:
                        found = allowed.get((stage, facet, entry["value_or_threshold"], metric["name"]), math.inf)
                        metric["value"] = _moved(metric["name"], float(metric["value"]), found)
    return document


def _by_chance(data: BiasData, parted: Sequence[Segment], rows: int) -> dict[tuple[str, str, str, str], float]:
    """The distance from fairness that is allowed, by (stage, facet, segment, metric)."""
    random = np.random.default_rng(0)
    seen: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for _ in range(SAMPLES):
        at = random.integers(0, len(data.labels), rows)
        drawn = analyse_segments(_taken(data, at), [(name, value, facet[at]) for name, value, facet in parted])
        for stage in STAGES:
            for facet, value, name, number in bias_values(drawn, stage):
                if math.isfinite(number):
                    seen[stage, facet, value, name].append(distance(name, number))
    return {
        key: float(np.mean(values) + DEVIATIONS * np.std(values, ddof=1))
        for key, values in seen.items()
        if len(values) > SAMPLES / 2
    }


def _taken(data: BiasData, at: np.ndarray) -> BiasData:
    rows = at.tolist()
    return replace(
        data,
        columns={name: [values[row] for row in rows] for name, values in data.columns.items()},
        labels=data.labels[at],
        predictions=None if data.predictions is None else data.predictions[at],
        group=None if data.group is None else data.group[at],
    )


def _moved(name: str, value: float, allowed: float) -> float | str:
    fair = 1.0 if name == "DI" else 0.0
    moved = fair + math.copysign(max(allowed, distance(name, value)), value - fair)
    return moved if math.isfinite(moved) else java(moved)
