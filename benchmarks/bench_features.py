"""Batch features against the handbook's pandas formulation, and how time and memory grow to 20 million events.

    python -m benchmarks.bench_features [--repeats 3] [--rows 1250000 5000000 20000000] [--data FILE] [--write]

Peer: the handbook's 15 features as its chapter 3 describes them: pandas groups by customer and by terminal, and rolling
sums and counts over time in each group. Both read the same rows from memory, in windows exact to the second, in turns;
without the handbook's own transactions (see `shared_data` in tests/conftest.py) simulated ones of its law are used. The
engines' values are compared before anything is timed.

Growth: simulated transactions on disk go through the streaming engine with the shipped event type into parquet files,
in a process of its own for each size, whose peak memory is the operating system's. --write puts the tables into
benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.quality_protocol import reference_event_type
from benchmarks.results import put
from fraud import event_types
from fraud.features.batch import compute
from fraud.features.stream import stream
from fraud.simulation import LawSettings, Simulator, write_partitions

HEADING = "## Batch features"
WINDOWS = (1, 7, 30)
DELAY = 7
SIZES = (1_250_000, 5_000_000, 20_000_000)
ROWS_A_CUSTOMER_DAY = 1.92


def pandas_features(transactions: pd.DataFrame) -> pd.DataFrame:
    """Return the transactions with the 15 features, formulated as in the handbook's chapter 3."""
    result = transactions.copy()
    result["is_weekend"] = result.TX_DATETIME.apply(lambda time: int(time.weekday() >= 5))
    result["is_night"] = result.TX_DATETIME.apply(lambda time: int(time.hour <= 6))
    for key, features in (("CUSTOMER_ID", _customer), ("TERMINAL_ID", _terminal)):
        result = result.groupby(key, group_keys=False)[list(result)].apply(features)
        result = result.sort_values("TX_DATETIME").reset_index(drop=True)
    return result


def _customer(group: pd.DataFrame) -> pd.DataFrame:
    group = group.sort_values("TX_DATETIME").set_index("TX_DATETIME", drop=False)
    for days in WINDOWS:
        window = group.TX_AMOUNT.rolling(f"{days}d")
        total, count = window.sum(), window.count()
        group[f"customer_count_{days}d"] = list(count)
        group[f"customer_mean_{days}d"] = list(total / count)
    return group.set_index("TRANSACTION_ID", drop=False)


def _terminal(group: pd.DataFrame) -> pd.DataFrame:
    group = group.sort_values("TX_DATETIME").set_index("TX_DATETIME", drop=False)
    delay = group.TX_FRAUD.rolling(f"{DELAY}d")
    unknown_frauds, unknown = delay.sum(), delay.count()
    for days in WINDOWS:
        window = group.TX_FRAUD.rolling(f"{DELAY + days}d")
        frauds, count = window.sum() - unknown_frauds, window.count() - unknown
        group[f"terminal_known_count_{days}d"] = list(count)
        group[f"terminal_risk_{days}d"] = list(frauds / count)
    return group.set_index("TRANSACTION_ID", drop=False).fillna(0)


def agree(events: pl.DataFrame, theirs: pd.DataFrame) -> float:
    """Return the share of equal values (to rounding); the handbook counts ties at an instant as one event more."""
    ours = compute(events, reference_event_type(), float_type=pl.Float64)
    order = np.argsort(theirs.TRANSACTION_ID.to_numpy())
    mine = np.argsort(events["TRANSACTION_ID"].to_numpy())
    equal = [
        np.isclose(ours[name].to_numpy()[mine], theirs[name].to_numpy()[order], rtol=1e-9, atol=1e-9)
        for name in ours.columns
    ]
    return float(np.mean(equal))


def compared(events: pl.DataFrame, repeats: int, console: Console) -> tuple[list[list[str]], float]:
    """Return the rows of the table of both formulations, and the ratio of their medians."""
    frame = pd.DataFrame(events.to_dict(as_series=False))
    kind = reference_event_type()
    # The first run of each warms it up; the handbook's is checked meanwhile.
    share = agree(events, pandas_features(frame))
    console.print(f"{share:.5%} of {15 * len(events):,} values are equal", highlight=False)
    if share < 0.999:
        raise SystemExit("the two formulations do not compute the same features")
    seconds: dict[str, list[float]] = {"pandas": [], "batch engine": []}
    for _ in range(repeats):
        for name, work in (("pandas", lambda: pandas_features(frame)), ("batch engine", lambda: compute(events, kind))):
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    rows = [
        [name, f"{median:.2f}", f"{len(events) / median:,.0f}", f"{medians['pandas'] / median:.0f}"]
        for name, median in medians.items()
    ]
    return rows, medians["pandas"] / medians["batch engine"]


