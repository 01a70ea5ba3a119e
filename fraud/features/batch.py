"""The batch engine: features of many events at once, each from what was known when it arrived.

It agrees with the online engine (`online`) to the last bit of its 64-bit floats.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from fraud.event_types.model import EventType
from fraud.features.catalogue import features_of, features_of_entity
from fraud.features.history import History, measures
from fraud.features.keys import grouped, key_column
from fraud.features.plain_batch import plain_columns
from fraud.features.plan import EntityPlan, plans_of
from fraud.features.rows import rows_of
from fraud.features.windows import LARGEST_KEY

EVENTS_AT_ONCE = 131_072
"""Entities are worked on in parts of about so many events, which a processor's cache holds."""
_NUMPY = {pl.Int32: np.int32, pl.Float32: np.float32, pl.Float64: np.float64}


def compute(
    events: pl.DataFrame,
    event_type: EventType,
    keep: pl.Series | None = None,
    float_type: type[pl.DataType] = pl.Float32,
) -> pl.DataFrame:
    """Return the features of `events`, one row for each, in the order of `features_of(event_type)`.

    `events` has the event type's columns in order of arrival, times as Datetime in microseconds; labels that are
    missing count as genuine. With `keep` (boolean, one for each event) only those rows are returned, while the others
    still count as history. Floats are computed with 64 bits and returned as `float_type`, integers as Int32. All
    cores are used.
    """
    kept = None if keep is None else np.flatnonzero(keep.to_numpy())
    declared = declared_types(event_type, float_type)
    columns: dict[str, pl.Series] = {}
    for name, values in plain_columns(events, event_type):
        chosen = values if kept is None else values.gather(kept)
        columns[name] = chosen.cast(declared[name]).alias(name)
    for plan in plans_of(event_type):
        columns |= entity_columns(events, event_type, plan, kept, declared)
    return pl.DataFrame([columns[name] for name in declared])


def declared_types(event_type: EventType, float_type: type[pl.DataType]) -> dict[str, type[pl.DataType]]:
    """Return the type of each feature's column, in the order of `features_of(event_type)`."""
    types = {"float": float_type, "int": pl.Int32}
    return {feature.name: types[feature.type] for feature in features_of(event_type)}


def entity_columns(
    events: pl.DataFrame,
    event_type: EventType,
    plan: EntityPlan,
    kept: np.ndarray | None,
    declared: dict[str, type[pl.DataType]],
) -> dict[str, pl.Series]:
    """The features of one entity, computed part by part of its values."""
    order, counts = grouped(key_column(events[plan.entity.column], plan.entity.derive))
    rows = rows_of(events, event_type, plan)
    # Where each event's features go: its row among those kept, -1 for none.
    target = None
    if kept is not None:
        target = np.full(len(events), -1, dtype=np.int64)
        target[kept] = np.arange(len(kept))
    size = len(events) if kept is None else len(kept)
    names = [feature.name for feature in features_of_entity(plan.entity, event_type)]
    results = {name: np.empty(size, dtype=_NUMPY[declared[name]]) for name in names}

    def work(part: tuple[slice, slice]) -> None:
        entities, positions = part[0], order[part[1]]
        history = History(counts[entities], rows.take(positions), plan)
        places, wanted = positions, slice(None)
        if target is not None:
            places = target[positions]
            wanted = np.flatnonzero(places >= 0)
        for name, values in measures(history):
            results[name][places[wanted]] = values()[wanted]

    # numpy works without the interpreter's lock, so that threads suffice for all cores.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(work, _parts(counts, rows.instants)))
    return {name: pl.Series(name, values, dtype=declared[name]) for name, values in results.items()}


def _parts(counts: np.ndarray, instants: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Yield slices of entities and of their events, so that each part is about EVENTS_AT_ONCE long."""
    most = LARGEST_KEY // (int(instants.max()) - int(instants.min()) + 2) if len(instants) else 1
    stops = np.concatenate([[0], np.cumsum(counts)])
    first = 0
    while first < len(counts):
        last = int(np.searchsorted(stops, stops[first] + EVENTS_AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), first + most)
        yield slice(first, last), slice(int(stops[first]), int(stops[last]))
        first = last
