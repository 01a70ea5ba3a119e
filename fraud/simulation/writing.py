"""A stream of days as parquet files partitioned by month, in memory bounded by one file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl

ROWS_PER_FILE = 1_000_000


def write_partitions(
    days: Iterable[pl.DataFrame],
    folder: Path,
    rows_per_file: int = ROWS_PER_FILE,
    progress: Callable[[int, int], None] = lambda rows, frauds: None,
) -> int:
    """Write each day's frame below folder/month=YYYY-MM/part-NNN.parquet; return the number of rows.

    A file ends with its month, or with the day that reaches `rows_per_file`. The folder appears when all is
    written; `progress` gets the rows and frauds of each day. Raises FileExistsError if it is there already.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder}: exists and is not empty; remove it or choose another folder")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    rows = 0
    try:
        buffer: list[pl.DataFrame] = []
        month, part = "", 0

        def flush() -> None:
            nonlocal part
            if buffer:
                path = partial / f"month={month}" / f"part-{part:03d}.parquet"
                path.parent.mkdir(exist_ok=True)
                pl.concat(buffer).write_parquet(path)
                buffer.clear()
                part += 1

        for frame in days:
            if frame.is_empty():
                progress(0, 0)
                continue
            this_month = frame["TX_DATETIME"][0].strftime("%Y-%m")
            if this_month != month:
                flush()
                month, part = this_month, 0
            buffer.append(frame)
            rows += len(frame)
            progress(len(frame), int(frame["TX_FRAUD"].sum()))
            if sum(map(len, buffer)) >= rows_per_file:
                flush()
        flush()
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return rows
