"""Windows over the events of each entity, as positions in arrays: exact, vectorised, O(n log n).

Every event sees the events of its entity that arrived before it, and itself. An entity's clock never runs back: an
event older than one that arrived before counts at the entity's latest instant. Whether windows slide or are made of
buckets is a matter of the thresholds alone (`thresholds.Span`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Threshold = Callable[[np.ndarray], np.ndarray]
LARGEST_KEY = 2**62


class EntityEvents:
    """Events grouped by entity, in order of arrival within each; all arrays of this class are in that order.

    `counts` (int64, one for each entity) say how many events are whose, `instants` (int64, one for each event) are in
    microseconds; entities times the range of instants must stay below LARGEST_KEY. `self.instants` are those that
    count, ascending in each entity. Window bounds are positions: [start, stop) with start <= stop.
    """

    def __init__(self, counts: np.ndarray, instants: np.ndarray) -> None:
        self.size = len(instants)
        self.position = np.arange(self.size)
        stops = np.cumsum(counts, dtype=np.int64)
        self.first, self.stop = np.repeat(stops - counts, counts), np.repeat(stops, counts)
        self.entity = np.repeat(np.arange(len(counts)), counts)
        self._origin = int(instants.min()) if self.size else 0
        self._reach = int(instants.max()) - self._origin + 1 if self.size else 0
        # A key that ascends over all entities lets one binary search answer for every event at once.
        self._base = self.entity * (self._reach + 1)
        self._key = np.maximum.accumulate(self._base + (instants - self._origin))
        self.instants = self._key - self._base + self._origin

    def at_or_after(self, threshold: Threshold, shift: int = 0) -> np.ndarray:
        """Return the position of each event's first companion at or after threshold(its instant) + `shift`.

        At most the event's own position: nothing that came later counts.
        """
        found = np.searchsorted(self._key, self.edges(threshold(self.instants) + shift), side="left")
        return np.minimum(found, self.position)

    def edges(self, instants: np.ndarray, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return keys that sort as `instants` do within the entities of the events at `positions`.

        Instants before all events, or after them, are as good as just before or just after.
        """
        return self._base[positions] + np.clip(instants - self._origin, 0, self._reach)


class Marks:
    """Some events of each entity, each with an instant from which it counts, for windows of other events.

    `positions` are those of the marked events in `events`, `known` the instants from which they count and `own` their
    own instants (microseconds).
    """

    def __init__(self, events: EntityEvents, positions: np.ndarray, known: np.ndarray, own: np.ndarray) -> None:
        self._events = events
        keys = events.edges(known, positions)
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._latest = RangeMaximum(own[order])
        self._earliest = RangeMaximum(-own[order])

    def before(self, threshold: Threshold) -> np.ndarray:
        """Return for each event the number of marks, of the entities up to its own, before threshold(its instant)."""
        return np.searchsorted(self._keys, self._events.edges(threshold(self._events.instants)), side="left")

    def latest(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Return the latest own instant in each range; the range must not be empty."""
        return self._latest(first, last)

    def earliest(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Return the earliest own instant in each range; the range must not be empty."""
        return -self._earliest(first, last)


class RangeMaximum:
    """Maxima of any ranges of an array, from those of all ranges whose length is a power of two."""

    def __init__(self, values: np.ndarray) -> None:
        self._levels = [values]
        span = 1
        while 2 * span <= len(values):
            level = self._levels[-1]
            self._levels.append(np.maximum(level[:-span], level[span:]))
            span *= 2

    def __call__(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Return the maximum of values[first[i]:last[i]] for each i; no range may be empty."""
        result = np.empty(len(first), dtype=self._levels[0].dtype)
        exponent = np.frexp((last - first).astype(np.float64))[1] - 1
        for power, level in enumerate(self._levels):
            chosen = np.flatnonzero(exponent == power)
            result[chosen] = np.maximum(level[first[chosen]], level[last[chosen] - (1 << power)])
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


class DistinctCounter:
    """How many different codes the events of an entity show in a window; codes below 0 count for nothing.

    `codes` are one for each event, in the order of `events`.

    A code that the entity has shown counts in a window unless its last occurrence lies before the window's start:
    each occurrence k is "absent" from the first event whose window starts behind k until the code's next occurrence.
    Absences are intervals, so that all windows are counted by one running sum, in O(n).
    """

    def __init__(self, events: EntityEvents, codes: np.ndarray) -> None:
        self._counted = codes >= 0
        group = events.entity * (int(codes.max(initial=0)) + 2) + codes + 1
        order = np.argsort(group, kind="stable")
        same = group[order][1:] == group[order][:-1]
        self._next = events.stop.copy()
        self._next[order[:-1][same]] = order[1:][same]
        is_first = np.ones(events.size, dtype=bool)
        is_first[order[1:][same]] = False
        shown = prefix_sums(is_first & self._counted)
        self._shown = shown[1:] - shown[events.first]

    def __call__(self, start: np.ndarray) -> np.ndarray:
        """Return the number for each event's window [start, itself]."""
        gone = np.searchsorted(start, np.arange(len(start)), side="right")
        absent = np.flatnonzero(self._counted & (gone < self._next))
        size = len(start) + 1
        change = np.bincount(gone[absent], minlength=size) - np.bincount(self._next[absent], minlength=size)
        return self._shown - np.cumsum(change)[:-1]
