"""From parquet and CSV files to the event type's columns, typed alike whatever the files' own types."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from fraud.data.errors import DataError
from fraud.event_types.model import EventType

ROW = "__row"
"""Number of the row in its file, from 0."""
FILE = "__file"
"""Number of the file in the list that was read, from 0."""

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
    """Return the event type's columns of all files, lazily, with FILE and ROW; other columns are left out.

    Amount and number variables become Float64, the timestamp Datetime in microseconds (UTC, no zone), the label
    Int8; id, entities and categories stay integers if they are so in every file, else String. Values that
    cannot be read as such become null. Raises DataError naming each missing or wrongly typed column.
    """
    faults: list[str] = []
    opened: list[tuple[int, Path, pl.LazyFrame, pl.Schema]] = []
    for number, file in enumerate(files):
        try:
            frame, schema = _open(file)
        except DataError as error:
            faults.append(str(error))
            continue
        problems = _column_faults(file, schema, event_type)
        faults += problems
        if not problems:
            opened.append((number, file, frame, schema))
    if faults:
        raise DataError("\n".join(faults))
    integers = {column for column in _keys(event_type) if all(schema[column].is_integer() for *_, schema in opened)}
    parts = [
        frame.select(*_typed_columns(schema, event_type, integers))
        .with_row_index(ROW)
        .with_columns(pl.lit(number, pl.Int32).alias(FILE))
        for number, _, frame, schema in opened
    ]
    return pl.concat(parts)


def columns_of(file: Path) -> list[str]:
    """Return the names of a file's columns; raise DataError if it cannot be read."""
    return _open(file)[1].names()


def collect(frame: pl.LazyFrame, files: Sequence[Path]) -> pl.DataFrame:
    """Run a query over `files`; a file that proves unreadable on the way is a DataError."""
    try:
        return frame.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        names = ", ".join(file.name for file in files[:3]) + (" …" if len(files) > 3 else "")
        raise DataError(f"{names}: cannot be read, the file seems corrupt: {_first_line(error)}") from None


def _open(file: Path) -> tuple[pl.LazyFrame, pl.Schema]:
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
                f"describe your columns in an event type of your own. Present: {', '.join(schema)}"
            )
    number = lambda kind: kind.is_numeric() or kind == pl.String  # noqa: E731
    checks = [(event_type.amount, number, "a number")]
    checks += [(v.column, number, "a number") for v in event_type.variables if v.type == "number"]
    checks.append((event_type.label, lambda kind: number(kind) or kind == pl.Boolean, "0 or 1, or a boolean"))
    checks += [
        (key, lambda kind: not kind.is_nested() and not kind.is_temporal(), "an integer or a text")
        for key in _keys(event_type)
    ]
    if event_type.timestamp_format == "iso":
        checks.append((event_type.timestamp, _is_time, "a timestamp, a date or an ISO 8601 text"))
    else:
        checks.append((event_type.timestamp, number, f"a number ({event_type.timestamp_format})"))
    for column, is_allowed, wanted in checks:
        if column in schema and not is_allowed(schema[column]):
            faults.append(f"{file.name}: column {column} is {schema[column]}; {wanted} is needed: convert it")
    return faults


def _typed_columns(schema: pl.Schema, event_type: EventType, integers: set[str]) -> list[pl.Expr]:
    keys = [
        pl.col(column).cast(pl.Int64 if column in integers else pl.String, strict=False) for column in _keys(event_type)
    ]
    numbers = {event_type.amount, *(v.column for v in event_type.variables if v.type == "number")} - {None}
    columns = keys + [pl.col(column).cast(pl.Float64, strict=False) for column in sorted(numbers)]
    label = pl.col(event_type.label)
    if schema[event_type.label] == pl.String:
        words = {"true": "1", "false": "0"}
        label = label.str.strip_chars().str.to_lowercase().replace(words).cast(pl.Float64, strict=False)
    # A label such as 0.5 or 300 must not be rounded or wrapped into a class: it becomes 2, which is refused.
    value = label.cast(pl.Float64, strict=False)
    columns.append(
        pl.when(value.is_null() | value.is_nan())
        .then(None)
        .otherwise(pl.when(value.is_in([0.0, 1.0])).then(value).otherwise(2.0))
        .cast(pl.Int8)
        .alias(event_type.label)
    )
    if event_type.timestamp:
        columns.append(_time(event_type, schema[event_type.timestamp]).alias(event_type.timestamp))
    return columns


def _time(event_type: EventType, kind: pl.DataType) -> pl.Expr:
    column = pl.col(event_type.timestamp)
    if event_type.timestamp_format != "iso":
        scale = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000}[event_type.timestamp_format]
        number = column.cast(pl.Float64, strict=False) if kind == pl.String else column
        return (number * scale).cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    if kind == pl.String:
        text = column.str.strip_chars().str.replace(" ", "T", literal=True)
        formats = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
        zoned = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False)
        plain = [text.str.to_datetime(form, time_unit="us", strict=False) for form in formats]
        date = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
        return pl.coalesce(*plain, date, zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.cast(pl.Datetime("us"))


def _keys(event_type: EventType) -> list[str]:
    """Columns whose values are only compared: id, entities, categories."""
    columns = [event_type.id, *(entity.column for entity in event_type.entities)]
    columns += [variable.column for variable in event_type.variables if variable.type == "category"]
    return [column for column in dict.fromkeys(columns) if column]


def _is_time(kind: pl.DataType) -> bool:
    return kind == pl.String or kind == pl.Date or isinstance(kind, pl.Datetime)


def _is_data(path: Path) -> bool:
    return path.name.lower().endswith(_PARQUET + _CSV)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
