"""Parquet files in batches."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from fraud.monitoring.reading.issues import Issues

BATCH_ROWS = 100_000


def parquet_columns(path: Path) -> list[str]:
    """Return the names of a file's columns; none for a file that is no parquet."""
    try:
        return list(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        return []


def read_parquet(path: Path, issues: Issues, only: Collection[str]) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file in batches; `only` limits the columns."""
    if not path.stat().st_size:
        issues["blank_files"] += 1
        return
    try:
        scan = pl.scan_parquet(path)
        rows = scan.select(pl.len()).collect().item()
        wanted = [name for name in scan.collect_schema().names() if name in only]
        for start in range(0, rows, BATCH_ROWS):
            frame = scan.select(wanted).slice(start, BATCH_ROWS).collect()
            yield frame if wanted else pl.DataFrame(height=min(BATCH_ROWS, rows - start))
    except (pl.exceptions.PolarsError, OSError):
        issues["unreadable_files"] += 1
