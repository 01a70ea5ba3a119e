"""CSV files in batches of text columns, read as Spark reads them for Model Monitor."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from fraud.monitoring.reading.dialect import is_clean, records, safe_header
from fraud.monitoring.reading.issues import Issues
from fraud.monitoring.reading.streams import blocks, valid_utf8

_BLANK_LINES = re.compile(rb"\n\n+")
_LONGEST_RECORD = 64 << 20
_LINES_OF_A_FIELD = 50


def columns_of(path: Path, header: bool) -> list[str]:
    """Return the names of a file's columns; none for a file without a record."""
    for block, final in _whole_records(path, Issues()):
        first = _first(block, final)
        if first is not None:
            return safe_header(first[0]) if header else [f"_c{at}" for at in range(len(first[0]))]
    return []


def read_csv(
    path: Path, header: bool, issues: Issues, only: Collection[str] | None = None, text: bytes | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file in batches; `only` limits the columns. A missing value is null."""
    names: list[str] | None = None
    for block, final in _whole_records(path, issues) if text is None else [(text, True)]:
        if names is None:
            first = _first(block, final)
            if first is None:
                continue
            names = safe_header(first[0]) if header else [f"_c{at}" for at in range(len(first[0]))]
            block = block[first[1] :] if header else block
        wanted = [name for name in names if only is None or name in only]
        frame = _parse(block, names, wanted, issues)
        if len(frame) or not wanted:
            yield frame
    if names is None:
        issues["blank_files"] += 1


def _whole_records(path: Path, issues: Issues) -> Iterator[tuple[bytes, bool]]:
    """Yield (records, whether they are the last)."""
    rest = b""
    before = issues["truncated_files"]
    for block in blocks(path, issues):
        rest += block
        end = _end_of_records(rest)
        if end:
            yield valid_utf8(rest[:end], issues), False
            rest = rest[end:]
    if issues["truncated_files"] > before:
        # What follows the last line feed was cut off somewhere.
        rest = b""
    if rest.strip(b"\n"):
        yield valid_utf8(rest, issues), True


def _end_of_records(text: bytes) -> int:
    """Where the last whole record ends, 0 where there is none yet."""
    end = text.rfind(b"\n") + 1
    if b'"' not in text or not end:
        return end
    cut = end
    for _ in range(_LINES_OF_A_FIELD):
        if cut and text.count(b'"', 0, cut) % 2:
            cut = text.rfind(b"\n", 0, cut - 1) + 1
    if cut and is_clean(text[:cut]):
        return cut
    characters = text.decode("utf-8", "surrogateescape")
    consumed = records(characters, final=False).consumed
    if consumed:
        return len(characters[:consumed].encode("utf-8", "surrogateescape"))
    # A quote that never closes would take the rest of the file into memory.
    return end if len(text) > _LONGEST_RECORD else 0


def _first(block: bytes, final: bool) -> tuple[list[str | None], int] | None:
    """Return (the first record, bytes up to its end), None where there is none."""
    start = end = len(block) - len(block.lstrip(b"\n"))
    while True:
        end = block.find(b"\n", end) + 1
        found = records(block[start : end or None].decode("utf-8", "replace"), final and not end).found
        if found:
            return found[0], end or len(block)
        if not end:
            return None


def _parse(block: bytes, names: Sequence[str], wanted: Sequence[str], issues: Issues) -> pl.DataFrame:
    quoted = b'"' in block
    if quoted and not is_clean(block):
        return _parse_unclean(block, names, wanted, issues)
    if block.startswith(b"\n") or b"\n\n" in block:
        # Within quotes an empty line is text: then the slower way.
        if quoted:
            return _parse_unclean(block, names, wanted, issues)
        block = _BLANK_LINES.sub(b"\n", block).lstrip(b"\n")
    if not block:
        return pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))
    # A header of our own sets the width, whatever the first row has.
    places = {str(at): name for at, name in enumerate(names)}
    columns = [at for at, name in places.items() if name in wanted]
    frame = pl.read_csv(
        b",".join(at.encode() for at in places) + b"\n" + block,
        columns=columns,
        infer_schema=False,
        quote_char='"' if quoted else None,
        truncate_ragged_lines=True,
    ).rename({at: places[at] for at in columns})
    # Spark takes a quoted field without text for a missing value too.
    if quoted:
        frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
    _count_fields(_separators(block, quoted) + 1, names, issues)
    return frame


def _separators(block: bytes, quoted: bool) -> np.ndarray:
    """Number of commas of each record, shape (records,)."""
    text = np.frombuffer(block if block.endswith(b"\n") else block + b"\n", np.uint8)
    commas, ends = text == ord(","), text == ord("\n")
    if quoted:
        outside = np.bitwise_xor.accumulate(text == ord('"')) == 0
        commas, ends = commas & outside, ends & outside
    return np.diff(np.searchsorted(np.flatnonzero(commas), np.flatnonzero(ends)), prepend=0)


def _parse_unclean(block: bytes, names: Sequence[str], wanted: Sequence[str], issues: Issues) -> pl.DataFrame:
    found, _, unclosed = records(block.decode("utf-8"), True)
    issues["unclosed_quotes"] += unclosed
    _count_fields(np.array([len(row) for row in found]), names, issues)
    places = {name: at for at, name in enumerate(names)}
    return pl.DataFrame(
        {name: [row[places[name]] if places[name] < len(row) else None for row in found] for name in wanted},
        schema=dict.fromkeys(wanted, pl.String),
    )


def _count_fields(sizes: np.ndarray, names: Sequence[str], issues: Issues) -> None:
    issues["missing_fields"] += int((sizes < len(names)).sum())
    issues["extra_fields"] += int((sizes > len(names)).sum())
