"""Spark's dialect of CSV, where it differs from everyone else's.

Spark reads with univocity's parser: a backslash escapes a quote within quotes, a doubled quote does not; a field that
goes on after its closing quote is taken as it stands, quotes and all, up to the next comma; blanks after a closing
quote are dropped; a field that is empty is missing, whether quoted or not; empty lines are none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_QUOTED = re.compile(r'"((?:[^"\\]|\\[\s\S])*)"')
_PLAIN = re.compile(r"[^,\n]*")
_AFTER = re.compile(r"[ \t]*(?=[,\n]|\Z)")
_ESCAPED = re.compile(r'\\(["\\])')
_CLEAN = re.compile(rb'(?:^|(?<=[,\n]))"[^"\\]*"(?=[,\n]|\Z)')

Record = list[str | None]


class Records(NamedTuple):
    """Records found, characters consumed, and how many quoted fields had no end."""

    found: list[Record]
    consumed: int
    unclosed: int


def is_clean(block: bytes) -> bool:
    """Whether every quote of a block of whole records opens or closes a field, so that any reader reads it alike."""
    return block.count(b'"') == 2 * len(_CLEAN.findall(block))


def records(text: str, final: bool) -> Records:
    """Split text into records; without `final` an unfinished last record is left for more text."""
    found: list[Record] = []
    record: Record = []
    at = start = unclosed = 0
    while at < len(text):
        if text[at] == "\n" and not record:
            at += 1
            start = at
            continue
        field, at, complete = _field(text, at)
        if not final and (not complete or at >= len(text)):
            return Records(found, start, unclosed)
        unclosed += not complete
        record.append(field or None)
        more = text[at : at + 1] == ","
        at += 1
        if more and at < len(text):
            continue
        if more and not final:
            return Records(found, start, unclosed)
        if more:
            record.append(None)
        found.append(record)
        record, start = [], at
    return Records(found, min(start, len(text)), unclosed)


def safe_header(names: Sequence[str | None]) -> list[str]:
    """Return column names as Spark makes them: _c<position> for none, the position added to those that repeat."""
    seen = Counter(name.lower() for name in names if name)
    return [
        f"_c{at}" if not name else f"{name}{at}" if seen[name.lower()] > 1 else name for at, name in enumerate(names)
    ]


def _field(text: str, at: int) -> tuple[str, int, bool]:
    """Return (value, where it ends, whether it has an end)."""
    if text[at : at + 1] != '"':
        end = _PLAIN.match(text, at).end()
        return text[at:end], end, True
    quoted = _QUOTED.match(text, at)
    if quoted is None:
        return _ESCAPED.sub(r"\1", text[at + 1 :]), len(text), False
    inside = _ESCAPED.sub(r"\1", quoted[1])
    after = _AFTER.match(text, quoted.end())
    if after:
        return inside, after.end(), True
    end = _PLAIN.match(text, quoted.end()).end()
    return f'"{inside}{text[quoted.end() - 1 : end]}', end, True
