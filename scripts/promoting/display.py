"""What the commands print: which models are deployed, and how they compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from fraud.evaluation.comparison_page import number
from scripts.promoting.duel import Duel, version_of

PLAIN: dict[str, Any] = {"markup": False, "highlight": False, "soft_wrap": True}
_STYLES = {"better": "bold green", "worse": "bold red"}


def show_duel(duel: Duel, console: Console) -> None:
    """Champion, challenger and how the latter gets its requests."""
    console.print(f"champion    {version_of(duel.champion):<6} {duel.champion}".rstrip(), **PLAIN)
    mode = f" ({duel.mode})" if duel.challenger else ""
    console.print(f"challenger  {version_of(duel.challenger):<6} {duel.challenger}{mode}".rstrip(), **PLAIN)
    if duel.status.endswith("_IN_PROGRESS"):
        console.print(f"The stack {duel.stack} is in {duel.status}.", **PLAIN)
    elif duel.half_promoted:
        console.print(
            f"The monitors compare with {version_of(duel.monitored or '')}: unless a promotion is running, one was "
            f"stopped half-way. Promote {version_of(duel.champion)} again to end it.",
            **PLAIN,
        )


def show_comparison(result: Mapping[str, Any], console: Console) -> None:
    """The table with intervals, the verdict, and what was left out of the comparison."""
    sizes = result["transactions"]
    table = Table(box=None, pad_edge=False)
    for heading in ("", "champion", "challenger", "difference"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for name, row in result["metrics"].items():
        difference = row["difference"]
        change = f"{number(name, difference['value'], '+')} ({_range(name, difference, '+')})"
        one, other = (number(name, row[who]["value"]) for who in ("champion", "challenger"))
        table.add_row(row["words"], one, other, change, style="" if row["real"] else "dim")
    counts = ("rows", "transactions compared"), ("frauds", "of them frauds")
    for key, words in counts:
        table.add_row(words, f"{sizes['champion'][key]:,}", f"{sizes['challenger'][key]:,}", "")
    console.print(table)
    style = _STYLES.get(result["verdict"], "bold")
    console.print(f"Verdict: {result['verdict'].replace('-', ' ')}", style=style, **PLAIN)
    console.print(result["sentences"][0], **PLAIN)
    for who, found in result["counts"].items():
        counted = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(found.items()) if count)
        console.print(f"{who}: {counted or 'nothing'}", style="dim", **PLAIN)


def _range(name: str, value: Mapping[str, float | None], sign: str) -> str:
    return f"{number(name, value['low'], sign)} to {number(name, value['high'], sign)}"
