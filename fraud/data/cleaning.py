"""Faults of single rows: found, counted by reason, and kept out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import polars as pl

from fraud.data.labels import UNKNOWN
from fraud.data.reading import FILE, ROW, UNREADABLE, collect, scan
from fraud.event_types.columns import event_columns
from fraud.event_types.limits import BOUNDS, LARGEST_AMOUNT
from fraud.event_types.model import EventType

REASON = "__reason"
FUTURE_TOLERANCE = timedelta(days=1)
"""Time zones unknown to us can put an honest clock ahead by less than a day."""


@dataclass(frozen=True)
class Rule:
    """A reason to reject a row: the column at fault, what is wrong with it, and what to do."""

    reason: str
    column: str
    fault: str
    remedy: str


@dataclass(frozen=True)
class Cleaned:
    """Good rows in order of arrival (ties: order of the files), and the rejected ones as FILE, ROW, REASON.

    Events without a label that are no fault have null there: they are history, and in no split.
    """

    events: pl.DataFrame
    rejected: pl.DataFrame
    rules: dict[str, Rule]

    @property
    def rejected_by_reason(self) -> dict[str, int]:
        """Number of rejected rows by reason, most frequent first."""
        counts = self.rejected[REASON].value_counts(sort=True).rows()
        return {str(reason): count for reason, count in counts}


def clean(files: Sequence[Path], event_type: EventType, now: datetime | None = None) -> Cleaned:
    """Read the files and sort their rows into good and rejected; a row counts under its first reason.

    `now` (UTC) is the latest time believed, with a day's tolerance. Raises DataError for faults of whole files.
    """
    now = (now or datetime.now(timezone.utc)).astimezone(timezone.utc).replace(tzinfo=None)
    rules = list(_rules(event_type, now + FUTURE_TOLERANCE))
    reason = pl.coalesce(*[pl.when(bad).then(pl.lit(rule.reason)) for rule, bad in rules], pl.lit(None, pl.String))
    frame = collect(scan(files, event_type).with_columns(reason.alias(REASON)).drop(UNREADABLE), files)
    listed = {rule.reason: rule for rule, _ in rules}
    frame = _in_order_of_arrival(frame, event_type)
    if event_type.id:
        rule = _duplicates(event_type.id)
        listed[rule.reason] = rule
        # Only rows that are good otherwise compete, so that a repaired repetition is not lost with its faulty one.
        repeated = ~pl.struct(event_type.id, pl.col(REASON).is_null()).is_first_distinct()
        frame = frame.with_columns(
            pl.when(pl.col(REASON).is_null() & repeated).then(pl.lit(rule.reason)).otherwise(REASON).alias(REASON)
        )
    good = frame.filter(pl.col(REASON).is_null()).drop(REASON)
    rejected = frame.lazy().filter(pl.col(REASON).is_not_null()).select(FILE, ROW, REASON).sort(FILE, ROW).collect()
    return Cleaned(good, rejected, listed)


def _in_order_of_arrival(frame: pl.DataFrame, event_type: EventType) -> pl.DataFrame:
    """Sort by arrival or, where the event type has none, by time; ties stay in the files' order."""
    order = event_type.arrival or event_type.timestamp
    if order is None or frame[order].is_sorted():
        return frame
    return frame.sort(order, maintain_order=True)


def _rules(event_type: EventType, latest: datetime) -> Iterator[tuple[Rule, pl.Expr]]:
    """Yield the rules with the condition that a row breaks them, most telling first."""
    if event_type.id:
        yield (
            Rule("id_missing", event_type.id, "no value", "give each row an identifier"),
            pl.col(event_type.id).is_null(),
        )
    if event_type.timestamp:
        yield from _time_rules("timestamp", event_type.timestamp, event_type.timestamp_format, latest)
    if event_type.arrival:
        yield from _time_rules("arrival", event_type.arrival, event_type.timestamp_format, latest)
    if event_type.amount:
        yield from _amount_rules(event_type.amount)
    yield from _label_rules(event_type)
    if event_type.card_column:
        rule = Rule(f"{event_type.card}_missing", event_type.card_column, "no value", "give each row its identifier")
        yield rule, pl.col(event_type.card_column).is_null()
    for name, column in event_columns(event_type).items():
        if name != event_type.amount:
            yield from _value_rules(name, column.kind)


