"""Reads what an endpoint captured: JSON lines of requests and answers, into batches of rows of texts."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import polars as pl

from fraud.monitoring.errors import DataError
from fraud.monitoring.reading.issues import Issues
from fraud.monitoring.reading.streams import lines
from fraud.monitoring.records import of_challenger

PARTS = ("endpointOutput", "endpointInput")
"""The model's answer comes first in Model Monitor's tables, then the request."""
BATCH_ROWS = 20_000
_NAMES = ("*.jsonl", "*.jsonl.gz")
_LINE_END = re.compile(r"\r\n|\n|\r")
_SHADOW = "ShadowExperiment"

Row = tuple[str, int]
"""A line of CSV and how many fields it has."""
Window = tuple[datetime | None, datetime | None]
Unpack = Callable[[dict[str, Any]], list[Row]]
"""Makes rows of a captured record; raises ValueError for one that cannot be understood."""


class MalformedError(ValueError):
    """A record cannot be understood; `reason` is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Captured:
    """Captured rows: `frame` of text columns, and how many records were read and how many were malformed."""

    frame: pl.DataFrame
    records: int
    malformed: int


def read_captures(folder: Path, names: Sequence[str] = (), parts: Iterable[str] = PARTS) -> Captured:
    """Read all captures below a folder at once; see capture_batches."""
    issues = Issues()
    frames = list(capture_batches(folder, issues, names, parts))
    if not frames:
        frames = [pl.DataFrame(schema=dict.fromkeys(names, pl.String))]
    # The table is as wide as its widest row; a column that nobody sent is not there at all.
    return Captured(pl.concat(frames, how="diagonal"), issues["records"], issues["malformed"])


