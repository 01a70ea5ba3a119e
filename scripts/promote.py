"""Champion and challenger: let a model version answer beside the served one, compare the two, and decide.

    python -m scripts.promote status                 which models are deployed
    python -m scripts.promote start latest           deploy a version as challenger
    python -m scripts.promote compare                which is better, with intervals, and a report
    python -m scripts.promote promote                the challenger becomes champion
    python -m scripts.promote withdraw               take the challenger away
    python -m scripts.promote promote 3              make version 3 the champion: roll back to it

Exit codes: 0 done, 1 failed, 2 bad input (nothing was changed), 3 another change is under way (nothing was changed).
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console

from fraud.decisions.defaults import REVIEW_SCORE
from scripts.promoting import commands
from scripts.scoring.options import add_platform, run


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.promote", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    add_platform(common)
    changing = argparse.ArgumentParser(add_help=False)
    changing.add_argument("--dry-run", action="store_true", help="make every check and change nothing")
    actions = result.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, work, words: str, *more: argparse.ArgumentParser) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=words, description=words, parents=[common, *more])
        action.set_defaults(work=work, action=name)
        return action

    add("status", commands.status, "say which models are deployed")
    start = add("start", commands.start, "deploy a version as challenger", changing)
    start.add_argument("package", help="a version's number, its ARN, or `latest`")
    start.add_argument(
        "--allow-unapproved", action="store_true", help="let a version that is not approved answer payments (A/B)"
    )
    promote = add("promote", commands.promote, "make the challenger, or a version, the champion", changing)
    promote.add_argument("package", nargs="?", help="another version than the challenger, to roll back to")
    promote.add_argument("--approve", action="store_true", help="approve it in the registry where it waits for that")
    promote.add_argument("--no-follow", dest="follow", action="store_false", help="start it and return at once")
    add("withdraw", commands.withdraw, "take the challenger away", changing)
    compare = add("compare", commands.compare, "compare both models' answers with what turned out")
    option = compare.add_argument
    option("--since", type=_moment, help="from this time on, in ISO 8601 (default: since these two were deployed)")
    option("--until", type=_moment, help="up to this time (default: now)")
    option("--genuine-after", type=float, metavar="DAYS", help="count what has no label after so many days as genuine")
    option("--score", type=int, default=REVIEW_SCORE, help=f"score from which on it is an alert ({REVIEW_SCORE})")
    option("--review-cost", type=float, default=5.0, help="price of one alert, in the amounts' currency (5)")
    option("--samples", type=int, default=1000, help="redraws behind the intervals (1000)")
    option("--out", type=Path, default=Path("comparison.html"), help="the report; .json beside it (comparison.html)")
    return result


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a time such as 2026-01-31T12:00:00Z is needed") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    return run(f"promote {options.action}", lambda: options.work(options, console or Console()))


if __name__ == "__main__":
    sys.exit(main())
