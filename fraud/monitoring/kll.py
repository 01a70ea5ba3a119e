"""Quantile sketch of a numeric column, equal to Deequ's (QuantileNonSample with its deterministic compactors).

Level l holds items that stand for 2**l values each. Values go to level 0; when the levels together are over capacity,
the lowest level that is over its own is sorted and every other item goes one level up. When that happens depends on
counts alone, so values are taken in runs, not one by one, and the outcome is the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SKETCH_SIZE = 2048
SHRINKING_FACTOR = 0.64
BUCKETS = 10
# Deequ starts its extremes with Java's Int.MaxValue and Int.MinValue, which shows in columns beyond them.
_FIRST_LOW, _FIRST_HIGH = 2147483647.0, -2147483648.0


@dataclass
class _Level:
    items: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    compactions: int = 0
    offset: int = 0

    def compact(self) -> np.ndarray:
        """Keep the last item of an odd number, return half of the others."""
        even = len(self.items) - len(self.items) % 2
        if self.compactions % 2 == 1:
            self.offset = 1 - self.offset
        chosen = np.sort(self.items[:even])[self.offset :: 2]
        self.items = self.items[even:]
        self.compactions += 1
        return chosen


class KllSketch:
    """A mergeable sketch of float64 values.

    Items are kept as whole numbers in the order of Java's Double.compare, in which -0.0 is below 0.0.
    """

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._size = self._capacity = 0
        self.low, self.high = _FIRST_LOW, _FIRST_HIGH
        self._expand()

    def update(self, values: np.ndarray) -> None:
        """Add values of shape (n,), float64, in the order of the rows."""
        if not len(values):
            return
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        keys = _keys(values)
        start = 0
        while start < len(keys):
            end = start + max(1, self._capacity - self._size + 1)
            run = keys[start:end]
            self._levels[0].items = np.concatenate([self._levels[0].items, run])
            self._size += len(run)
            start = end
            if self._size > self._capacity:
                self._condense()

    def merge(self, other: KllSketch) -> None:
        """Add another sketch, as Deequ merges those of two partitions: not equal to one over all values."""
        while len(self._levels) < len(other._levels):
            self._expand()
        for mine, theirs in zip(self._levels, other._levels, strict=False):
            mine.items = np.concatenate([mine.items, theirs.items])
        self._size = sum(len(level.items) for level in self._levels)
        while self._size >= self._capacity:
            self._condense()
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)

    def levels(self) -> list[list[float]]:
        """Return the items, level by level."""
        return [_values(level.items).tolist() for level in self._levels]

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (values in rising order, how many each stands for)."""
        values = np.concatenate([_values(level.items) for level in self._levels])
        weights = np.concatenate([np.full(len(level.items), 1 << at) for at, level in enumerate(self._levels)])
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]

    def to_json(self) -> dict[str, Any]:
        """Return the distribution as statistics.json has it."""
        values, weights = self.points()
        ranks = np.r_[0, np.cumsum(weights)]
        bounds = [self.low + (self.high - self.low) * number / float(BUCKETS) for number in range(BUCKETS + 1)]
        below = ranks[np.searchsorted(values, bounds, side="left")]
        # The last bucket holds its upper bound too.
        below[-1] = ranks[np.searchsorted(values, bounds[-1], side="right")]
        buckets = [
            {"lower_bound": bounds[at], "upper_bound": bounds[at + 1], "count": float(below[at + 1] - below[at])}
            for at in range(BUCKETS)
        ]
        parameters = {"c": SHRINKING_FACTOR, "k": float(SKETCH_SIZE)}
        return {"buckets": buckets, "sketch": {"parameters": parameters, "data": self.levels()}}

    def _expand(self) -> None:
        self._levels.append(_Level())
        self._capacity = sum(_capacity(height) for height in range(len(self._levels)))

    def _condense(self) -> None:
        for height, level in enumerate(self._levels):
            if len(level.items) >= _capacity(height):
                if height + 1 == len(self._levels):
                    self._expand()
                above = self._levels[height + 1]
                above.items = np.concatenate([above.items, level.compact()])
                self._size = sum(len(level.items) for level in self._levels)
                return


def _capacity(height: int) -> int:
    return 2 * (math.ceil(SKETCH_SIZE * SHRINKING_FACTOR**height / 2) + 1)


def _keys(values: np.ndarray) -> np.ndarray:
    bits = np.ascontiguousarray(values, np.float64).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))


def _values(keys: np.ndarray) -> np.ndarray:
    return (keys ^ ((keys >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))).view(np.float64)
