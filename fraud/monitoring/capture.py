"""Reads what an endpoint captured: JSON lines of requests and answers, into one table of texts."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

PARTS = ("endpointOutput", "endpointInput")
"""The model's answer comes first in Model Monitor's tables, then the request."""


@dataclass(frozen=True)
class Captured:
    """Captured rows: `frame` of text columns, and how many records were read and how many were malformed."""

    frame: pl.DataFrame
    records: int
    malformed: int


def read_captures(folder: Path, names: Sequence[str] = (), parts: Iterable[str] = PARTS) -> Captured:
    """Read all .jsonl files below a folder, in the order of their paths.

    Columns take `names` by position, further ones are called _c<position>. Short rows are filled with missing
    values. A record that cannot be understood, or whose answers do not match its rows, counts as malformed.
    """
    wanted = [part for part in PARTS if part in set(parts)]
    rows: list[tuple[str, int]] = []
    records = malformed = 0
    for path in sorted(Path(folder).rglob("*.jsonl")):
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if not line.strip():
                    continue
                records += 1
                try:
                    rows += _rows(json.loads(line)["captureData"], wanted)
                except (ValueError, TypeError, KeyError, AttributeError):
                    malformed += 1
    if not rows:
        schema = dict.fromkeys(names, pl.String)
        return Captured(pl.DataFrame(schema=schema), records, malformed)
    # The table is as wide as its widest row; a column that nobody sent is not there at all.
    width = max(columns for _, columns in rows)
    columns = [names[at] if at < len(names) else f"_c{at}" for at in range(width)]
    text = "\n".join(line + "," * (width - sent) for line, sent in rows)
    frame = pl.read_csv(io.BytesIO(text.encode()), has_header=False, schema=dict.fromkeys(columns, pl.String))
    return Captured(frame, records, malformed)


def _rows(data: dict[str, Any], parts: Sequence[str]) -> list[tuple[str, int]]:
    """Return (line of CSV, number of columns) for each row of a record."""
    tables = [_table(data[part]) for part in parts]
    if len({len(table) for table in tables}) != 1:
        raise ValueError("answers and rows differ in number")
    return [
        (",".join(line for line, _ in row), sum(columns for _, columns in row)) for row in zip(*tables, strict=True)
    ]


def _table(part: dict[str, Any]) -> list[tuple[str, int]]:
    text = part["data"]
    kind = part["encoding"]
    if kind == "BASE64":
        try:
            text = base64.b64decode(text, validate=True).decode("utf-8")
        except binascii.Error as error:
            raise ValueError(str(error)) from None
        kind = "JSON" if "json" in part.get("observedContentType", "") else "CSV"
    if kind == "CSV":
        return [_csv_line(line) for line in text.splitlines() if line.strip()]
    if kind == "JSON":
        return [_written(row) for row in _json_rows(text)]
    raise ValueError(f"encoding {kind!r}")


def _csv_line(line: str) -> tuple[str, int]:
    if '"' in line:
        return _written(next(csv.reader([line])))
    return line, line.count(",") + 1


def _written(row: Sequence[Any]) -> tuple[str, int]:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([_text(value) for value in row])
    return buffer.getvalue(), len(row)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _json_rows(text: str) -> list[list[Any]]:
    try:
        return _unfold(json.loads(text))
    except ValueError:
        # JSON lines: a document a line.
        return [row for line in text.splitlines() if line.strip() for row in _unfold(json.loads(line))]


def _unfold(value: Any) -> list[list[Any]]:
    """Rows of a JSON document: {"instances": [[…]]}, {"predictions": [{"score": …}]}, lists or one object."""
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        if len(lists) == 1 and len(value) == 1:
            return _unfold(lists[0])
        return [_flat(value)]
    if isinstance(value, list) and value and all(isinstance(item, (list, dict)) for item in value):
        return [_flat(item) for item in value]
    return [_flat(value)]


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _flat(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _flat(item)]
    return [value]
