"""The report of a backtest: one page with pictures, without network or JavaScript."""

from __future__ import annotations

from fractions import Fraction

from fraud.backtest.results import REVIEW, SetResult, money
from scripts.backtesting import pictures
from scripts.backtesting.findings import Findings
from scripts.backtesting.terminal import described, overlaps, share
from scripts.report.build import render_page
from scripts.report.headline import Tile, Verdict
from scripts.report.section import Picture, Section, Table, pairs
from scripts.report.text import number

_USUAL = {"approve": "pass", "review": "review", "decline": "decline"}
_MEANING = {"pass": "let through", "review": "reviewed", "decline": "declined"}


def build(title: str, findings: Findings) -> str:
    """Return the report's HTML."""
    sections = [_set(findings), _rules(findings), _thresholds(findings), _time(findings), _method(findings)]
    return render_page(title, _verdict(findings), _tiles(findings), sections)


def _verdict(findings: Findings) -> Verdict:
    saved = float(findings.result.saved)
    if findings.other is None:
        kind = "good" if saved > 0 else "bad"
        return Verdict(kind, findings.name, f"saves {number(saved, 0)} over letting everything pass, net of costs.")
    more = saved - float(findings.other.saved)
    word = "more" if more >= 0 else "less"
    text = f"saves {number(abs(more), 0)} {word} than {findings.other_name}, net of costs."
    return Verdict("good" if more > 0 else "bad" if more < 0 else "", findings.name, text)


def _tiles(findings: Findings) -> list[Tile]:
    result, other = findings.result, findings.other
    recall, amount = result.stopped.share_of(result.whole)
    was = (lambda text: f"{text} before") if other else (lambda text: "")
    other_recall, other_amount = other.stopped.share_of(other.whole) if other else (None, None)
    review, before = result.of_action(REVIEW), other.of_action(REVIEW) if other else None
    return [
        Tile("Events", number(findings.events), f"{number(findings.days)} days"),
        Tile("Frauds", number(result.whole.frauds), f"{share(_rate(findings))} of labelled"),
        Tile(
            "Reviews a day",
            number(findings.a_day(review.events), 1),
            was(number(findings.a_day(before.events), 1)) if before else f"{number(result.busiest_review_day)} at most",
        ),
        Tile("Frauds stopped", share(recall), was(share(other_recall))),
        Tile("Their amounts", share(amount), was(share(other_amount))),
        Tile("Saved", number(float(result.saved), 0), was(number(float(other.saved), 0)) if other else "net of costs"),
    ]


def _rate(findings: Findings) -> float | None:
    return findings.result.whole.frauds / findings.labelled if findings.labelled else None


def _set(findings: Findings) -> Section:
    heads = ("outcome", "events", "a day", "frauds", "precision", "share of frauds", "of their amounts")
    tables = [Table(_outcomes(findings.result, findings), heads, frozenset(range(1, 7)), caption=findings.name)]
    if findings.other is not None:
        rows = _outcomes(findings.other, findings)
        tables.append(Table(rows, heads, frozenset(range(1, 7)), caption=findings.other_name))
        moves = []
        for move in findings.moves:
            counts = map(number, (move.totals.events, move.totals.frauds, move.totals.genuine))
            moves.append((f"{move.before} → {move.after}", *counts, number(money(move.totals.fraud_amount), 0)))
        caption = "Decided otherwise" if moves else "No event is decided otherwise"
        moved_heads = ("before → after", "events", "frauds", "genuine", "amount of frauds")
        tables.append(Table(moves, moved_heads if moves else (), frozenset(range(1, 5)), caption=caption))
    return Section("rule-set", "Decisions", tables=tables, notes=findings.notes)


def _outcomes(result: SetResult, findings: Findings) -> list[tuple[str, ...]]:
    rows = []
    for outcome, totals in result.by_outcome.items():
        recall, amount = totals.share_of(result.whole)
        action = result.actions[outcome]
        named = outcome if _USUAL.get(outcome) == action else f"{outcome} ({_MEANING[action]})"
        shares = (share(totals.precision), share(recall), share(amount))
        day = number(findings.a_day(totals.events), 1)
        rows.append((named, number(totals.events), day, number(totals.frauds), *shares))
    return rows


