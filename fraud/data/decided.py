"""Decided events with what turned out about them, as rows of their event type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import polars as pl

from fraud.event_types.columns import event_columns
from fraud.event_types.model import EventType
from fraud.event_types.payload import PayloadError, parse_event
from fraud.event_types.times import EPOCH_UNITS

ATTRIBUTES = ("event", "label", "instant", "label_at")
"""What is read of a stored decision."""
_TYPES = {"a number": pl.Float64, "a boolean": pl.Boolean, "a time": pl.Datetime("us"), "a text": pl.String}
_EPOCH = datetime(1970, 1, 1)
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def decision_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return event, label, instant and label_at (microseconds since 1970) of an item as DynamoDB writes it in JSON.

    Raises ValueError for an item that is no decision.
    """
    try:
        return {
            "event": json.loads(item["event"]["S"]),
            "label": item["label"]["S"] if "label" in item else None,
            "instant": int(item["instant"]["N"]),
            "label_at": int(item["label_at"]["N"]) if "label_at" in item else None,
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"an attribute is missing or of another type: {error}") from None


def is_open(decision: Mapping[str, Any], event_type: EventType, now: datetime) -> bool:
    """Whether the label delay is not over (`now` in UTC): what is known of that time is its first frauds alone."""
    return _time(decision["instant"]) + timedelta(days=event_type.label_delay_days) > now.replace(tzinfo=None)


def rows_of(decisions: Iterable[Mapping[str, Any]], event_type: EventType) -> tuple[list[dict[str, Any]], int]:
    """Return rows of the event type's columns, and how many events are of another type than this one.

    What has no label is genuine: frauds are reported, genuine payments are not.
    """
    rows, foreign = [], 0
    for decision in decisions:
        try:
            event = parse_event(event_type, decision["event"], decision["instant"])
        except PayloadError:
            foreign += 1
            continue
        row = dict(event.values)
        if event_type.id:
            row[event_type.id] = event.id
        if event_type.timestamp:
            row[event_type.timestamp] = _time(event.instant)
        row[event_type.label] = int(decision["label"] == "fraud")
        if event_type.label_known_at:
            row[event_type.label_known_at] = _time(decision["label_at"]) if decision["label_at"] else None
        if event_type.arrival:
            row[event_type.arrival] = _time(decision["instant"])
        rows.append(row)
    return rows, foreign


def schema_of(event_type: EventType) -> dict[str, Any]:
    """Return the columns of `frame_of` with their types."""
    schema: dict[str, Any] = {name: _TYPES[column.family] for name, column in event_columns(event_type).items()}
    schema |= {name: pl.Datetime("us") for name in (event_type.label_known_at, event_type.arrival) if name}
    return {**schema, event_type.label: pl.Int8()}


def frame_of(rows: list[dict[str, Any]], event_type: EventType) -> pl.DataFrame:
    """Return the rows as a typed frame in order of time: times are Datetime, the label is 0 or 1."""
    frame = pl.DataFrame(rows, schema=schema_of(event_type), orient="row")
    return frame.sort(event_type.timestamp, maintain_order=True) if event_type.timestamp else frame


def as_in_files(frame: Frame, event_type: EventType) -> Frame:
    """Return a typed frame with label and times as files of this event type write them."""
    meanings = {0: event_type.label_genuine or ("0",), 1: event_type.label_fraud or ("1",)}
    texts = {value: texts[0] for value, texts in meanings.items()}
    label = pl.col(event_type.label).replace_strict(texts, default=None, return_dtype=pl.String)
    changed = [label]
    if event_type.timestamp:
        changed.append(_written(pl.col(event_type.timestamp), event_type.timestamp_format))
    return frame.with_columns(changed)


def _written(times: pl.Expr, form: str) -> pl.Expr:
    if form == "iso":
        return times
    if form in EPOCH_UNITS:
        return times.to_physical().cast(pl.Float64) / EPOCH_UNITS[form]
    return times.dt.strftime(form)


def _time(instant: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant)
