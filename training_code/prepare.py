"""Processing job: raw transactions and an event type in; train, validation, test, schema and report out.

Folders are those of SageMaker Processing: input/transactions, input/event-type, input/wheels; output/….
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training_code import bootstrap, entry


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point; returns 1 after explaining data that cannot be used."""
    options = _parser().parse_args(arguments)
    return entry.run(lambda: _prepare(options))


def _prepare(options: argparse.Namespace) -> None:
    bootstrap.install(options.input / "wheels")
    # The domain needs polars, which the container has only after the bootstrap.
    from fraud.data.preparation import PreparationOptions, prepare

    event_type = entry.event_type_of(options.input / "event-type")
    wishes = PreparationOptions(
        options.train_days, options.validation_days, options.test_days, options.max_rejected_share
    )
    report = prepare(
        [options.input / "transactions"],
        event_type,
        options.output,
        wishes,
        log=lambda line: print(line, flush=True),
    )
    for name, part in report["splits"].items():
        print(f"{name}: {part['rows']:,} events, {part['frauds']:,} frauds, {part['start']} to {part['end']}")
    entry.leave_message(
        f"prepared {report['accepted']:,} of {report['rows']:,} events of type {report['event_type']}; "
        f"{report['features']} features"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="training_code.prepare", description=__doc__.splitlines()[0])
    root = entry.base_folder() / "processing"
    parser.add_argument("--input", type=Path, default=root / "input", help="folder of the job's inputs")
    parser.add_argument("--output", type=Path, default=root / "output", help="folder of the job's outputs")
    for name in ("train", "validation", "test"):
        parser.add_argument(
            f"--{name}-days",
            type=_days,
            help="at most so many days, fewer if the data are short; what the event type states wins",
        )
    parser.add_argument("--max-rejected-share", type=_share, help="replaces the event type's max_rejected_share")
    return parser


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of days of at least 1")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