def _rules(findings: Findings) -> Section:
    result = findings.result
    if not result.rules:
        return Section("rules", "Rules", missing="the rule set has none.")
    rows = []
    for place, rule in enumerate(result.rules, 1):
        recall, amount = rule.found.share_of(result.whole)
        rows.append(
            (
                f"{place} {rule.rule.name}",
                rule.rule.outcome + (" (shadow)" if rule.rule.shadow else ""),
                number(findings.a_day(rule.found.events), 1),
                number(rule.busiest_day),
                number(rule.found.frauds),
                share(rule.found.precision),
                share(recall),
                share(amount),
                number(rule.alone),
                number(float(rule.saved), 0),
                number(float(rule.adds), 0),
            )
        )
    heads = (
        *("rule", "outcome", "a day", "busiest day", "frauds", "precision", "recall", "of amounts"),
        *("found alone", "saved", "adds"),
    )
    skipped = [
        f"{rule.rule.name} cannot be evaluated on {number(rule.skipped)} events, where a value is missing."
        for rule in result.rules
        if rule.skipped
    ]
    texts = (
        "Saved: if the rule decided alone. Adds: what the rule set saves with the rule more than without it; of a "
        "shadow rule (hatched), what it would add if it acted. Found alone: frauds that no other acting rule finds. "
        "The length of a bar is the square root of its value.",
    )
    overlapping = _overlap_tables(findings)
    return Section(
        "rules",
        "Rules",
        texts=texts,
        pictures=[Picture("What each rule stops and adds", pictures.rules(findings), "full")],
        tables=[Table(rows, heads, frozenset(range(2, 11)), kind="dense"), *overlapping],
        lists=[skipped] if skipped else [],
        notes=[] if overlapping else [f"{text}." for text in overlaps(result)[:6]],
    )


def _overlap_tables(findings: Findings) -> list[Table]:
    """Of the events of each rule (row), the share on which another fires too (column)."""
    result = findings.result
    size = len(result.rules)
    if not 2 <= size <= 12:
        return []
    names = [rule.rule.name for rule in result.rules]
    rows = []
    for one, rule in enumerate(result.rules):
        cells = ["" if one == other else _part(result.together[one, other], rule.found.events) for other in range(size)]
        rows.append((f"{one + 1} {names[one]}", *cells))
    heads = ("of the events of", *(str(number) for number in range(1, size + 1)))
    return [Table(rows, heads, frozenset(range(1, size + 1)), caption="Also fire on them", kind="dense")]


def _part(count: int, whole: int) -> str:
    return share(count / whole if whole else None)


def _thresholds(findings: Findings) -> Section:
    if findings.sweep is None:
        return Section("thresholds", "Thresholds", missing="without a model there are no scores.")
    rows, marked = [], set()
    for row in findings.thresholds:
        recall, amount = row.found.share_of(findings.result.whole)
        if row.why:
            marked.add(len(rows))
        rows.append(
            (
                f"≥ {row.threshold}",
                number(findings.a_day(row.found.events), 1),
                number(row.busiest_day),
                share(row.found.precision),
                share(recall),
                share(amount),
                number(row.saved_by_reviews, 0),
                number(row.saved_by_declines, 0),
                row.why,
            )
        )
    heads = (
        *("score", "a day", "busiest day", "precision", "recall", "of amounts"),
        *("saved if reviewed", "if declined", ""),
    )
    choices = [("Least cost", findings.by_cost), ("Within the budget", findings.by_budget)]
    return Section(
        "thresholds",
        "Thresholds of the score",
        lists=[[f"{words}: {described(choice, findings)}." for words, choice in choices if choice is not None]],
        pictures=[
            Picture("Cost by threshold", pictures.cost(findings)),
            Picture("Review load against frauds found (numbers: rules)", pictures.load(findings)),
        ],
        tables=[Table(rows, heads, frozenset(range(1, 8)), frozenset(marked), kind="dense")],
    )


def _time(findings: Findings) -> Section:
    if len(findings.periods) < 2:
        return Section("time", "Over time", missing="the events have no times, or are of one day.")
    words = "week" if findings.periods[0].days > 1 else "day"
    return Section(
        "time",
        "Over time",
        pictures=[Picture(f"What was stopped, by {words}", pictures.time(findings), "full")],
    )


def _method(findings: Findings) -> Section:
    prices = findings.costs
    costs = {
        "a fraud that passes": _price(prices.missed_share, prices.missed_fixed),
        "a review": f"{number(float(prices.review))}; it recognises {float(prices.found_in_review):.0%} of frauds",
        "a genuine event declined": _price(prices.declined_share, prices.declined_fixed),
    }
    period = f"{findings.first_day:%Y-%m-%d}, {number(findings.days)} days" if findings.first_day else "no times"
    facts = {**(findings.facts or {}), "period": period, "labelled": f"{number(findings.labelled)} events"}
    return Section("method", "How it was measured", tables=[pairs(facts), pairs(costs, "What it costs")])


def _price(part: Fraction, fixed: Fraction) -> str:
    return f"{float(part):.0%} of its amount" + (f" and {number(float(fixed))}" if fixed else "")
