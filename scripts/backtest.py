"""Replay history through features, model and rules: what each rule and threshold finds, costs and saves.

    python -m scripts.backtest --data transactions.parquet --rules rules.yaml --model model.tar.gz
    python -m scripts.backtest --data transactions.parquet --rules rules.yaml --against active --model registered
    python -m scripts.backtest --decisions table --days 30 --rules rules.yaml --against active

Prints tables and writes a report with pictures. Rules that use neither score nor probability need no model.
Exit codes: 0 done, 1 failed, 2 bad input.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console

from scripts.scoring.options import add_platform, run

ACTIONS = ("pass", "review", "decline")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.backtest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_platform(result)
    add = result.add_argument_group("what is replayed").add_argument
    add("--data", type=Path, help="a parquet or CSV file of events with labels, or a folder of them")
    add("--decisions", metavar="table|FOLDER", help="stored decisions: the table's, or its export to S3")
    add("--event-type", help="a shipped name or a YAML file (default: the one that fits the columns)")
    add("--from", dest="first", type=_moment, metavar="TIME", help="the first time; what is earlier is history alone")
    add("--to", dest="last", type=_moment, metavar="TIME", help="up to this time (itself left out)")
    add("--days", type=float, help="the last days only")
    add = result.add_argument_group("what decides").add_argument
    add("--rules", default="active", metavar="FILE|N|active|starter", help="the rule set (default: active)")
    add("--against", metavar="FILE|N|active|starter", help="a rule set to compare with")
    add("--model", metavar="PATH|registered|ARN", help="a model's folder or model.tar.gz, or one of the registry")
    usual = "the mildest passes, the most severe declines, others are reviews"
    meaning = f"what an outcome means: pass, review or decline (default: {usual})"
    add("--action", action="append", default=[], type=_action, metavar="OUTCOME=ACTION", help=meaning)
    add = result.add_argument_group("what it costs, in the currency of the amounts").add_argument
    add("--review-cost", dest="review", default="5", help="of each review (default: %(default)s)")
    add("--found-in-review", default="1", help="share of frauds that a review recognises (default: all)")
    add("--missed-share", default="1", help="of a fraud's amount, if it passes (default: all of it)")
    add("--missed-fixed", default="0", help="for each fraud that passes (default: %(default)s)")
    add("--declined-share", default="0.1", help="of a genuine event's amount, if it is declined (default: %(default)s)")
    add("--declined-fixed", default="0", help="for each genuine event that is declined (default: %(default)s)")
    add = result.add_argument_group("how much can be reviewed").add_argument
    add("--reviews-a-day", type=int, metavar="N", help="at most so many on each day")
    add("--on-average", action="store_true", help="--reviews-a-day on average, not on each day")
    add("--review-share", metavar="SHARE", help="at most this share of all events, such as 0.01")
    add = result.add_argument_group("what is written").add_argument
    add("--out", type=Path, default=Path("backtest.html"), help="the report (default: %(default)s)")
    add("--json", type=Path, help="the findings for programs")
    add("--title", default="Backtest of rules", help="the report's title")
    add("--processes", type=int, help="how many evaluate rules (default: one a core)")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        # A file or a pipe has room for whole tables.
        console = Console(width=160)
    return run("backtest", lambda: _backtest(options, console))


def _backtest(options: argparse.Namespace, console: Console) -> None:
    # Here and not above: the processes that evaluate rules read this module too, and need none of it.
    from scripts.backtesting.flow import backtest

    backtest(options, console)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no ISO 8601 time, such as 2026-01-31 or 2026-01-31T12:00"
        ) from None
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment


def _action(text: str) -> tuple[str, str]:
    outcome, _, action = text.partition("=")
    if not outcome or action not in ACTIONS:
        raise argparse.ArgumentTypeError(f"{text!r}: OUTCOME=pass, OUTCOME=review or OUTCOME=decline is needed")
    return outcome, action


if __name__ == "__main__":
    sys.exit(main())
