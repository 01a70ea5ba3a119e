"""The findings as tables on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fraud.backtest.results import DECLINE, REVIEW, SetResult
from fraud.decisions.thresholds import NEVER, UNITS, Choice
from scripts.backtesting.findings import Findings


def show(findings: Findings, console: Console) -> None:
    """Print what was found."""
    since = f", from {findings.first_day:%Y-%m-%d} on" if findings.first_day else ""
    whole = findings.result.whole
    console.print(
        f"\n{findings.events:,} events in {findings.days:,} day{'s' if findings.days != 1 else ''}{since}; "
        f"{whole.frauds:,} frauds of {whole.fraud_amount / UNITS:,.0f}",
        highlight=False,
    )
    for note in findings.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    console.print(_sets(findings))
    console.print(_rules(findings))
    _say_overlaps(findings.result, console)
    if findings.moves:
        console.print(f"Decided otherwise than by {findings.other_name}:", markup=False, highlight=False)
        console.print(_moves(findings))
    if findings.thresholds:
        console.print(_thresholds(findings))
    for words, choice in (("Least cost", findings.by_cost), ("Within the budget", findings.by_budget)):
        if choice is not None:
            console.print(f"{words}: {described(choice, findings)}", highlight=False, soft_wrap=True)


def described(choice: Choice, findings: Findings) -> str:
    """Return what a choice of thresholds says and leads to, as a sentence."""
    review = f"review from {choice.review_at} on" if choice.review_at < choice.decline_at else "review nothing"
    decline = f"decline from {choice.decline_at} on" if choice.decline_at < NEVER else "decline nothing"
    load = f"{findings.a_day(choice.reviews):,.1f} reviews a day (at most {choice.most_in_a_day:,})"
    return f"{review}, {decline}: {load}, {choice.declines:,} declines; saves {float(choice.saved):,.0f}"


def share(value: float | None) -> str:
    """A share in per cent; a dash where there is none."""
    return "–" if value is None else f"{value:.1%}"


def _sets(findings: Findings) -> Table:
    table = _table("", "reviews a day", "busiest day", "declines a day", "precision", "recall", "of amounts", "saved")
    sides = [(findings.name, findings.result)]
    if findings.other is not None:
        sides.insert(0, (findings.other_name, findings.other))
    for name, result in sides:
        stopped = result.stopped
        recall, amount = stopped.share_of(result.whole)
        table.add_row(
            escape(name),
            f"{findings.a_day(result.of_action(REVIEW).events):,.1f}",
            f"{result.busiest_review_day:,}",
            f"{findings.a_day(result.of_action(DECLINE).events):,.1f}",
            share(stopped.precision),
            share(recall),
            share(amount),
            f"{float(result.saved):,.0f}",
        )
    return table


def _rules(findings: Findings) -> Table:
    heads = ("a day", "frauds", "precision", "recall", "of amounts", "alone", "saved", "adds", "skipped")
    table = _table("rule", "outcome", *heads)
    for rule in findings.result.rules:
        recall, amount = rule.found.share_of(findings.result.whole)
        table.add_row(
            escape(rule.rule.name),
            escape(rule.rule.outcome) + (" (shadow)" if rule.rule.shadow else ""),
            f"{findings.a_day(rule.found.events):,.1f}",
            f"{rule.found.frauds:,}",
            share(rule.found.precision),
            share(recall),
            share(amount),
            f"{rule.alone:,}",
            f"{float(rule.saved):,.0f}",
            f"{float(rule.adds):,.0f}",
            f"{rule.skipped:,}" if rule.skipped else "",
            style="dim" if rule.rule.shadow else "",
        )
    return table


def overlaps(result: SetResult, least: float = 0.5) -> list[str]:
    """Return sentences on rules most of whose events another rule fires on as well."""
    found = []
    for one, rule in enumerate(result.rules):
        for other, second in enumerate(result.rules):
            both = int(result.together[one, other])
            if one != other and rule.found.events and both >= least * rule.found.events:
                part = both / rule.found.events
                found.append((part, f"{part:.0%} of {rule.rule.name} ({both:,} events) is in {second.rule.name}"))
    return [text for _, text in sorted(found, key=lambda pair: -pair[0])]


def _say_overlaps(result: SetResult, console: Console) -> None:
    texts = overlaps(result)
    if texts:
        console.print(f"Overlaps: {escape('; '.join(texts[:8]))}", highlight=False, soft_wrap=True)


def _moves(findings: Findings) -> Table:
    table = _table("before", "after", "events", "frauds", "genuine")
    for move in findings.moves:
        totals = move.totals
        table.add_row(
            escape(move.before), escape(move.after), f"{totals.events:,}", f"{totals.frauds:,}", f"{totals.genuine:,}"
        )
    return table


def _thresholds(findings: Findings) -> Table:
    table = _table(
        *("score", "a day", "busiest day", "precision", "recall", "of amounts", "saved if reviewed", "if declined", "")
    )
    for row in findings.thresholds:
        if row.threshold % 50 and not row.why:
            # The report has the finer steps.
            continue
        recall, amount = row.found.share_of(findings.result.whole)
        table.add_row(
            f"≥ {row.threshold}",
            f"{findings.a_day(row.found.events):,.1f}",
            f"{row.busiest_day:,}",
            share(row.found.precision),
            share(recall),
            share(amount),
            f"{row.saved_by_reviews:,.0f}",
            f"{row.saved_by_declines:,.0f}",
            escape(row.why),
        )
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, head in enumerate(heads):
        is_text = head in ("", "rule", "outcome", "before", "after")
        style = (
            {"justify": "left", "overflow": "fold"} if is_text or not place else {"justify": "right", "no_wrap": True}
        )
        table.add_column(head, **style)
    return table
