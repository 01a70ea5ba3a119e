"""Columns of files as what they hold: each kind's values, and which of them cannot be read as such."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fraud.event_types.times import EPOCH_UNITS

NO_NUMBER = ("", "na", "n/a", "nan", "null", "none")
"""Texts in place of a number that mean there is none (in lower case)."""
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
WANTED = {
    "time": "a timestamp, a date or a text",
    "amount": "a number",
    "number": "a number",
    "latitude": "a number",
    "longitude": "a number",
    "boolean": "a boolean, 0 and 1, or a text",
    "date": "a date or an ISO 8601 text",
    "id": "an integer or a text",
    "key": "an integer or a text",
    "category": "an integer or a text",
    "email": "a text",
    "ip": "a text",
    "text": "a text",
}
"""What a file's column may be, by the kind of values that are expected in it."""


@dataclass(frozen=True)
class Typed:
    """A column's values (null where there is none), and where a value is there but cannot be read."""

    values: pl.Expr
    unreadable: pl.Expr


def allowed(source: pl.DataType, kind: str, timestamp_format: str) -> bool:
    """Whether a file's column of type `source` can hold values of this kind."""
    if isinstance(source, pl.Categorical | pl.Enum):
        source = pl.String()
    number = source.is_numeric() or source == pl.String
    temporal = source == pl.String or source == pl.Date or isinstance(source, pl.Datetime)
    if kind == "time":
        return temporal if timestamp_format == "iso" or "%" in timestamp_format else number
    if kind in ("amount", "number", "latitude", "longitude"):
        return number
    if kind == "boolean":
        return number or source == pl.Boolean
    if kind == "date":
        return temporal
    return not source.is_nested() and not source.is_temporal() and source != pl.Binary


def typed(column: str, source: pl.DataType, kind: str, timestamp_format: str, *, integer: bool = False) -> Typed:
    """Return how a column of a file is read as values of its kind.

    Numbers become Float64, times Datetime in microseconds (UTC, no zone), booleans Boolean, dates and all else String;
    identifiers, keys and categories stay Int64 with `integer`.
    """
    raw = pl.col(column)
    if isinstance(source, pl.Categorical | pl.Enum):
        raw, source = raw.cast(pl.String), pl.String()
    if kind == "time":
        return _time(raw, source, timestamp_format)
    if kind in ("amount", "number", "latitude", "longitude"):
        return _number(raw, source)
    if kind == "boolean":
        return _boolean(raw, source)
    if kind == "date":
        return _date(raw, source)
    return _text(raw, source, integer)


def _number(raw: pl.Expr, source: pl.DataType) -> Typed:
    if source != pl.String:
        values = raw.cast(pl.Float64, strict=False).fill_nan(None)
        return Typed(values, values.is_infinite().fill_null(False))
    text = raw.str.strip_chars()
    there = text.is_not_null() & ~text.str.to_lowercase().is_in(NO_NUMBER)
    values = text.cast(pl.Float64, strict=False).fill_nan(None)
    return Typed(values, (there & (values.is_null() | values.is_infinite())).fill_null(False))


def _boolean(raw: pl.Expr, source: pl.DataType) -> Typed:
    if source == pl.Boolean:
        return Typed(raw, pl.lit(False))
    if source == pl.String:
        text = raw.str.strip_chars().str.to_lowercase()
        there = text.is_not_null() & (text != "")
    else:
        text = raw.cast(pl.Float64).fill_nan(None)
        there = text.is_not_null()
    yes, no = (TRUE, FALSE) if source == pl.String else ([1.0], [0.0])
    values = pl.when(text.is_in(yes)).then(True).when(text.is_in(no)).then(False).otherwise(None)
    return Typed(values, (there & values.is_null()).fill_null(False))


def _date(raw: pl.Expr, source: pl.DataType) -> Typed:
    if source != pl.String:
        return Typed(raw.dt.to_string("%Y-%m-%d"), pl.lit(False))
    text = raw.str.strip_chars()
    day = text.str.slice(0, 10)
    # A time may stand behind the date, as in exports from databases; it is left out.
    is_date = day.str.to_date("%Y-%m-%d", strict=False).is_not_null() & (day.str.len_chars() == 10)
    values = pl.when(is_date).then(day).otherwise(None)
    return Typed(values, (text.is_not_null() & (text != "") & ~is_date.fill_null(False)).fill_null(False))


def _text(raw: pl.Expr, source: pl.DataType, integer: bool) -> Typed:
    if source.is_integer():
        return Typed(raw.cast(pl.Int64 if integer else pl.String, strict=False), pl.lit(False))
    if source == pl.String:
        return Typed(pl.when(raw != "").then(raw).otherwise(None), pl.lit(False))
    if source.is_float():
        # Integers with gaps are often stored as floats: 5.0 is the key 5, as it is in the API.
        number = raw.fill_nan(None)
        whole = number.cast(pl.Int64, strict=False)
        values = pl.when(whole.cast(source) == number).then(whole.cast(pl.String)).otherwise(number.cast(pl.String))
        return Typed(values, pl.lit(False))
    return Typed(raw.cast(pl.String), pl.lit(False))


def _time(raw: pl.Expr, source: pl.DataType, form: str) -> Typed:
    if form in EPOCH_UNITS:
        number = raw.cast(pl.Float64, strict=False) if source == pl.String else raw
        values = (number * EPOCH_UNITS[form]).cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    elif source == pl.String:
        values = (
            _iso(raw) if form == "iso" else raw.str.strip_chars().str.to_datetime(form, time_unit="us", strict=False)
        )
    else:
        if isinstance(source, pl.Datetime) and source.time_zone:
            raw = raw.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        values = raw.cast(pl.Datetime("us"))
    there = raw.str.strip_chars() != "" if source == pl.String else raw.is_not_null()
    return Typed(values, (there & values.is_null()).fill_null(False))


def _iso(raw: pl.Expr) -> pl.Expr:
    text = raw.str.strip_chars().str.replace(r"^(\S{10})[ t]", "${1}T")
    # Seconds may be left out; what follows them reads one form.
    text = text.str.replace(r"^(\S{10}T\d{2}:\d{2})([Zz+-]|$)", "${1}:00${2}")
    plain = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    date = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    zoned = text.str.replace(r"z$", "Z").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False)
    return pl.coalesce(plain, date, zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
