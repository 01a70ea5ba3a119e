"""Faults of single rows: found, counted by reason, and kept out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import polars as pl

from fraud.data.reading import FILE, ROW, collect, scan
from fraud.event_types.model import EventType
from fraud.features.batch import LARGEST_AMOUNT

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
    """Good rows in order of time (ties: order of the files), and the rejected ones as FILE, ROW, REASON."""

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
    rules = _rules(event_type, now + FUTURE_TOLERANCE)
    reason = pl.coalesce(*[pl.when(bad).then(pl.lit(rule.reason)) for rule, bad in rules], pl.lit(None, pl.String))
    frame = collect(scan(files, event_type).with_columns(reason.alias(REASON)), files)
    listed = {rule.reason: rule for rule, _ in rules}
    if event_type.id:
        rule = _duplicates(event_type.id)
        listed[rule.reason] = rule
        # Only rows that are good otherwise compete, so that a repaired repetition is not lost with its faulty one.
        repeated = ~pl.struct(event_type.id, pl.col(REASON).is_null()).is_first_distinct()
        frame = frame.with_columns(
            pl.when(pl.col(REASON).is_null() & repeated).then(pl.lit(rule.reason)).otherwise(REASON).alias(REASON)
        )
    good = frame.filter(pl.col(REASON).is_null()).drop(REASON)
    if event_type.timestamp and not good[event_type.timestamp].is_sorted():
        good = good.sort(event_type.timestamp, maintain_order=True)
    rejected = frame.lazy().filter(pl.col(REASON).is_not_null()).select(FILE, ROW, REASON).collect()
    return Cleaned(good, rejected, listed)


def _rules(event_type: EventType, latest: datetime) -> list[tuple[Rule, pl.Expr]]:
    """Return the rules with the condition that a row breaks them, most telling first."""
    rules: list[tuple[Rule, pl.Expr]] = []
    if event_type.id:
        column = event_type.id
        rule = Rule("id_missing", column, "no value", "give each row an identifier")
        rules.append((rule, pl.col(column).is_null()))
    if event_type.timestamp:
        column = event_type.timestamp
        wanted = {"iso": "a timestamp or an ISO 8601 text"}.get(event_type.timestamp_format, "a number")
        rule = Rule("timestamp_unreadable", column, "missing or not a time", f"write {wanted}")
        rules.append((rule, pl.col(column).is_null()))
        rule = Rule("timestamp_future", column, "a time in the future", "check clock, zone and format")
        rules.append((rule, pl.col(column) > latest))
    if event_type.amount:
        rules += _amount_rules(event_type.amount)
    column = event_type.label
    rule = Rule("label_missing", column, "no label", "leave out events not labelled yet")
    rules.append((rule, pl.col(column).is_null()))
    rule = Rule("label_unknown", column, "neither 0 nor 1", "write 1 for fraud and 0 for genuine")
    rules.append((rule, pl.col(column) > 1))
    if event_type.card_column:
        column = event_type.card_column
        rule = Rule(f"{event_type.card}_missing", column, "no value", "give each row its identifier")
        rules.append((rule, pl.col(column).is_null()))
    for variable in event_type.variables:
        if variable.type == "number" and variable.column != event_type.amount:
            column = variable.column
            rule = Rule(f"{column}_not_a_number", column, "missing, NaN or infinite", "fill or correct it")
            rules.append((rule, ~pl.col(column).is_finite().fill_null(False)))
    return rules


def _amount_rules(column: str) -> list[tuple[Rule, pl.Expr]]:
    amount = pl.col(column)
    return [
        (
            Rule("amount_not_a_number", column, "missing, NaN or not a number", "correct it or leave out the row"),
            amount.is_null() | amount.is_nan(),
        ),
        (Rule("amount_infinite", column, "infinite", "correct it or leave out the row"), amount.is_infinite()),
        (Rule("amount_negative", column, "below 0", "leave out refunds and reversals"), amount < 0),
        (
            Rule("amount_too_large", column, f"above {LARGEST_AMOUNT:.0e}", "check unit and decimal sign"),
            amount > LARGEST_AMOUNT,
        ),
    ]


def _duplicates(column: str) -> Rule:
    return Rule("id_duplicate", column, "the same value as in an earlier row", "keep one row for each event")
