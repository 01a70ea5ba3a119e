"""The data-quality analyser against Deequ on Spark: the same statistics of the same CSV file, in one run.

    python -m benchmarks.bench_analyser [--rows 1000000] [--columns 30]
        [--peer-python PYTHON --deequ-jar deequ.jar]

The peer needs an interpreter with pyspark 3.5, Java 17, and Deequ's jar (com.amazon.deequ:deequ:2.0.7-spark-3.5 from
Maven Central); without them the analyser alone is measured. Start-up of Spark is not counted, that of the analyser's
processes is. Numbers of both are compared; the exit code is 1 where they differ or the ratio is below 10.
"""

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from fraud.monitoring.profile import Profile
from fraud.monitoring.scan import scan_csv

BOUND = 10.0
CHUNK = 1_000_000


def write_table(path: Path, rows: int, columns: int) -> None:
    """Amounts, counts, flags, categories and identifiers in turns."""
    generator = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, rows, CHUNK):
            size = min(CHUNK, rows - start)
            made = {f"c{at}": _column(generator, at, size, start) for at in range(columns)}
            pl.DataFrame(made).write_csv(file, include_header=start == 0)


def _column(generator: np.random.Generator, at: int, size: int, start: int) -> np.ndarray | pl.Series:
    kind = at % 10
    if kind < 5:
        return generator.gamma(2, 30, size).round(2 + kind)
    if kind < 8:
        return generator.integers(0, 10 ** (kind - 3 + at % 3), size)
    if kind == 8:
        return generator.choice([f"category {number}" for number in range(5 + at)], size)
    return pl.int_range(start, start + size, eager=True).cast(pl.String) + "-id"


def differences(profile, said: list[dict]) -> list[str]:
    """Names of the figures in which Deequ differs."""
    theirs = {column["column"]: column for column in said}
    found = []
    for column in profile.columns:
        other = theirs[column.name]
        pairs = {"distinct": (column.distinct, other["approximateNumDistinctValues"])}
        if column.is_numeric:
            pairs |= {
                "mean": (column.mean, other["mean"]),
                "sum": (column.sum, other["sum"]),
                "std_dev": (column.deviation, other["stdDev"]),
                "sketch": (column.sketch.levels(), json.loads(other["kll"]["sketch"]["data"])),
            }
        found += [f"{column.name}.{name}" for name, (mine, its) in pairs.items() if mine != its]
    return found


def _measured(file: Path, rows: int, columns: int) -> tuple[Profile, float, float]:
    """Write the table and scan it, each in a process of its own: (profile, seconds, MB of the largest process).

    Linux counts what a process held when it started another among the other's peak, so the one must hold little.
    """
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawned) as pool:
        pool.submit(write_table, file, rows, columns).result()
    with ProcessPoolExecutor(1, spawned) as pool:
        return pool.submit(_scanned, file).result()


def _scanned(file: Path) -> tuple[Profile, float, float]:
    started = time.perf_counter()
    profile = scan_csv([file], header=True).profile
    profile.to_json()
    seconds = time.perf_counter() - started
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return profile, seconds, max(peaks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--deequ-jar", type=Path)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        profile, ours, peak = _measured(file, options.rows, options.columns)
        megabytes = file.stat().st_size / 1e6
        table = Table(
            "analyser", "seconds", "ratio", title=f"{options.rows:,} rows x {options.columns}, {megabytes:.0f} MB"
        )
        table.add_row("fraudstack", f"{ours:.1f}", "1.0")
        console.print(f"largest process: {peak:.0f} MB")
        failed = False
        if options.peer_python and options.deequ_jar:
            report = Path(folder) / "deequ.json"
            script = Path(__file__).parent / "peers" / "deequ.py"
            command = [options.peer_python, script, file, report, "--jar", options.deequ_jar]
            subprocess.run([str(part) for part in command], check=True, cwd=folder)
            said = json.loads(report.read_text())
            table.add_row(f"Deequ, Spark {said['spark']}", f"{said['seconds']:.1f}", f"{said['seconds'] / ours:.1f}")
            unequal = differences(profile, said["profiles"]["columns"])
            console.print(f"figures that differ: {', '.join(unequal) or 'none'}")
            failed = bool(unequal) or said["seconds"] / ours < BOUND
        console.print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
