"""Values of a payload's fields, typed by what their columns hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fraud.event_types import limits, times
from fraud.event_types.columns import Column


class Refused(ValueError):
    """A value is not allowed; the message says what is, and never repeats the value."""


def value_reader(column: Column, timestamp_format: str) -> Callable[[Any], Any]:
    """Return the function that types a column's values, which are there; it raises Refused.

    It returns microseconds for a time, a float for numbers, a bool for a boolean, else a text.
    """
    if column.kind == "time":
        return _time(timestamp_format)
    if column.kind in limits.BOUNDS:
        return _number(*limits.BOUNDS[column.kind])
    special = {"boolean": _boolean, "id": _identifier, "date": _date}
    return special.get(column.kind) or _text(limits.longest_text(column.kind))


def _number(lowest: float, highest: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused("a number is needed")
        if not lowest <= value <= highest:
            raise Refused(f"a number from {lowest:g} to {highest:g} is needed")
        return float(value)

    return read


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused("true or false is needed")
    return value


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, str):
            text = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            text = _decimal(value)
        else:
            raise Refused("a text or an integer is needed")
        if len(text) > longest:
            raise Refused(f"at most {longest} characters are allowed")
        if not text.isascii() and not is_unicode(text):
            raise Refused("not valid Unicode: a surrogate stands alone")
        return text

    return read


def _decimal(value: int | float) -> str:
    # JSON does not tell 5.0 from 5, and files hold identifiers as either.
    if isinstance(value, float) and not value.is_integer():
        raise Refused("a text or an integer is needed")
    if abs(value) > limits.LARGEST_INTEGER:
        raise Refused("an integer of at most 64 bits is needed: write longer ones as texts")
    return str(int(value))


def _identifier(value: Any) -> str:
    text = _id_text(value)
    if not limits.ID.fullmatch(text):
        raise Refused("an identifier of letters, digits, _ and (not at its beginning) .:=+@~- is needed")
    return text


def _date(value: Any) -> str:
    found = times.iso_date(value) if isinstance(value, str) else None
    if found is None:
        raise Refused("a date such as 1999-12-31 is needed")
    return found


def _time(form: str) -> Callable[[Any], int]:
    read_time = times.time_reader(form)
    wanted = {"iso": "an ISO 8601 time such as 2025-06-30T23:59:59Z"}.get(form, f"a time as {form}")

    def read(value: Any) -> int:
        instant = read_time(value)
        if instant is None:
            raise Refused(f"{wanted} is needed")
        return instant

    return read


def is_unicode(text: str) -> bool:
    """Return whether no surrogate stands alone in a text, as JSON allows and UTF-8 does not."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_id_text = _text(limits.LONGEST_ID)
