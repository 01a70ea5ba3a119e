"""From parquet and CSV files to the event type's columns, typed alike whatever the files' own types."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from fraud.data import typed
from fraud.data.errors import DataError
from fraud.data.labels import label_values
from fraud.event_types.columns import event_columns
from fraud.event_types.model import EventType

ROW = "__row"
"""Number of the row in its file, from 0."""
FILE = "__file"
"""Number of the file in the list that was read, from 0."""
UNREADABLE = "__unreadable"
"""Struct of booleans: by column, whether a value is there but cannot be read."""

_PARQUET, _CSV = (".parquet", ".pq"), (".csv", ".csv.gz", ".csv.zst")


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return the parquet and CSV files given, or below the folders given, in order of their names.

    Raises DataError for a path that does not exist, a file of another kind, or when there is none at all.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = (file for file in path.rglob("*") if file.is_file() and _is_data(file))
            found += sorted(file for file in inside if not file.name.startswith((".", "_")))
        elif not path.exists():
            raise DataError(f"{path}: no such file or folder")
        elif not _is_data(path):
            raise DataError(f"{path}: a parquet or CSV file is expected ({', '.join(_PARQUET + _CSV)})")
        else:
            found.append(path)
    if not found:
        raise DataError(f"no parquet or CSV file in {', '.join(map(str, paths)) or 'an empty list of paths'}")
    return found


def scan(files: Sequence[Path], event_type: EventType) -> pl.LazyFrame:
    """Return the event type's columns of all files, lazily, with FILE, ROW and UNREADABLE; others are left out.

    Numbers become Float64, times Datetime in microseconds (UTC, no zone), booleans Boolean, the label Int8 (0, 1, 2
    for any other value); identifiers, keys and categories stay integers if they are so in every file, else String.
    Values that cannot be read as such become null. Raises DataError naming each missing or wrongly typed column.
    """
    faults: list[str] = []
    read: list[tuple[int, Path, pl.LazyFrame, pl.Schema]] = []
    for number, file in enumerate(files):
        try:
            frame, schema = opened(file)
        except DataError as error:
            faults.append(str(error))
            continue
        problems = _column_faults(file, schema, event_type)
        faults += problems
        if not problems:
            read.append((number, file, frame, schema))
    if faults:
        raise DataError("\n".join(faults))
    whole = {name for name in _kinds(event_type) if all(schema[name].is_integer() for *_, schema in read)}
    parts = [
        frame.select(*_columns(schema, event_type, whole))
        .with_row_index(ROW)
        .with_columns(pl.lit(number, pl.Int32).alias(FILE))
        for number, _, frame, schema in read
    ]
    return pl.concat(parts)


def columns_of(file: Path) -> list[str]:
    """Return the names of a file's columns; raise DataError if it cannot be read."""
    return opened(file)[1].names()


def collect(frame: pl.LazyFrame, files: Sequence[Path]) -> pl.DataFrame:
    """Run a query over `files`; a file that proves unreadable on the way is a DataError."""
    try:
        return frame.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        names = ", ".join(file.name for file in files[:3]) + (" …" if len(files) > 3 else "")
        raise DataError(f"{names}: cannot be read, the file seems corrupt: {_first_line(error)}") from None


def opened(file: Path) -> tuple[pl.LazyFrame, pl.Schema]:
    """Return a file's rows, lazily and as they are, and its columns; raise DataError if it cannot be read."""
    remedy = "write it again or leave it out"
    if file.stat().st_size == 0:
        raise DataError(f"{file.name}: the file is empty (0 bytes); {remedy}")
    try:
        if file.name.endswith(_PARQUET):
            frame = pl.scan_parquet(file, hive_partitioning=False)
        else:
            frame = pl.scan_csv(file, infer_schema=False)
        return frame, frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        kind = "parquet" if file.name.endswith(_PARQUET) else "CSV"
        raise DataError(f"{file.name}: not a readable {kind} file; {remedy}: {_first_line(error)}") from None


def _column_faults(file: Path, schema: pl.Schema, event_type: EventType) -> list[str]:
    faults = []
    for column in event_type.required_columns:
        if column not in schema:
            close = difflib.get_close_matches(column.lower(), [name.lower() for name in schema], 1)
            hint = next((f" (is it {name!r}?)" for name in schema if close and name.lower() == close[0]), "")
            faults.append(
                f"{file.name}: column {column} of event type {event_type.name} is missing{hint}; rename it, or "
                f"describe your columns in an event type of your own. {_present(schema)}"
            )
    form = event_type.timestamp_format
    for column, kind in _kinds(event_type).items():
        if column in schema and not typed.allowed(schema[column], kind, form):
            wanted = typed.WANTED[kind]
            if kind == "time" and form != "iso":
                wanted = f"a number ({form})" if "%" not in form else f"a text such as {form}"
            faults.append(f"{file.name}: column {column} is {schema[column]}; {wanted} is needed: convert it")
    label = schema.get(event_type.label)
    if label is not None and (label.is_nested() or label.is_temporal()):
        faults.append(f"{file.name}: column {event_type.label} is {label}; 0 or 1, a boolean or a text is needed")
    return faults


def _present(schema: pl.Schema) -> str:
    # Without a header the first event's values are the names: they belong in no message.
    if any(not re.search(r"[^\W\d_]", name) for name in schema):
        return "Some of its columns have names without a letter, which are not listed: is the header missing?"
    return f"Present: {', '.join(schema)}"


def _kinds(event_type: EventType) -> dict[str, str]:
    """The kind of values in each column but the label's."""
    kinds = {name: column.kind for name, column in event_columns(event_type).items()}
    return kinds | {name: "time" for name in (event_type.arrival, event_type.label_known_at) if name}


def _columns(schema: pl.Schema, event_type: EventType, whole: set[str]) -> list[pl.Expr]:
    columns, unreadable = [], []
    for name, kind in _kinds(event_type).items():
        column = typed.typed(name, schema[name], kind, event_type.timestamp_format, integer=name in whole)
        columns.append(column.values.alias(name))
        unreadable.append(column.unreadable.alias(name))
    label = label_values(event_type, schema[event_type.label]).alias(event_type.label)
    return [*columns, label, pl.struct(unreadable).alias(UNREADABLE)]


def _is_data(path: Path) -> bool:
    return path.name.lower().endswith(_PARQUET + _CSV)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