def _time_rules(role: str, column: str, form: str, latest: datetime) -> Iterator[tuple[Rule, pl.Expr]]:
    wanted = {"iso": "a timestamp or an ISO 8601 text"}.get(
        form, f"a text such as {form}" if "%" in form else "a number"
    )
    rule = Rule(f"{role}_unreadable", column, "missing or not a time", f"write {wanted}")
    yield rule, pl.col(column).is_null()
    rule = Rule(f"{role}_future", column, "a time in the future", "check clock, zone and format")
    yield rule, pl.col(column) > latest


def _label_rules(event_type: EventType) -> Iterator[tuple[Rule, pl.Expr]]:
    column = pl.col(event_type.label)
    if event_type.label_missing == "reject":
        remedy = "leave out events not labelled yet, or state label.missing: genuine or ignore in the event type"
        yield Rule("label_missing", event_type.label, "no label", remedy), column.is_null()
    fault, remedy = "neither 0 nor 1", "write 1 for fraud and 0 for genuine, or state label.fraud and label.genuine"
    if event_type.label_fraud:
        fault = f"none of {', '.join((*event_type.label_fraud, *event_type.label_genuine))}"
        remedy = "add the value to label.fraud or label.genuine in the event type"
    yield Rule("label_unknown", event_type.label, fault, remedy), column == UNKNOWN
    if event_type.label_known_at:
        rule = Rule(
            "label_known_at_unreadable", event_type.label_known_at, "not a time", "correct it or leave it empty"
        )
        yield rule, _unreadable(event_type.label_known_at)


def _amount_rules(column: str) -> Iterator[tuple[Rule, pl.Expr]]:
    amount = pl.col(column)
    remedy = "correct it or leave out the row"
    yield Rule("amount_infinite", column, "infinite", remedy), amount.is_infinite()
    yield Rule("amount_not_a_number", column, "missing, NaN or not a number", remedy), amount.is_null()
    yield Rule("amount_negative", column, "below 0", "leave out refunds and reversals"), amount < 0
    remedy = "check unit and decimal sign"
    yield Rule("amount_too_large", column, f"above {LARGEST_AMOUNT:.0e}", remedy), amount > LARGEST_AMOUNT


def _value_rules(name: str, kind: str) -> Iterator[tuple[Rule, pl.Expr]]:
    """Rules of a column whose values may be missing."""
    column = pl.col(name)
    if kind in BOUNDS:
        fault, remedy = "infinite or not a number", "correct it, or leave it empty where it is not known"
        yield Rule(f"{name}_not_a_number", name, fault, remedy), _unreadable(name)
        lowest, highest = BOUNDS[kind]
        rule = Rule(f"{name}_out_of_range", name, f"not from {lowest:g} to {highest:g}", "check unit and decimal sign")
        yield rule, (column < lowest) | (column > highest)
    elif kind == "boolean":
        rule = Rule(f"{name}_not_a_boolean", name, "neither true nor false", "write true, false or nothing")
        yield rule, _unreadable(name)
    elif kind == "date":
        rule = Rule(f"{name}_not_a_date", name, "not a date", "write dates as 1999-12-31, or leave it empty")
        yield rule, _unreadable(name)


def _unreadable(column: str) -> pl.Expr:
    return pl.col(UNREADABLE).struct.field(column)


def _duplicates(column: str) -> Rule:
    return Rule("id_duplicate", column, "the same value as in an earlier row", "keep one row for each event")
