"""Where windows begin and end, as instants: the only difference between bucketed and sliding windows.

A window is a half-open range of instants in whole microseconds, [start, stop). Sliding windows of length w that end
with an event at t hold (t - w, t]. Bucketed ones are made of whole buckets of `width`, counted from 1970: the one that
holds t and those before it, so they span between w - width and w. What becomes known later (labels) is taken from the
buckets before t's own, so that nothing counts earlier than it was known.

The functions work on an integer and on a numpy array alike, so that both engines share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fraud.event_types.model import EventType, Window

MICROSECONDS = 1_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WIDTHS = (
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 4, 6, 8, 12)),
    *(days * _DAY for days in (1, 2, 5, 7, 10, 15, 30)),
)
MOST_BUCKETS = 24
"""A window has about so many buckets: the width is the largest that divides the window so often or oftener."""


@dataclass(frozen=True)
class Span:
    """A window's length and bucket width in microseconds; width 1 is a sliding window."""

    text: str
    length: int
    width: int

    @cached_property
    def buckets(self) -> int:
        """Buckets of the window, the current one included."""
        return self.length // self.width

    def start(self, instant: Any) -> Any:
        """Return the first instant that counts for an event at `instant` (microseconds)."""
        return (instant // self.width - self.buckets + 1) * self.width

    def known_start(self, instant: Any) -> Any:
        """Return the first instant of knowledge that counts for an event at `instant`."""
        if self.width == 1:
            return instant - self.length + 1
        return (instant // self.width - self.buckets) * self.width

    def known_stop(self, instant: Any) -> Any:
        """Return the instant of knowledge from which on nothing counts for an event at `instant`."""
        if self.width == 1:
            return instant + 1
        return instant // self.width * self.width


def span_of(window: Window, mode: str) -> Span:
    """Return a window's span in the mode ("bucketed" or "sliding") of its event type."""
    width = 1 if mode == "sliding" else bucket_width(window.seconds) * MICROSECONDS
    return Span(window.text, window.seconds * MICROSECONDS, width)


def bucket_width(seconds: int) -> int:
    """Return the width in seconds of the buckets of a window: about a twenty-fourth, and a divisor of it."""
    fitting = [width for width in _WIDTHS if width * MOST_BUCKETS <= seconds and seconds % width == 0]
    return max(fitting, default=min(seconds, _MINUTE))


def label_delay(event_type: EventType) -> int:
    """Return the label delay in microseconds."""
    return event_type.label_delay_days * _DAY * MICROSECONDS


def earliest_knowledge(instant: Any, delay: int) -> Any:
    """Return when the label of an event at `instant` counts: after the delay, and after the event in any case."""
    return instant + max(delay, 1)


def known_from(instant: int, delay: int, label_arrival: int | None) -> int:
    """Return when a label counts: after the delay, or on its arrival if that is later (all microseconds)."""
    earliest = earliest_knowledge(instant, delay)
    return earliest if label_arrival is None else max(earliest, label_arrival)
