"""Give a platform that goes live the profiles of its history: what cards, terminals and others did until now.

    python -m scripts.load_profiles --env dev --data transactions.parquet

Run it before the first transaction is scored. Exit codes: 0 done, 1 failed, 2 bad input (nothing was written).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from fraud.features import profiles as built
from scripts.retraining.dataset import data_files
from scripts.retraining.errors import InputError
from scripts.retraining.selection import choose, refuse_card_numbers
from scripts.scoring import history, profiles
from scripts.scoring.options import add_platform, clients_of, prefix_of, run


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.load_profiles",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_platform(result)
    result.add_argument("--data", required=True, type=Path, help="a parquet or CSV file, or a folder of them")
    result.add_argument("--event-type", help="a shipped name or a YAML file (default: the one that fits the columns)")
    result.add_argument("--without-last-days", type=float, default=0.0, help="leave out what is replayed afterwards")
    result.add_argument("--replace", action="store_true", help="overwrite profiles that are there")
    return result


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    return run("load_profiles", lambda: _load(options, console or Console()))


def _load(options: argparse.Namespace, console: Console) -> None:
    if not options.data.exists():
        raise InputError(f"--data {options.data}: there is no such file or folder.")
    event_type = choose(options.data, options.event_type)
    refuse_card_numbers(data_files(options.data), event_type)
    dynamodb, table = clients_of(options).client("dynamodb"), f"{prefix_of(options)}-profiles"
    if not options.replace:
        profiles.refuse_used_table(dynamodb, table)
    events = history.read(options.data, event_type)
    if options.without_last_days:
        events, _ = history.parted(events, event_type, options.without_last_days)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("profiles", total=built.count(events, event_type))
        written = profiles.write(
            dynamodb,
            table,
            built.build(events, event_type),
            event_type.history_days,
            lambda count: progress.advance(task, count),
        )
    console.print(f"{written:,} profiles of {len(events):,} events are in {table}.", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
