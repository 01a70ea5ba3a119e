"""The label's column: what a file's values mean."""

from __future__ import annotations

import polars as pl

from fraud.data.typed import NO_NUMBER
from fraud.event_types.model import EventType

UNKNOWN = 2
"""In place of a value that means neither fraud nor genuine."""


def label_values(event_type: EventType, source: pl.DataType) -> pl.Expr:
    """Return 1 for fraud, 0 for genuine, UNKNOWN for another value, null where there is none (Int8).

    `source` is the type of the file's column. Events without a label are genuine already if the event type says so.
    """
    raw = pl.col(event_type.label)
    value = _stated(raw, event_type, source) if event_type.label_fraud else _zero_or_one(raw, source)
    return value.fill_null(0) if event_type.label_missing == "genuine" else value


def _stated(raw: pl.Expr, event_type: EventType, source: pl.DataType) -> pl.Expr:
    if source.is_float():
        # 1.0 is 1: integers with gaps are often stored as floats.
        number = raw.fill_nan(None)
        whole = number.cast(pl.Int64, strict=False)
        text = pl.when(whole.cast(source) == number).then(whole.cast(pl.String)).otherwise(number.cast(pl.String))
    else:
        text = raw.cast(pl.String).str.strip_chars()
    return (
        pl.when(text.is_null() | (text == ""))
        .then(None)
        .when(text.is_in(event_type.label_fraud))
        .then(1)
        .when(text.is_in(event_type.label_genuine))
        .then(0)
        .otherwise(UNKNOWN)
        .cast(pl.Int8)
    )


def _zero_or_one(raw: pl.Expr, source: pl.DataType) -> pl.Expr:
    text_value = source == pl.String or isinstance(source, pl.Categorical | pl.Enum)
    if text_value:
        words = raw.cast(pl.String).str.strip_chars().str.to_lowercase()
        raw = words.replace({"true": "1", "false": "0"})
        there = words.is_not_null() & ~words.is_in(NO_NUMBER)
    else:
        there = raw.is_not_null()
    # A label such as 0.5 or 300 must not be rounded or wrapped into a class.
    value = raw.cast(pl.Float64, strict=False).fill_nan(None)
    is_missing = ~there if text_value else value.is_null()
    known = pl.when(value.is_in([0.0, 1.0])).then(value).otherwise(float(UNKNOWN))
    return pl.when(is_missing).then(None).otherwise(known).cast(pl.Int8)