def capture_batches(
    folder: Path,
    issues: Issues,
    names: Sequence[str] = (),
    parts: Iterable[str] = PARTS,
    window: Window = (None, None),
    unpack: Unpack | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of all .jsonl files below a folder (gzip or not), in the order of their paths.

    Columns take `names` by position, further ones are called _c<position>. Short rows are filled with missing
    values. A record that cannot be understood, or whose answers do not match its rows, counts as malformed; `issues`
    counts `records` too. Records of known time outside the window (start, end exclusive) are left out. `unpack` makes
    the rows instead, from the whole record.
    """
    wanted = [part for part in PARTS if part in set(parts)]
    unpack = unpack or (lambda record: _rows(record["captureData"], wanted))
    rows: list[Row] = []
    for record in _records(folder, issues):
        try:
            metadata = record.get("eventMetadata") or {}
            if metadata.get("invocationSource") == _SHADOW:
                issues["shadow_records"] += 1
            elif _outside(metadata.get("inferenceTime"), window):
                issues["outside_window"] += 1
            else:
                rows += unpack(record)
        except DataError:
            raise
        except MalformedError as error:
            _malformed(issues, error.reason)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
            _malformed(issues, "data")
        if len(rows) >= BATCH_ROWS:
            yield _frame(rows, names, issues)
            rows = []
    if rows:
        yield _frame(rows, names, issues)


def _outside(time: str | None, window: Window) -> bool:
    start, end = window
    if time is None or (start is None and end is None):
        return False
    moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return bool((start and moment < start) or (end and moment >= end))


def csv_row(values: Sequence[Any]) -> Row:
    """Return values as a row; None and NaN are missing."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([_text(value) for value in values])
    # A row of one missing value is written as two quotes.
    return buffer.getvalue() if len(values) != 1 or buffer.getvalue() != '""' else "", len(values)


def _records(folder: Path, issues: Issues) -> Iterator[dict[str, Any]]:
    files = sorted({path for name in _NAMES for path in Path(folder).rglob(name)})
    issues["ignored_files"] += sum(path.is_file() for path in Path(folder).rglob("*")) - len(files)
    for path in files:
        if of_challenger(path, Path(folder)):
            issues["challenger_files"] += 1
            continue
        if not path.stat().st_size:
            issues["blank_files"] += 1
        for line in lines(path, issues):
            if not line.strip():
                continue
            issues["records"] += 1
            try:
                record = json.loads(line.decode("utf-8", "replace"))
                if not isinstance(record, dict):
                    raise ValueError("a JSON object is expected")
            except (ValueError, RecursionError):
                _malformed(issues, "json")
                continue
            yield record


def _malformed(issues: Issues, reason: str) -> None:
    issues["malformed"] += 1
    issues[f"malformed.{reason}"] += 1


def _frame(rows: Sequence[Row], names: Sequence[str], issues: Issues) -> pl.DataFrame:
    width = max(sent for _, sent in rows)
    columns = [names[at] if at < len(names) else f"_c{at}" for at in range(width)]
    issues["missing_fields"] += sum(sent < width for _, sent in rows)
    text = "\n".join(line + "," * (width - sent) for line, sent in rows) + "\n"
    header = ",".join(str(at) for at in range(width)) + "\n"
    # Half of a surrogate pair is a character in JSON, but none in UTF-8.
    frame = pl.read_csv((header + text).encode("utf-8", "replace"), infer_schema=False)
    return frame.rename(dict(zip(frame.columns, columns, strict=True)))


def _rows(data: dict[str, Any], parts: Sequence[str]) -> list[Row]:
    """Return a row for each instance of a record."""
    tables = [_table(data[part]) for part in parts]
    if len({len(table) for table in tables}) != 1:
        raise MalformedError("rows")
    rows = [[part for part in row if part[1]] for row in zip(*tables, strict=True)]
    if not all(rows):
        raise MalformedError("data")
    # A part without fields, such as the answer [], is no empty field.
    return [(",".join(line for line, _ in row), sum(columns for _, columns in row)) for row in rows]


def _table(part: dict[str, Any]) -> list[Row]:
    text = part["data"]
    kind = part["encoding"]
    if kind == "BASE64":
        text = base64.b64decode(text, validate=True).decode("utf-8")
        kind = "JSON" if "json" in part.get("observedContentType", "") else "CSV"
    if kind == "CSV":
        return [_csv_line(line) for line in _LINE_END.split(text) if line.strip()]
    if kind == "JSON":
        return [csv_row(row) for row in _json_rows(text)]
    raise MalformedError("encoding")


def _csv_line(line: str) -> Row:
    if '"' in line:
        return csv_row(next(csv.reader([line])))
    return line, line.count(",") + 1


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _json_rows(text: str) -> list[list[Any]]:
    try:
        return _unfold(json.loads(text))
    except ValueError:
        # JSON lines: a document a line.
        return [row for line in _LINE_END.split(text) if line.strip() for row in _unfold(json.loads(line))]


def _unfold(value: Any) -> list[list[Any]]:
    """Rows of a JSON document: {"instances": [[…]]}, {"predictions": [{"probability": …}]}, lists or one object."""
    if isinstance(value, dict):
        # Our endpoint's answers and requests say more than the monitors watch: score, reasons, the model.
        if isinstance(value.get("predictions"), list):
            return [[item["probability"]] if _has_probability(item) else flat(item) for item in value["predictions"]]
        if isinstance(value.get("instances"), list):
            return [flat(item) for item in value["instances"]]
        if "probability" in value:
            return [[value["probability"]]]
        lists = [item for item in value.values() if isinstance(item, list)]
        if len(lists) == 1 and len(value) == 1:
            return _unfold(lists[0])
        return [flat(value)]
    if isinstance(value, list) and value and all(isinstance(item, (list, dict)) for item in value):
        return [flat(item) for item in value]
    return [flat(value)]


def _has_probability(item: Any) -> bool:
    return isinstance(item, dict) and "probability" in item


def flat(value: Any) -> list[Any]:
    """Return the leaves of a JSON value in order."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in flat(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in flat(item)]
    return [value]
