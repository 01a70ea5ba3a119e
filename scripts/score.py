"""Use the deployed scoring API.

    python -m scripts.score transaction '{"TRANSACTION_ID": 1, …}'    score one ("-" reads standard input)
    python -m scripts.score file transactions.parquet --days 7        replay a history, and see what would be caught
    python -m scripts.score label 1 fraud                             record what turned out
    python -m scripts.score decision 1                                look one up
    python -m scripts.score decisions customer:596                    those of an entity, latest first

Exit codes: 0 done, 1 refused or failed, 2 bad input.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.retraining.errors import InputError
from scripts.retraining.selection import choose
from scripts.scoring import history
from scripts.scoring.options import add_platform, api_of, run
from scripts.scoring.replay import replay, shown, table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.score", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_platform(result)
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("transaction", help="score one transaction")
    one.add_argument("json", help="the transaction as JSON, or - for standard input (one a line)")
    many = commands.add_parser("file", help="replay the transactions of a file or folder")
    many.add_argument("path", type=Path, help="parquet or CSV")
    many.add_argument("--event-type", help="a shipped name or a YAML file (default: the one that fits the columns)")
    many.add_argument("--days", type=float, default=7.0, help="the last days of the file (default: 7)")
    many.add_argument("--limit", type=int, help="at most so many, the latest ones")
    many.add_argument("--connections", type=int, default=8, help="requests at once (default: 8)")
    label = commands.add_parser("label", help="record what turned out about a transaction")
    label.add_argument("id")
    label.add_argument("label", choices=("fraud", "genuine"))
    label.add_argument("--at", help="when it became known (ISO 8601; default: now)")
    decision = commands.add_parser("decision", help="show one decision")
    decision.add_argument("id")
    listing = commands.add_parser("decisions", help="show the decisions of an entity, latest first")
    listing.add_argument("entity", help="<entity>:<value>, for example customer:596")
    listing.add_argument("--limit", type=int, default=25, help="at most so many (default: 25)")
    return result


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    return run("score", lambda: _COMMANDS[options.command](options, console or Console()))


def _transaction(options: argparse.Namespace, _: Console) -> None:
    client = api_of(options)
    for line in sys.stdin if options.json == "-" else [options.json]:
        if line.strip():
            try:
                transaction = json.loads(line)
            except ValueError as error:
                raise InputError(f"the transaction is not valid JSON: {error}") from None
            _print(client.score(transaction))


def _file(options: argparse.Namespace, console: Console) -> int:
    if not options.path.exists():
        raise InputError(f"{options.path}: there is no such file or folder.")
    if options.connections < 1:
        raise InputError("--connections: at least 1")
    event_type = choose(options.path, options.event_type)
    client = api_of(options, options.connections)
    _, recent = history.parted(history.read(options.path, event_type), event_type, options.days)
    events = recent.tail(options.limit) if options.limit else recent
    sent = history.payloads(events, event_type)
    tally = shown(console, len(events), lambda show: replay(client, sent, len(events), options.connections, show))
    console.print(table(tally))
    return int(bool(tally.failures))


def _label(options: argparse.Namespace, _: Console) -> None:
    _print(api_of(options).label(options.id, options.label, options.at))


def _decision(options: argparse.Namespace, _: Console) -> None:
    _print(api_of(options).decision(options.id))


def _decisions(options: argparse.Namespace, _: Console) -> None:
    client, left, following = api_of(options), options.limit, None
    while left > 0:
        page = client.decisions(options.entity, min(left, 100), following)
        for decision in page["decisions"]:
            _print(decision, compact=True)
        left -= len(page["decisions"])
        following = page.get("next")
        if not following:
            return


def _print(answer: dict[str, Any], *, compact: bool = False) -> None:
    print(json.dumps(answer, indent=None if compact else 2, ensure_ascii=False), flush=True)


_COMMANDS = {
    "transaction": _transaction,
    "file": _file,
    "label": _label,
    "decision": _decision,
    "decisions": _decisions,
}


if __name__ == "__main__":
    sys.exit(main())
