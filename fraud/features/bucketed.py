"""The profile of one entity under bucketed windows: bounded, whatever the entity's traffic."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence

from fraud.features.columns import Reader, columns_of, pack
from fraud.features.distinct import ESTIMATES, register_of
from fraud.features.plan import EntityPlan
from fraud.features.thresholds import MICROSECONDS, Span

_MOST = 4_294_967_295
# Codes of arrays: bucket, count; then sum and maximum, or instants.
_AMOUNTS, _KNOWN, _KNOWN_LONGEST, _FRAUDS_LONGEST, _REGISTERS = "iIqq", "iI", "iIq", "iIqq", "BI"


class BucketedProfile:
    """What an entity did, in buckets of each window's width.

    amounts: by width, columns bucket, count, sum and maximum of amounts (ten-thousandths)
    known: by width, bucket in which the presumed label becomes known, and count
    frauds: by width, bucket in which the fraud became known, and count
      of the longest window's width also, in microseconds, the latest event, and the earliest and latest fraud
    registers: for each column counted apart, register -> second of its last hit
    """

    def __init__(self, plan: EntityPlan, reader: Reader | None = None) -> None:
        """Begin a profile, or read one from what `write` wrote."""
        self._plan = plan
        read = columns_of if reader is None else reader.columns
        self.amounts = {width: read(_AMOUNTS) for width in plan.retained} if plan.totals else {}
        self.known: dict[int, list[array]] = {}
        self.frauds: dict[int, list[array]] = {}
        for width in plan.retained if plan.labels else ():
            longest = width == plan.longest.width
            self.known[width] = read(_KNOWN_LONGEST if longest else _KNOWN)
            self.frauds[width] = read(_FRAUDS_LONGEST if longest else _KNOWN)
        self.registers = [dict(zip(*read(_REGISTERS), strict=True)) for _ in plan.entity.distinct]

    def write(self) -> bytes:
        """Return the profile as bytes."""
        parts = [pack(columns) for columns in self.amounts.values()]
        for width, columns in self.known.items():
            parts += [pack(columns), pack(self.frauds[width])]
        parts += [pack([array("B", hits), array("I", hits.values())]) for hits in self.registers]
        return b"".join(parts)

    def add(self, instant: int, amount: int, counterparties: list[str | None]) -> None:
        """Count an event; `instant` is no earlier than that of the one before."""
        retained = self._plan.retained
        for width, columns in self.amounts.items():
            buckets, counts, sums, maxima = columns
            bucket = instant // width
            if buckets and buckets[-1] == bucket:
                counts[-1] = min(counts[-1] + 1, _MOST)
                sums[-1] += amount
                maxima[-1] = max(maxima[-1], amount)
            else:
                _drop_before(columns, bucket - retained[width] + 1)
                _append(columns, (bucket, 1, amount, amount))
        for width, columns in self.known.items():
            buckets, counts, *latest = columns
            bucket = (instant + self._plan.knowledge) // width
            if buckets and buckets[-1] == bucket:
                counts[-1] = min(counts[-1] + 1, _MOST)
                for column in latest:
                    column[-1] = instant
            else:
                oldest = instant // width - retained[width]
                _drop_before(columns, oldest)
                _drop_before(self.frauds[width], oldest)
                _append(columns, (bucket, 1, instant)[: len(columns)])
        for hits, text in zip(self.registers, counterparties, strict=True):
            if text is not None:
                hits[register_of(text)] = max(instant // MICROSECONDS, 0)

    def totals(self, span: Span, instant: int) -> tuple[int, int, int]:
        """Return count, sum and maximum of the amounts in the window that ends with the event just added."""
        buckets, counts, sums, maxima = self.amounts[span.width]
        first = bisect_left(buckets, instant // span.width - span.buckets + 1)
        if not first:
            # The usual case: what is retained is the window.
            return sum(counts), sum(sums), max(maxima)
        return sum(counts[first:]), sum(sums[first:]), max(maxima[first:])

    def distinct(self, position: int, span: Span, instant: int) -> float:
        """Return the estimated number of different counterparties in the window."""
        start = span.start(instant) // MICROSECONDS
        return ESTIMATES[sum(second >= start for second in self.registers[position].values())]

    def known_events(self, span: Span, instant: int) -> int:
        """Return how many events of the window have a known label."""
        buckets, counts, *_ = self.known[span.width]
        first, stop = _between(buckets, span, instant)
        return sum(counts[first:stop])

    def known_frauds(self, span: Span, instant: int) -> int:
        """Return how many frauds became known in the window."""
        buckets, counts, *_ = self.frauds[span.width]
        first, stop = _between(buckets, span, instant)
        return sum(counts[first:stop])

    def last_known_event(self, instant: int) -> int | None:
        """Return the latest event in the longest window whose label is known."""
        buckets, _, latest = self.known[self._plan.longest.width]
        first, stop = _between(buckets, self._plan.longest, instant)
        return latest[stop - 1] if stop > first else None

    def known_fraud_times(self, instant: int) -> tuple[int, int] | None:
        """Return the earliest and the latest fraud that became known in the longest window."""
        buckets, _, earliest, latest = self.frauds[self._plan.longest.width]
        first, stop = _between(buckets, self._plan.longest, instant)
        return (min(earliest[first:stop]), max(latest[first:stop])) if stop > first else None

    def learn(self, instant: int, known: int, delta: int) -> None:
        """Count a fraud (delta 1) from `known` on, or withdraw one (delta -1).

        After a withdrawal the earliest and latest fraud of a bucket that holds others stay as they were.
        """
        for width, columns in self.frauds.items():
            buckets, counts, *times = columns
            bucket = known // width
            at = bisect_left(buckets, bucket)
            there = at < len(buckets) and buckets[at] == bucket
            if there:
                counts[at] += delta
                if delta > 0:
                    for column, extreme in zip(times, (min, max), strict=False):
                        column[at] = extreme(column[at], instant)
                elif counts[at] <= 0:
                    for column in columns:
                        del column[at]
            elif delta > 0:
                for column, value in zip(columns, (bucket, 1, instant, instant), strict=False):
                    column.insert(at, value)


def _between(buckets: Sequence[int], span: Span, instant: int) -> tuple[int, int]:
    current = instant // span.width
    return bisect_left(buckets, current - span.buckets), bisect_left(buckets, current)


def _drop_before(columns: list[array], bucket: int) -> None:
    buckets = columns[0]
    if buckets and buckets[0] < bucket:
        count = bisect_left(buckets, bucket)
        for column in columns:
            del column[:count]


def _append(columns: list[array], values: tuple) -> None:
    for column, value in zip(columns, values, strict=True):
        column.append(value)
