"""Score a whole file with the deployed model by a batch transform job.

    python -m scripts.score_batch --env dev --data transactions.parquet --out scores.parquet

Features are computed from the file's own history; with --days only the last days are scored, the rest is history.
Exit codes: 0 done, 1 failed, 2 bad input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import polars as pl
from rich.console import Console

from fraud.features.batch import compute
from scripts.retraining.dataset import data_files
from scripts.retraining.errors import InputError
from scripts.retraining.selection import choose, refuse_card_numbers
from scripts.scoring import batch, history
from scripts.scoring.collecting import write
from scripts.scoring.options import add_platform, clients_of, prefix_of, run


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.score_batch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_platform(result)
    result.add_argument("--data", required=True, type=Path, help="a parquet or CSV file, or a folder of them")
    result.add_argument("--out", required=True, type=Path, help="the parquet file to write")
    result.add_argument("--event-type", help="a shipped name or a YAML file (default: the one that fits the columns)")
    result.add_argument("--days", type=float, help="score the last days only (default: everything)")
    result.add_argument("--instance-type", default="ml.m5.xlarge", help="(default: ml.m5.xlarge)")
    return result


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    return run("score_batch", lambda: _score(options, console or Console()))


def _score(options: argparse.Namespace, console: Console) -> None:
    if not options.data.exists():
        raise InputError(f"--data {options.data}: there is no such file or folder.")
    if options.out.suffix != ".parquet":
        raise InputError(f"--out {options.out}: must end in .parquet")
    event_type = choose(options.data, options.event_type)
    refuse_card_numbers(data_files(options.data), event_type)
    clients = clients_of(options)
    target = batch.Target.of(clients, prefix_of(options))
    with console.status("computing features") as status:
        events = history.read(options.data, event_type)
        everything = pl.Series([True] * len(events))
        keep = history.is_recent(events, event_type, options.days) if options.days else everything
        body = batch.to_csv(compute(events, event_type, keep))
        probabilities = batch.transform(
            clients, target, body, options.instance_type, lambda state: status.update(f"transform job: {state}")
        )
    write(batch.scored(events.filter(keep), event_type, probabilities), options.out)
    console.print(f"{len(probabilities):,} scores are in {options.out}.", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
