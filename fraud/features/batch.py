"""The batch engine: features of many events at once, each from what was known at its own instant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from fraud.event_types.model import Entity, EventType
from fraud.features.catalogue import features_of
from fraud.features.windows import (
    MICROSECONDS,
    EntityEvents,
    Timeline,
    last_marked,
    next_marked,
    prefix_sums,
    range_maximum,
)

AMOUNT_SCALE = 10_000
"""Amounts are added up as whole ten-thousandths: sums are exact, whatever came before or stands beside."""
LARGEST_AMOUNT = 1e12
DAY = 86_400


def compute(
    events: pl.DataFrame,
    event_type: EventType,
    keep: pl.Series | None = None,
    float_type: type[pl.DataType] = pl.Float32,
) -> pl.DataFrame:
    """Return the features of `events`, one row for each, in the order of `features_of(event_type)`.

    `events` has the event type's columns, in order of time (ties: in order of arrival), times as Datetime in
    microseconds. With `keep` (boolean, one for each event) only those rows are returned, while the others
    still count as history. Floats are computed with 64 bits and returned as `float_type`, integers as Int32.
    Memory is proportional to the events; raises ValueError if they are not in order of time.
    """
    kept = None if keep is None else keep.to_numpy()
    types = {"float": float_type, "int": pl.Int32}
    declared = {feature.name: types[feature.type] for feature in features_of(event_type)}
    columns: dict[str, pl.Series] = {}

    def add(name: str, values: np.ndarray | pl.Series) -> None:
        series = values.rename(name) if isinstance(values, pl.Series) else pl.Series(name, values)
        if kept is not None:
            series = series.filter(keep)
        columns[name] = series.cast(declared[name])

    _add_plain(events, event_type, add)
    entities = [entity for entity in event_type.entities if entity.windows]
    if entities:
        instants = events[event_type.timestamp].cast(pl.Datetime("us")).to_physical().to_numpy()
        timeline = Timeline(instants)
        amounts = _scaled_amounts(events, event_type)
        frauds = events[event_type.label].cast(pl.Int8).to_numpy()
        for entity in entities:
            history = EntityEvents(timeline, _codes(events[entity.column]))
            _add_entity(entity, event_type, history, amounts, frauds, add)
    return pl.DataFrame([columns[name] for name in declared])


def _add_plain(events: pl.DataFrame, event_type: EventType, add: Callable) -> None:
    if event_type.amount:
        add(event_type.amount, events[event_type.amount])
    for variable in event_type.variables:
        column = events[variable.column]
        if variable.type == "category":
            order = {value: position for position, value in enumerate(variable.values)}
            column = column.cast(pl.String).replace_strict(order, default=-1, return_dtype=pl.Int32)
        if variable.column != event_type.amount:
            add(variable.column, column)
    if event_type.calendar:
        time = events[event_type.timestamp].dt
        calendar = {
            "is_weekend": lambda: time.weekday() >= 6,
            "is_night": lambda: time.hour() <= 6,
            "hour": time.hour,
        }
        for name in event_type.calendar:
            add(name, calendar[name]())


def _add_entity(
    entity: Entity,
    event_type: EventType,
    history: EntityEvents,
    amounts: np.ndarray | None,
    frauds: np.ndarray,
    add: Callable,
) -> None:
    """Add the features of one entity; `amounts` and `frauds` are in the timeline's order."""

    def emit(measure: str, values: np.ndarray) -> None:
        add(f"{entity.name}_{measure}", history.scatter(values))

    stop = history.position + 1
    delay = event_type.label_delay_days * DAY
    longest = max(window.seconds for window in entity.windows)
    asked = set(entity.aggregates)
    if amounts is not None:
        own = amounts[history.order]
        sums = prefix_sums(own)
    is_fraud = frauds[history.order] == 1
    fraud_counts = prefix_sums(is_fraud)
    known_stop = history.start(delay)
    for window in entity.windows:
        start = history.start(window.seconds)
        count = stop - start
        total = sums[stop] - sums[start] if amounts is not None else None
        known_start = history.start(delay + window.seconds)
        known = known_stop - known_start
        measures: dict[str, Callable[[], np.ndarray]] = {
            "count": lambda count=count: count,
            "sum": lambda total=total: total / AMOUNT_SCALE,
            "mean": lambda total=total, count=count: total / (count * AMOUNT_SCALE),
            "max": lambda start=start: range_maximum(own, start) / AMOUNT_SCALE,
            "ratio": lambda total=total, count=count: _ratio(own, total, count),
            "known_count": lambda known=known: known,
            "risk": lambda known=known, known_start=known_start: (
                (fraud_counts[known_stop] - fraud_counts[known_start]) / np.maximum(known, 1)
            ),
        }
        for measure in asked:
            emit(f"{measure}_{window.text}", measures[measure]())
    recencies = {
        "since_last": lambda: _since_last(history, longest),
        "since_known_fraud": lambda: _since_known_fraud(history, is_fraud, delay, longest, latest=True),
        "since_first_known_fraud": lambda: _since_known_fraud(history, is_fraud, delay, longest, latest=False),
        "last_known_label": lambda: _last_known_label(history, is_fraud, delay, longest),
    }
    for recency in entity.recencies:
        emit(recency, recencies[recency]())


def _ratio(own: np.ndarray, total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Amount over the mean of the earlier amounts in the window; 1 where there is none above 0."""
    earlier_total, earlier_count = total - own, count - 1
    some = earlier_total > 0
    return np.where(some, own * earlier_count / np.where(some, earlier_total, 1), 1.0)


def _since_last(history: EntityEvents, longest: int) -> np.ndarray:
    previous = np.maximum(history.position - 1, 0)
    seconds = (history.instants - history.instants[previous]) / MICROSECONDS
    return np.where(history.position > history.first, np.minimum(seconds, longest), longest)


def _since_known_fraud(
    history: EntityEvents, is_fraud: np.ndarray, delay: int, longest: int, latest: bool
) -> np.ndarray:
    start, stop = history.start(delay + longest), history.start(delay)
    found = last_marked(is_fraud)[stop] if latest else next_marked(is_fraud)[start]
    there = (found >= start) & (found < stop)
    seconds = (history.instants - history.instants[np.where(there, found, 0)]) / MICROSECONDS
    return np.where(there, seconds, delay + longest)


def _last_known_label(history: EntityEvents, is_fraud: np.ndarray, delay: int, longest: int) -> np.ndarray:
    start, stop = history.start(delay + longest), history.start(delay)
    return (stop > start) & is_fraud[np.maximum(stop - 1, 0)]


def _scaled_amounts(events: pl.DataFrame, event_type: EventType) -> np.ndarray | None:
    if not event_type.amount:
        return None
    amounts = events[event_type.amount].cast(pl.Float64).to_numpy()
    return np.rint(amounts * AMOUNT_SCALE).astype(np.int64)


def _codes(column: pl.Series) -> np.ndarray:
    """Return integers that tell the column's values apart; a missing value is an entity of its own."""
    codes = column.rank("dense").cast(pl.Int64)
    fresh = pl.Series(np.arange(len(column), dtype=np.int64)) + len(column) + 1
    return pl.select(pl.when(codes.is_null()).then(fresh).otherwise(codes)).to_series().to_numpy()
