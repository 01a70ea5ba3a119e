"""Processing job: exported decisions and the champion's data in; the next training set and a report out.

Folders are those of SageMaker Processing: input/export, input/previous, input/event-type, input/wheels; output/….
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from training_code import bootstrap, entry

REPORT = "collection.json"


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point; data that do not suffice are an answer, data that cannot be read an error (1)."""
    options = _parser().parse_args(arguments)
    return entry.run(lambda: _collect(options))


def _collect(options: argparse.Namespace) -> None:
    bootstrap.install(options.input / "wheels")
    # The domain needs polars, which the container has only after the bootstrap.
    from fraud.data import export
    from fraud.data.collection import FILE, CollectionOptions, collect

    event_type = entry.event_type_of(options.input / "event-type")
    wishes = CollectionOptions(
        options.now,
        options.window_days,
        options.minimum_new_labelled,
        options.minimum_new_frauds,
        options.accept_labels == "yes",
    )
    report = collect(
        export.items(options.input / "export"),
        options.input / "previous",
        event_type,
        options.output / "dataset" / FILE,
        wishes,
        log=lambda line: print(line, flush=True),
    )
    text = json.dumps(report.to_json(), indent=2) + "\n"
    folder = options.output / "report"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT).write_text(text, encoding="utf-8")
    print(text, end="")
    entry.leave_message(
        f"{report.rows:,} events, {report.new_labelled:,} of them new ({report.new_frauds:,} frauds)"
        if report.sufficient
        else f"not usable: {'; '.join(report.reasons)}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="training_code.collect", description=__doc__.splitlines()[0])
    root = entry.base_folder() / "processing"
    parser.add_argument("--input", type=Path, default=root / "input", help="folder of the job's inputs")
    parser.add_argument("--output", type=Path, default=root / "output", help="folder of the job's outputs")
    parser.add_argument("--now", type=_time, required=True, help="the time at which label delays are looked at")
    parser.add_argument("--window-days", type=int, required=True, help="how far the set goes back")
    parser.add_argument("--minimum-new-labelled", type=int, default=0, help="new events with a known outcome needed")
    parser.add_argument("--minimum-new-frauds", type=int, default=0, help="new frauds needed")
    # A state machine passes every argument with a value.
    parser.add_argument("--accept-labels", choices=["no", "yes"], default="no", help="learn implausible labels too")
    return parser


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time") from None


if __name__ == "__main__":
    sys.exit(main())
