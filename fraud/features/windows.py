"""Sliding windows over the events of each entity, as positions in arrays: exact, vectorised, O(n log n).

Every event sees the events of its entity that come before it (by time, then by their order in the input) and
itself; events at the same instant that come later in the input are its future. A window of w seconds that
ends at time t holds the events later than t - w.
"""

from __future__ import annotations

import numpy as np

MICROSECONDS = 1_000_000


class Timeline:
    """Instants of n events in ascending order (int64 microseconds), ranked so that equal instants share one."""

    def __init__(self, instants: np.ndarray) -> None:
        if len(instants) and (np.diff(instants) < 0).any():
            raise ValueError("instants must ascend")
        self.instants = instants
        is_new = np.ones(len(instants), dtype=bool)
        is_new[1:] = instants[1:] != instants[:-1]
        self.rank = np.cumsum(is_new) - 1
        self._distinct = instants[is_new]

    def edge(self, seconds: int) -> np.ndarray:
        """Return for each event the rank of the first instant later than its own minus `seconds`."""
        return np.searchsorted(self._distinct, self.instants - seconds * MICROSECONDS, side="right")


class EntityEvents:
    """The events of a timeline grouped by entity; all arrays of this class are in that order.

    `codes` (int64, one per event of the timeline) tell the entities apart; `order` maps a position here to
    the event's position in the timeline. Window bounds are positions: [start, stop) with start <= stop.
    """

    def __init__(self, timeline: Timeline, codes: np.ndarray) -> None:
        self.timeline = timeline
        self.order = np.argsort(codes, kind="stable")
        self.size = len(codes)
        self.position = np.arange(self.size)
        grouped = codes[self.order]
        self._base = np.zeros(self.size, dtype=np.int64)
        if self.size:
            self._base[1:] = np.cumsum(grouped[1:] != grouped[:-1])
        self.first = np.searchsorted(self._base, self._base, side="left")
        # A key that ascends over all entities lets one binary search answer for every event at once.
        self._base *= int(timeline.rank[-1]) + 2 if self.size else 1
        self._key = self._base + timeline.rank[self.order]
        self.instants = timeline.instants[self.order]
        self._edges: dict[int, np.ndarray] = {}

    def start(self, seconds: int) -> np.ndarray:
        """Return the position of each event's first companion later than its own time minus `seconds`.

        With `seconds` of 0 or more this is at most the event's own position: no later event is counted.
        """
        if seconds not in self._edges:
            edge = self._base + self.timeline.edge(seconds)[self.order]
            found = np.searchsorted(self._key, edge, side="left")
            self._edges[seconds] = np.minimum(found, self.position)
        return self._edges[seconds]

    def scatter(self, values: np.ndarray) -> np.ndarray:
        """Return values of this order in the timeline's order."""
        result = np.empty_like(values)
        result[self.order] = values
        return result


def prefix_sums(values: np.ndarray) -> np.ndarray:
    """Return n + 1 integer sums so that the sum over [a, b) is result[b] - result[a], without rounding."""
    result = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=result[1:])
    return result


def range_maximum(values: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the maximum of values[start[i] .. i] (both included) for each i.

    Doubling: level k holds the maxima of 2**k values that end at each position, and a range of length between
    2**k and 2**(k+1) is the union of two of them. Memory is linear.
    """
    level = values.copy()
    length = np.arange(len(values)) - start + 1
    result = values.copy()
    span = 1
    while True:
        chosen = np.flatnonzero((length >= span) & (length < 2 * span))
        result[chosen] = np.maximum(level[chosen], level[start[chosen] + span - 1])
        if not (length >= 2 * span).any():
            return result
        level[span:] = np.maximum(level[span:], level[:-span])
        span *= 2


def last_marked(marks: np.ndarray) -> np.ndarray:
    """Return n + 1 positions: element i is the last position before i where `marks` is true, or -1."""
    result = np.full(len(marks) + 1, -1, dtype=np.int64)
    np.maximum.accumulate(np.where(marks, np.arange(len(marks)), -1), out=result[1:])
    return result


def next_marked(marks: np.ndarray) -> np.ndarray:
    """Return n + 1 positions: element i is the first position from i on where `marks` is true, or n."""
    size = len(marks)
    result = np.full(size + 1, size, dtype=np.int64)
    reversed_marks = np.where(marks, np.arange(size), size)[::-1]
    result[:-1] = np.minimum.accumulate(reversed_marks)[::-1]
    return result
