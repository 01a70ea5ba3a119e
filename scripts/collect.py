"""Collect what the scoring API decided and what turned out about it, as a data set to retrain on.

    python -m scripts.collect --env dev --out collected/transactions.parquet
    python -m scripts.retrain --env dev --data collected/

Events whose label delay is not over are left out: of those days only the first frauds are known, and a model would
learn that whatever is recent is fraud.
Exit codes: 0 done, 1 failed, 2 bad input or nothing to collect.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import track

from fraud import event_types
from fraud.data import decided
from fraud.event_types import EventTypeError
from scripts.retraining.errors import InputError
from scripts.scoring import collecting
from scripts.scoring.options import add_platform, clients_of, prefix_of, run


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.collect", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_platform(result)
    result.add_argument("--out", required=True, type=Path, help="the parquet file to write")
    result.add_argument("--event-type", default="card-transactions", help="the platform's: a shipped name or a file")
    result.add_argument(
        "--open", action="store_true", help="keep events whose label delay is not over, as known so far"
    )
    return result


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    return run("collect", lambda: _collect(options, console or Console()))


def _collect(options: argparse.Namespace, console: Console) -> None:
    if options.out.suffix != ".parquet":
        raise InputError(f"--out {options.out}: must end in .parquet")
    try:
        event_type = event_types.load(options.event_type)
    except EventTypeError as error:
        raise InputError(f"--event-type {error}") from error
    table, now = f"{prefix_of(options)}-decisions", datetime.now(UTC)
    everything = list(
        track(
            collecting.decisions(clients_of(options).client("dynamodb"), table),
            "reading decisions",
            console=console,
            transient=True,
        )
    )
    closed = [d for d in everything if options.open or not decided.is_open(d, event_type, now)]
    rows, foreign = decided.rows_of(closed, event_type)
    if not rows:
        raise InputError(
            f"{table}: {len(everything):,} decisions, none to train on yet: {len(everything) - len(closed):,} may "
            f"still get a label, {foreign:,} are not of type {event_type.name}"
        )
    frame = decided.frame_of(rows, event_type)
    collecting.write(decided.as_in_files(frame, event_type), options.out)
    frauds = sum(decision["label"] == "fraud" for decision in closed)
    console.print(
        f"{len(rows):,} events ({frauds:,} labelled fraud) are in {options.out}; left out: "
        f"{len(everything) - len(closed):,} whose label delay is not over, {foreign:,} of another type.",
        highlight=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
