"""Profiles of a whole history at once: what the online engine would have stored after its last event.

A platform that goes live with a history begins with these instead of nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import polars as pl

from fraud.event_types.model import EventType
from fraud.features.keys import key_column
from fraud.features.plan import EntityPlan, plans_of
from fraud.features.profile import Profile, layout_of
from fraud.features.rows import rows_of
from fraud.features.thresholds import known_from


def build(events: pl.DataFrame, event_type: EventType) -> Iterator[tuple[str, str, bytes]]:
    """Yield entity, value and profile of each entity value in `events` (in order of arrival).

    With them the online engine goes on as after the same events and labels. A label counts from when it became known,
    which may be later than the last event; one that is missing counts as genuine.
    """
    for plan in plans_of(event_type):
        layout = layout_of(plan)
        for value, history in _histories(events, event_type, plan):
            profile = Profile.from_bytes(plan, layout, None)
            _replay(profile, history)
            yield plan.name, value, profile.to_bytes()


def count(events: pl.DataFrame, event_type: EventType) -> int:
    """Return how many profiles `build` yields."""
    return sum(_keys(events, plan).drop_nulls().n_unique() for plan in plans_of(event_type))


def _keys(events: pl.DataFrame, plan: EntityPlan) -> pl.Series:
    return key_column(events[plan.entity.column], plan.entity.derive).cast(pl.String)


def _histories(events: pl.DataFrame, event_type: EventType, plan: EntityPlan) -> Iterator[tuple[str, list[Any]]]:
    """Yield each value with its events, as columns: instant, amount, fraud, label's arrival, counterparties, places."""
    rows = rows_of(events, event_type, plan)
    nothing = [None] * len(events)
    columns = {
        "instant": rows.instants,
        "amount": [0] * len(events) if rows.amounts is None else rows.amounts,
        "fraud": rows.frauds,
        "known_at": nothing if rows.known_at is None else rows.known_at,
    }
    columns |= {f"with_{column}": events[column].cast(pl.String) for column in plan.entity.distinct}
    for position, axes in enumerate(rows.places):
        columns |= {f"place_{position}_{axis}": values for axis, values in enumerate(axes)}
    frame = pl.DataFrame({"key": _keys(events, plan), **columns}).drop_nulls("key")
    for value, *history in frame.group_by("key", maintain_order=True).agg(pl.all()).iter_rows():
        yield value, history


def _replay(profile: Profile, history: list[Any]) -> None:
    """Count the events and the labels of one entity, in the order in which they came."""
    plan, windows = profile.plan, profile.windows
    instants, amounts, frauds, arrivals, *others = history
    split = len(plan.entity.distinct)
    counterparties, axes = others[:split], others[split:]
    pending: list[tuple[int, int]] = []
    for row, instant in enumerate(instants):
        while pending and pending[0][0] <= instant:
            known, own = heapq.heappop(pending)
            windows.learn(own, known, 1)
        clock = instant if profile.clock is None else max(instant, profile.clock)
        windows.add(clock, amounts[row], [column[row] for column in counterparties])
        profile.clock = clock
        if frauds[row]:
            heapq.heappush(pending, (known_from(clock, plan.delay, arrivals[row]), instant))
    for known, own in pending:
        windows.learn(own, known, 1)
    if axes:
        last = [column[-1] for column in axes]
        profile.places = list(zip(last[::2], last[1::2], strict=True))
