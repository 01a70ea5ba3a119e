"""The guard's decisions and limits on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.guarding.decisions import Decision
from scripts.guarding.standing import Standing

_STYLES = {"Started": "green", "Refused": "yellow", "Failed": "red", "Running": "cyan", "Idle": "dim"}


def print_decisions(found: Sequence[Decision], console: Console) -> None:
    """A line for each decision, newest first, with the reason below."""
    if not found:
        console.print("The guard has not been asked yet.")
        return
    table = Table(box=None, pad_edge=False)
    for heading, wrap in (("asked (UTC)", False), ("by", True), ("outcome", False), ("why", True)):
        table.add_column(heading, no_wrap=not wrap, overflow="fold")
    for one in found:
        style = _STYLES.get(one.status, "")
        what = f"[{style}]{one.status}[/]" + (f" ({escape(one.check)})" if one.check else "")
        asked = escape(one.alarm or one.trigger)
        table.add_row(f"{one.at:%Y-%m-%d %H:%M:%S}", asked, what, escape(summary(one)))
    console.print(table)


def summary(one: Decision) -> str:
    """A decision's reason or result in a sentence."""
    if one.status == "Started":
        counts = one.collection
        events = f"{counts.get('rows', 0):,} events, {counts.get('new_labelled', 0):,} new" if counts else "a run"
        overridden = f"; overridden: {', '.join(one.override)}" if one.override else ""
        return f"run {one.run} on {events} ({counts.get('new_frauds', 0):,} frauds){overridden}"
    return one.reason or {"Idle": "no alarm is on", "Running": "being decided"}.get(one.status, "")


def print_standing(now: Standing, console: Console) -> None:
    """Each limit beside what counts towards it."""
    limits = now.limits
    lines = {
        "alarms on": ", ".join(now.alarms) or "none",
        "in flight": ", ".join(now.in_flight) or "no run",
        "cooldown": f"until {now.next_start:%Y-%m-%d %H:%M} UTC" if now.next_start else "over",
        "runs in seven days": f"{now.runs_of_week} of {limits['maxRunsPerWeek']}",
        "spent this month": f"up to {now.spent_usd:.2f} of {limits['monthlyBudgetUsd']:.2f} USD; a run costs up to "
        f"{limits['mostUsdOfARun']:.2f}",
        "new data needed": f"{limits['minimumNewLabelled']:,} labelled events, {limits['minimumNewFrauds']:,} frauds",
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, text in lines.items():
        table.add_row(name, escape(text))
    console.print(table)


def comparison(headings: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    """A table with a name for each row, and figures to the right of it."""
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table
