"""Events of files as the API takes them, and the time that parts what is replayed from what came before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl

from fraud.data.errors import DataError
from fraud.data.reading import find_files, scan
from fraud.event_types.columns import event_columns, id_field
from fraud.event_types.model import EventType
from fraud.event_types.times import EPOCH_UNITS
from scripts.retraining.errors import InputError

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Payload:
    """A transaction as the API takes it, and its truth."""

    id: str
    body: dict[str, Any]
    amount: float
    is_fraud: bool


def read(path: Path, event_type: EventType) -> pl.DataFrame:
    """Return the events of a file or folder in order of arrival; raises InputError."""
    try:
        events = scan(find_files([path]), event_type).collect()
    except DataError as error:
        raise InputError(str(error)) from error
    order = event_type.arrival or event_type.timestamp
    if order:
        events = events.drop_nulls(order).sort(order, maintain_order=True)
    return events.unique(event_type.id, keep="first", maintain_order=True) if event_type.id else events


def is_recent(events: pl.DataFrame, event_type: EventType, days: float) -> pl.Series:
    """Return whether each event is of the last days; of the last tenth where events have no time."""
    if event_type.timestamp is None:
        return pl.Series(range(len(events)), dtype=pl.Int64) >= len(events) - len(events) // 10
    times = events[event_type.timestamp]
    return times > times.max() - timedelta(days=days)


def parted(events: pl.DataFrame, event_type: EventType, days: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what came before the last days, and these."""
    recent = is_recent(events, event_type, days)
    return events.filter(~recent), events.filter(recent)


def some_cards(events: pl.DataFrame, event_type: EventType, most: int) -> pl.DataFrame:
    """Return all events of as many cards as have about `most` together; the latest where there are no cards.

    A card keeps every event, so what is known of it is the same as with all cards.
    """
    if len(events) <= most:
        return events
    card = next((entity.column for entity in event_type.entities if entity.name == event_type.card), None)
    if card is None:
        return events.tail(most)
    counts = events.group_by(card).len().with_columns(pl.col(card).hash(seed=0).alias("order")).sort("order", card)
    chosen = counts.filter(pl.col("len").cum_sum() <= most)[card]
    return events.filter(events[card].is_in(chosen.implode())) if len(chosen) else events.tail(most)


def payloads(events: pl.DataFrame, event_type: EventType) -> Iterator[Payload]:
    """Yield each event as the API takes it; ids are made of row numbers where the events have none."""
    columns = [name for name in event_columns(event_type) if name in events.columns]
    identifier = id_field(event_type)
    for row, values in enumerate(events.iter_rows(named=True)):
        body = {name: _plain(values[name], name, event_type) for name in columns}
        body.setdefault(identifier, f"row-{row}")
        amount = values.get(event_type.amount) if event_type.amount else None
        yield Payload(str(body[identifier]), body, amount or 0.0, values.get(event_type.label) == 1)


def _plain(value: Any, column: str, event_type: EventType) -> Any:
    if not isinstance(value, datetime):
        return value
    if column != event_type.timestamp or event_type.timestamp_format == "iso":
        return value.replace(tzinfo=timezone.utc).isoformat()
    unit = EPOCH_UNITS.get(event_type.timestamp_format)
    if unit is None:
        return value.strftime(event_type.timestamp_format)
    microseconds = (value - _EPOCH) // timedelta(microseconds=1)
    return microseconds // unit if microseconds % unit == 0 else microseconds / unit
