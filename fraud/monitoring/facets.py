"""Segments of events: the values of a facet, or the intervals above a threshold, each against all other events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

CONTINUOUS_SHARE, MOST_CATEGORIES = 0.05, 20
MOST_SEGMENTS = 50
"""Of more values the most frequent ones are segments, and all others together are one more."""
OTHERS = "other values"


class FacetError(ValueError):
    """A facet cannot be divided; the message names it."""


def segments(name: str, values: Sequence[Any], wanted: Sequence[Any]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (Clarify's value_or_threshold, rows of the segment as booleans of shape (n,)).

    `wanted` values of a category are one segment together; none means one segment for each value. For a continuous
    column `wanted` are thresholds: one segment above the lowest. A column is continuous where it has fractions, or
    more than 20 distinct numbers that are at least 5 % of the rows.
    """
    numbers = np.array([_number(value) for value in values], dtype=np.float64)
    if _is_continuous(numbers):
        yield _above(name, numbers, wanted)
        return
    column = np.array([_name(value) for value in values], dtype=object)
    if wanted:
        names = [_name(value) for value in wanted]
        yield ",".join(names), np.isin(column, names)
        return
    counts = Counter(name for name in column.tolist() if name)
    frequent = sorted(name for name, _ in counts.most_common(MOST_SEGMENTS))
    for value in frequent:
        yield value, column == value
    if len(counts) > len(frequent):
        yield OTHERS, ~np.isin(column, [*frequent, ""])


def _above(name: str, numbers: np.ndarray, wanted: Sequence[Any]) -> tuple[str, np.ndarray]:
    thresholds = sorted(_number(value) for value in wanted)
    if not thresholds or not all(map(math.isfinite, thresholds)):
        raise FacetError(f"facet {name}: a column of numbers needs value_or_threshold, the number to divide it at")
    highest = float(np.nanmax(numbers))
    edges = [*thresholds, highest] if highest not in thresholds else thresholds
    label = ",".join(f"({low:g}, {high:g}]" for low, high in zip(sorted(edges), sorted(edges)[1:], strict=False))
    return label, np.nan_to_num(numbers, nan=-math.inf) > thresholds[0]


def _is_continuous(numbers: np.ndarray) -> bool:
    present = numbers[np.isfinite(numbers)]
    if len(present) < len(numbers) / 2:
        return False
    if (present != np.round(present)).any():
        return True
    distinct = len(np.unique(present))
    return distinct > MOST_CATEGORIES and distinct >= CONTINUOUS_SHARE * len(present)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _name(value: Any) -> str:
    """1, 1.0 and "1" are one value; a missing one has no name."""
    number = _number(value)
    if math.isfinite(number) and number.is_integer():
        return str(int(number))
    return "" if value is None else str(value).strip()
