"""Profiles files of any size in bounded memory, on all cores: each process reads all rows of some of the columns.

Sums and sketches depend on the order of rows, so the rows of a file are never shared out; columns are.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from fraud.monitoring.capture import PARTS, Row, Window, capture_batches, csv_row
from fraud.monitoring.errors import DataError
from fraud.monitoring.profile import Profile
from fraud.monitoring.reading.csv_files import columns_of, read_csv
from fraud.monitoring.reading.issues import Issues
from fraud.monitoring.reading.json_files import read_records
from fraud.monitoring.reading.parquet_files import parquet_columns, read_parquet
from fraud.monitoring.reading.partitions import partitions
from fraud.monitoring.table import TableState
from fraud.monitoring.user_scripts import captured_record, load_preprocessor

SMALL = 64 << 20
"""Bytes up to which one process is faster than several."""

Reader = Callable[[Path, Issues, Collection[str]], Iterator[pl.DataFrame]]


@dataclass(frozen=True)
class Scan:
    """A profile, and what was wrong with the files."""

    profile: Profile
    issues: Issues = field(default_factory=Issues)


def scan_csv(files: Sequence[Path], header: bool = False, processes: int | None = None) -> Scan:
    """Profile CSV files. Raises DataError where no file has columns."""
    return _scan(files, partial(columns_of, header=header), partial(_read_csv, header=header), processes)


def scan_parquet(files: Sequence[Path], processes: int | None = None) -> Scan:
    """Profile parquet files. Raises DataError where no file has columns."""
    return _scan(files, parquet_columns, read_parquet, processes)


def scan_captures(
    folder: Path,
    names: Sequence[str] = (),
    parts: Iterable[str] | None = None,
    window: Window = (None, None),
    preprocessor: Path | None = None,
) -> Scan:
    """Profile what an endpoint captured; `names` are the baseline's columns, in their order."""
    issues = Issues()
    unpack = None
    if preprocessor is not None:
        preprocess = load_preprocessor(preprocessor)

        def unpack(record: dict[str, Any]) -> list[Row]:
            return [csv_row(_in_order(row, names)) for row in preprocess(captured_record(record))]

    batches = capture_batches(folder, issues, names, parts or PARTS, window, unpack)
    table = TableState().update_all(batches)
    return Scan((table if table.rows else TableState.of(names)).describe(), issues)


def _in_order(row: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Values of a preprocessor's row: by the baseline's names, or in the order of its keys as positions."""
    if names and set(row) <= set(names):
        return [row.get(name) for name in names]
    return [row[name] for name in sorted(row)]


def scan_records(files: Sequence[Path], form: str, names: Sequence[str], preprocessor: Path | None = None) -> Scan:
    """Profile files of JSON lines, or of lines that a preprocessor makes rows of (`form` csv or json)."""
    issues = Issues()
    preprocess = load_preprocessor(preprocessor) if preprocessor else None
    table = TableState()
    for file in files:
        table.update_all(read_records(file, form, issues, preprocess))
    if not table.columns:
        table = TableState.of(names)
    return Scan(table.describe(), issues)


def _scan(files: Sequence[Path], columns: Callable[[Path], list[str]], reader: Reader, processes: int | None) -> Scan:
    issues = Issues()
    split = partitions(files)
    names: list[str] = []
    for file in (file for part in split for file in part):
        found = columns(file)
        if names and found and found != names:
            issues["other_columns"] += 1
        names += [name for name in found if name not in names] if found else []
    if not names:
        raise DataError("no file of the data set has a column")
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if sum(file.stat().st_size for file in files) > SMALL else 1
    shares = [names[number::processes] for number in range(min(processes, len(names)))]
    if len(shares) == 1:
        results = [_share(split, names, reader)]
    else:
        # A forked process would hang in Polars' threads; each share is given its part of them.
        os.environ["POLARS_MAX_THREADS"] = "1"
        with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as pool:
            results = list(pool.map(partial(_share, split, reader=reader), shares))
    table = TableState(results[0][0].rows)
    states = {name: state for result, _ in results for name, state in result.columns.items()}
    table.columns = {name: states[name] for name in names}
    issues.update(results[0][1])
    return Scan(table.describe(), issues)


def _share(split: Sequence[Sequence[Path]], names: Sequence[str], reader: Reader) -> tuple[TableState, Issues]:
    """Read some columns of all files."""
    issues = Issues()
    table = TableState.of(names)
    for part in split:
        state = TableState.of(names)
        for file in part:
            state.update_all(reader(file, issues, names))
        table.merge(state)
    return table, issues


def _read_csv(file: Path, issues: Issues, names: Collection[str], header: bool) -> Iterator[pl.DataFrame]:
    return read_csv(file, header, issues, names)
