"""Times of events: texts and numbers to whole microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

SECOND = 1_000_000
EPOCH_UNITS = {
    "epoch_microseconds": 1,
    "epoch_milliseconds": 1000,
    "epoch_seconds": SECOND,
    "epoch_hours": 3600 * SECOND,
    "epoch_days": 86_400 * SECOND,
}
"""Microseconds of each unit that a number may be given in."""
_DAY_OF_CALENDAR = (
    r"([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))|([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29)"
)
ISO_PATTERN = (
    rf"^{_DAY_OF_CALENDAR}"
    r"([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?)?$"
)
"""ISO 8601: a date, or date and time, with or without seconds, fractions and zone (UTC without one)."""
DATE_PATTERN = rf"^{_DAY_OF_CALENDAR}([Tt ].{{0,40}})?$"
"""A date; a time behind it is ignored."""
EARLIEST = (date(1000, 1, 1).toordinal() - date(1970, 1, 1).toordinal()) * 86_400 * SECOND
LATEST = (date(9999, 12, 31).toordinal() - date(1970, 1, 1).toordinal()) * 86_400 * SECOND
# Those that Python and polars read alike, whatever the machine's language.
_DIRECTIVES = "YymdHIMSp"
_EPOCH = date(1970, 1, 1).toordinal()
_EPOCH_TIME = datetime(1970, 1, 1)
_ISO = re.compile(ISO_PATTERN)
_DATE = re.compile(DATE_PATTERN)
_DIGITS = re.compile("[0-9]+")
_DAY = 86_400 * SECOND


def pattern_fault(pattern: str) -> str | None:
    """Return what is wrong with a pattern such as "%d/%m/%Y %H:%M", or None."""
    found = re.findall(r"%(.?)", pattern)
    wrong = [f"%{directive}" for directive in found if directive not in _DIRECTIVES or not directive]
    allowed = ", ".join(f"%{directive}" for directive in _DIRECTIVES)
    if wrong:
        return f"{', '.join(wrong)} not among {allowed}"
    if not {"m", "d"} <= set(found) or not {"Y", "y"} & set(found):
        return f"year, month and day are needed ({allowed})"
    if len(found) > len(set(found)):
        return "each part once"
    return None


def time_reader(form: str) -> Callable[[Any], int | None]:
    """Return the function that reads values of a timestamp format; it returns None for those that are no time."""
    if form == "iso":
        return iso_instant
    if form in EPOCH_UNITS:
        unit = EPOCH_UNITS[form]
        return lambda value: _epoch_instant(value, unit)
    return lambda value: _pattern_instant(value, form)


def iso_instant(value: Any) -> int | None:
    """Return the instant of an ISO 8601 text; digits beyond microseconds are dropped."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return None
    days = date(int(value[:4]), int(value[5:7]), int(value[8:10])).toordinal() - _EPOCH
    instant = days * _DAY
    if len(value) == 10:
        return instant
    instant += (int(value[11:13]) * 3600 + int(value[14:16]) * 60) * SECOND
    rest = value[16:]
    if rest[:1] == ":":
        instant += int(rest[1:3]) * SECOND
        rest = rest[3:]
    if rest[:1] == ".":
        digits = _DIGITS.match(rest, 1)[0]
        instant += int(digits[:6].ljust(6, "0"))
        rest = rest[1 + len(digits) :]
    if rest and rest not in "Zz":
        offset = (int(rest[1:3]) * 60 + int(rest[-2:])) * 60 * SECOND
        instant += -offset if rest[0] == "+" else offset
    return instant


def iso_date(value: str) -> str | None:
    """Return the date in an ISO 8601 text as YYYY-MM-DD, or None."""
    return value[:10] if _DATE.fullmatch(value) else None


def _epoch_instant(value: Any, unit: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not EARLIEST <= value * unit <= LATEST:
        return None
    instant = int(value * unit)
    return instant if EARLIEST <= instant <= LATEST else None


def _pattern_instant(value: Any, form: str) -> int | None:
    try:
        time = datetime.strptime(value, form)
    except (TypeError, ValueError):
        return None
    passed = time - _EPOCH_TIME
    return (passed.days * 86_400 + passed.seconds) * SECOND
