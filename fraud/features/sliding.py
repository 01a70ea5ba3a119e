"""The profile of one entity under sliding windows: exact to the microsecond, and as long as the window is busy."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort

from fraud.features.columns import Reader, columns_of, pack
from fraud.features.plan import EntityPlan
from fraud.features.thresholds import Span


class SlidingProfile:
    """The entity's events and known frauds, as far back as its longest window reaches.

    events: columns instant (microseconds) and amount (ten-thousandths), ascending
    counterparties: for each column counted apart, the counterparty's text of each event
    frauds: pairs of the instant of knowledge and the event's own, ascending
    """

    def __init__(self, plan: EntityPlan, reader: Reader | None = None) -> None:
        """Begin a profile, or read one from what `write` wrote."""
        self._plan = plan
        read = columns_of if reader is None else reader.columns
        self.events = read("qq")
        self.frauds: list[tuple[int, int]] = list(zip(*read("qq"), strict=True))
        self.counterparties: list[list[str | None]] = [
            [] if reader is None else _read_texts(reader) for _ in plan.entity.distinct
        ]

    def write(self) -> bytes:
        """Return the profile as bytes."""
        frauds = [array("q", [fraud[axis] for fraud in self.frauds]) for axis in (0, 1)]
        parts = [pack(self.events), pack(frauds)]
        parts += [part for texts in self.counterparties for part in _write_texts(texts)]
        return b"".join(parts)

    def add(self, instant: int, amount: int, counterparties: list[str | None]) -> None:
        """Count an event; `instant` is no earlier than that of the one before."""
        reach = instant - self._plan.longest.length
        oldest = bisect_right(self.events[0], reach - (self._plan.knowledge if self._plan.labels else 0))
        for column in (*self.events, *self.counterparties):
            del column[:oldest]
        del self.frauds[: bisect_left(self.frauds, (reach + 1,))]
        self.events[0].append(instant)
        self.events[1].append(amount)
        for column, text in zip(self.counterparties, counterparties, strict=True):
            column.append(text)

    def totals(self, span: Span, instant: int) -> tuple[int, int, int]:
        """Return count, sum and maximum of the amounts in the window that ends with the event just added."""
        amounts = self.events[1][bisect_left(self.events[0], span.start(instant)) :]
        return len(amounts), sum(amounts), max(amounts)

    def distinct(self, position: int, span: Span, instant: int) -> float:
        """Return the number of different counterparties in the window."""
        first = bisect_left(self.events[0], span.start(instant))
        return float(len({text for text in self.counterparties[position][first:] if text is not None}))

    def known_events(self, span: Span, instant: int) -> int:
        """Return how many events of the window have a known label."""
        first, stop = self._known_range(span, instant)
        return stop - first

    def known_frauds(self, span: Span, instant: int) -> int:
        """Return how many frauds became known in the window."""
        first, stop = self._fraud_range(span, instant)
        return stop - first

    def last_known_event(self, instant: int) -> int | None:
        """Return the latest event in the longest window whose label is known."""
        first, stop = self._known_range(self._plan.longest, instant)
        return self.events[0][stop - 1] if stop > first else None

    def known_fraud_times(self, instant: int) -> tuple[int, int] | None:
        """Return the earliest and the latest fraud that became known in the longest window."""
        first, stop = self._fraud_range(self._plan.longest, instant)
        own = [event for _, event in self.frauds[first:stop]]
        return (min(own), max(own)) if own else None

    def _known_range(self, span: Span, instant: int) -> tuple[int, int]:
        instants, knowledge = self.events[0], self._plan.knowledge
        bounds = (span.known_start(instant), span.known_stop(instant))
        return tuple(bisect_left(instants, bound - knowledge) for bound in bounds)

    def _fraud_range(self, span: Span, instant: int) -> tuple[int, int]:
        bounds = (span.known_start(instant), span.known_stop(instant))
        return tuple(bisect_left(self.frauds, (bound,)) for bound in bounds)

    def learn(self, instant: int, known: int, delta: int) -> None:
        """Count a fraud (delta 1) from `known` on, or withdraw one (delta -1)."""
        if delta > 0:
            insort(self.frauds, (known, instant))
        elif (known, instant) in self.frauds:
            self.frauds.remove((known, instant))


def _write_texts(texts: list[str | None]) -> list[bytes]:
    """Texts as their lengths (-1 for None) and one run of UTF-8."""
    encoded = [None if text is None else text.encode() for text in texts]
    joined = b"".join(text for text in encoded if text is not None)
    return [pack([array("i", [-1 if text is None else len(text) for text in encoded])]), joined]


def _read_texts(reader: Reader) -> list[str | None]:
    (lengths,) = reader.columns("i")
    texts: list[str | None] = []
    for length in lengths:
        texts.append(None if length < 0 else reader.content[reader.offset : reader.offset + length].decode())
        reader.offset += max(length, 0)
    return texts