def handbook_events(data: Path | None) -> pl.DataFrame:
    """Return the handbook's transactions from the file, or simulated ones as many."""
    if data and data.is_file():
        events = pl.read_parquet(data)
    else:
        events = pl.concat(list(Simulator(LawSettings(days=122)).days()))
    columns = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD")
    return events.select(columns).sort("TX_DATETIME", maintain_order=True)


def grow(events: Path, rows: int) -> None:
    """Stream the features of the first rows to files; print seconds and peak memory (the process of one size)."""
    frame = pl.scan_parquet(events / "**/*.parquet", hive_partitioning=False).head(rows)
    event_type = event_types.load("card-transactions")
    started, found = time.perf_counter(), 0
    with tempfile.TemporaryDirectory(prefix="features-", dir=events.parent) as folder:
        scratch = Path(folder)
        (scratch / "out").mkdir()
        for number, (_, features) in enumerate(stream(frame, event_type, scratch / "scratch")):
            features.write_parquet(scratch / "out" / f"{number:06d}.parquet")
            found += len(features)
    seconds = time.perf_counter() - started
    print(found, seconds, _peak_megabytes())


def _peak_megabytes() -> float:
    """This program's own peak: Linux counts the process that started it into ru_maxrss."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024
    # Elsewhere (macOS) in bytes, and of this program.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def grown(sizes: list[int], folder: Path, console: Console) -> list[list[str]]:
    """Return the rows of the table of growth."""
    days = 183
    customers = round(1.02 * max(sizes) / days / ROWS_A_CUSTOMER_DAY)
    with console.status(f"simulating {max(sizes):,} transactions"):
        simulator = Simulator(LawSettings(customers=customers, terminals=2 * customers, days=days))
        write_partitions(simulator.days(), folder / "events")
    rows = []
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.bench_features", "--grow", str(folder / "events"), str(size)]
        with console.status(f"{size:,} events"):
            # Freed memory goes back at once, so that the peak is what was needed and not what an allocator kept.
            environment = {**os.environ, "_RJEM_MALLOC_CONF": "dirty_decay_ms:500,muzzy_decay_ms:0"}
            output = subprocess.check_output(command, text=True, env=environment)
        count, seconds, peak = (float(value) for value in output.split())
        rows.append([f"{count:,.0f}", f"{seconds:.1f}", f"{1e6 * seconds / count:.2f}", f"{peak:,.0f}"])
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point; 1 if the engine is less than 50 times as fast as its peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("FRAUDSTACK_SHARED", Path(__file__).resolve().parent.parent.parent / "shared")
    parser.add_argument("--data", type=Path, default=Path(shared) / "data" / "handbook_visible_apr_jul.parquet")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="*", default=list(SIZES), help="sizes of the growth; none to skip")
    parser.add_argument("--skip-pandas", action="store_true", help="measure the growth alone")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/RESULTS.md")
    parser.add_argument("--grow", nargs=2, metavar=("FOLDER", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.grow:
        grow(Path(options.grow[0]), int(options.grow[1]))
        return 0
    console, ratio, tables = Console(), float("inf"), []
    if not options.skip_pandas:
        events = handbook_events(options.data)
        rows, ratio = compared(events, options.repeats, console)
        title = f"15 features of {len(events):,} transactions, medians of {options.repeats}"
        tables.append((title, ["", "seconds", "events/s", "times as fast"], rows))
    if options.rows:
        with tempfile.TemporaryDirectory(prefix="bench-features-") as folder:
            rows = grown(options.rows, Path(folder), console)
        title = "28 features of simulated transactions, from parquet to parquet"
        tables.append((title, ["events", "seconds", "µs an event", "peak memory, MB"], rows))
    for title, head, rows in tables:
        table = Table(*head, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if options.write:
        put(HEADING, "`python -m benchmarks.bench_features`", tables)
    return int(ratio < 50)


if __name__ == "__main__":
    sys.exit(main())
