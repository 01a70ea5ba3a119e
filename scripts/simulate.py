"""Simulate card transactions by the Fraud Detection Handbook's law into partitioned parquet files."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fraud.simulation import LawSettings, Simulator, write_partitions


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        settings = LawSettings(options.customers, options.terminals, options.days, options.start, options.seed)
        rows, frauds, seconds = simulate(settings, options.out, console)
    except (ValueError, OSError) as error:
        console.print(f"simulate: {error}", style="red", markup=False)
        return 1
    console.print(
        f"{rows:,} transactions, {frauds:,} frauds in {seconds:.1f} s ({rows / max(seconds, 1e-9):,.0f} a second)",
        highlight=False,
    )
    print(options.out)
    return 0


def simulate(settings: LawSettings, folder: Path, console: Console) -> tuple[int, int, float]:
    """Write the simulation below `folder`, showing progress; return rows, frauds and seconds."""
    started = time.monotonic()
    totals = {"rows": 0, "frauds": 0}
    columns = (
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days · {task.fields[rows]:,} transactions"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("days", total=settings.days, rows=0)

        def show(rows: int, frauds: int) -> None:
            totals["rows"] += rows
            totals["frauds"] += frauds
            bar.update(task, advance=1, rows=totals["rows"])

        write_partitions(Simulator(settings).days(), folder, progress=show)
    return totals["rows"], totals["frauds"], time.monotonic() - started


def _parser() -> argparse.ArgumentParser:
    default = LawSettings()
    parser = argparse.ArgumentParser(prog="scripts.simulate", description=__doc__)
    parser.add_argument("--customers", type=int, default=default.customers, help="default %(default)s")
    parser.add_argument("--terminals", type=int, default=default.terminals, help="default %(default)s")
    parser.add_argument("--days", type=int, default=default.days, help="default %(default)s")
    parser.add_argument("--start", type=date.fromisoformat, default=default.start, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=default.seed, help="default %(default)s")
    parser.add_argument("--out", type=Path, required=True, help="folder to create")
    return parser


if __name__ == "__main__":
    sys.exit(main())
