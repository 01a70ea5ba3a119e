"""Features of entities' pasts for the batch engine: each measure of each window as one array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from fraud.features.distinct import ESTIMATES
from fraud.features.geodesy import distance_km
from fraud.features.plan import AMOUNT_SCALE, EntityPlan
from fraud.features.recall import NO_PLACE
from fraud.features.rows import Rows
from fraud.features.thresholds import MICROSECONDS, Span
from fraud.features.windows import DistinctCounter, EntityEvents, Marks, prefix_sums, range_maximum

_ESTIMATES = np.array(ESTIMATES)
Job = tuple[str, Callable[[], np.ndarray]]


class History:
    """Events grouped by entity with what their features are made of, in that order.

    `counts` say how many events are whose; rows are grouped so, in order of arrival within each entity.
    """

    def __init__(self, counts: np.ndarray, rows: Rows, plan: EntityPlan) -> None:
        self.plan = plan
        self.events = EntityEvents(counts, rows.instants)
        self.places, self.amounts = rows.places, rows.amounts
        self.counterparties = [DistinctCounter(self.events, counterparty) for counterparty in rows.counterparties]
        self.sums = None if rows.amounts is None else prefix_sums(rows.amounts)
        self._stops: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        if plan.labels:
            positions = np.flatnonzero(rows.frauds)
            own = rows.instants[positions]
            # The instant that counts, not the event's own: a label is never known before its event arrived.
            known = self.events.instants[positions] + plan.knowledge
            if rows.known_at is not None:
                known = np.maximum(known, rows.known_at[positions])
            self.frauds = Marks(self.events, positions, known, own)

    @cached_property
    def before(self) -> np.ndarray:
        """Microseconds since the entity's event before; the longest window's length without any, at most that."""
        events = self.events
        since = events.instants - events.instants[np.maximum(events.position - 1, 0)]
        return np.where(events.position > events.first, np.minimum(since, self.longest), self.longest)

    def known_stop(self, span: Span) -> tuple[np.ndarray, np.ndarray]:
        """Where what is known ends for each event: positions among the events, and among the frauds."""
        if span.width not in self._stops:
            events = self.events.at_or_after(span.known_stop, -self.plan.knowledge)
            self._stops[span.width] = events, self.frauds.before(span.known_stop)
        return self._stops[span.width]

    @property
    def longest(self) -> int:
        """Length of the longest window in microseconds."""
        return self.plan.longest.length


def measures(history: History) -> Iterator[Job]:
    """Yield name and computation of each of the entity's features."""
    plan, entity = history.plan, history.plan.entity
    for span in plan.spans:
        window = _Window(history, span)
        for aggregate in entity.aggregates:
            yield f"{entity.name}_{aggregate}_{span.text}", getattr(window, aggregate)
        for column, counter in zip(entity.distinct, history.counterparties, strict=True):
            name = f"{entity.name}_distinct_{column}_{span.text}"
            yield name, lambda window=window, counter=counter: window.distinct(counter)
    recencies = _Recencies(history)
    for recency in entity.recencies:
        yield f"{entity.name}_{recency}", getattr(recencies, recency)
    for place, coordinates in zip(entity.places, history.places, strict=True):
        yield f"{entity.name}_distance_{place}", lambda c=coordinates: _distance(history, *c)
        yield f"{entity.name}_speed_{place}", lambda c=coordinates: _speed(history, *c)


class _Window:
    """The aggregates of one window, by their names in the event type."""

    def __init__(self, history: History, span: Span) -> None:
        self._history, self._span = history, span

    @cached_property
    def _start(self) -> np.ndarray:
        return self._history.events.at_or_after(self._span.start)

    @cached_property
    def _known(self) -> tuple[np.ndarray, np.ndarray]:
        history, span = self._history, self._span
        start = history.events.at_or_after(span.known_start, -history.plan.knowledge)
        return start, history.known_stop(span)[0]

    @cached_property
    def _frauds(self) -> tuple[np.ndarray, np.ndarray]:
        history, span = self._history, self._span
        return history.frauds.before(span.known_start), history.known_stop(span)[1]

    @cached_property
    def _total(self) -> np.ndarray:
        return self._history.sums[1:] - self._history.sums[self._start]

    def count(self) -> np.ndarray:
        return self._history.events.position + 1 - self._start

    def sum(self) -> np.ndarray:
        return self._total / float(AMOUNT_SCALE)

    def mean(self) -> np.ndarray:
        return self._total / (self.count() * AMOUNT_SCALE)

    def max(self) -> np.ndarray:
        return range_maximum(self._history.amounts, self._start) / float(AMOUNT_SCALE)

    def ratio(self) -> np.ndarray:
        amounts = self._history.amounts
        earlier = self._total - amounts
        some = earlier > 0
        products = amounts.astype(np.float64) * (self.count() - 1)
        return np.where(some, products / np.where(some, earlier, 1), 1.0)

    def known_count(self) -> np.ndarray:
        first, stop = self._known
        return stop - first

    def risk(self) -> np.ndarray:
        first, last = self._frauds
        frauds = last - first
        return frauds / np.maximum(np.maximum(self.known_count(), frauds), 1)

    def distinct(self, counter: DistinctCounter) -> np.ndarray:
        found = counter(self._start)
        return _ESTIMATES[found] if self._history.plan.bucketed else found.astype(np.float64)


class _Recencies:
    """The recencies, by their names in the event type."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._instants = history.events.instants

    @cached_property
    def _window(self) -> _Window:
        return _Window(self._history, self._history.plan.longest)

    def since_last(self) -> np.ndarray:
        return _seconds(self._history.before)

    def since_known_fraud(self) -> np.ndarray:
        return self._since(self._history.frauds.latest)

    def since_first_known_fraud(self) -> np.ndarray:
        return self._since(self._history.frauds.earliest)

    def last_known_label(self) -> np.ndarray:
        first, stop = self._window._known
        frauds, last = self._window._frauds
        both = np.flatnonzero((stop > first) & (last > frauds))
        result = np.zeros(len(first), dtype=np.int64)
        result[both] = self._instants[stop[both] - 1] == self._history.frauds.latest(frauds[both], last[both])
        return result

    def _since(self, which: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        first, last = self._window._frauds
        there = np.flatnonzero(last > first)
        since = np.full(len(first), self._history.plan.delay + self._history.longest, dtype=np.int64)
        since[there] = self._instants[there] - which(first[there], last[there])
        return _seconds(since)


def _distance(history: History, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Kilometres from the entity's event before; NO_PLACE without one or without coordinates."""
    previous = np.maximum(history.events.position - 1, 0)
    distance = distance_km(latitude, longitude, latitude[previous], longitude[previous], root=np.sqrt)
    return np.where((history.before < history.longest) & ~np.isnan(distance), distance, NO_PLACE)


def _speed(history: History, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Kilometres an hour since the entity's event before, at least a second ago."""
    distance = _distance(history, latitude, longitude)
    return np.where(distance < 0, NO_PLACE, distance * 3.6e9 / np.maximum(history.before, MICROSECONDS))


def _seconds(microseconds: np.ndarray) -> np.ndarray:
    return microseconds / float(MICROSECONDS)
