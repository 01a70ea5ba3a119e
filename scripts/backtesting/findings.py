"""All that a backtest finds, computed once and shown on the terminal, in the report and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from fraud.backtest.history import History
from fraud.backtest.results import (
    DECLINE,
    PASS,
    REVIEW,
    Moved,
    RuleResult,
    SetResult,
    Totals,
    labelled,
    money,
    moved,
)
from fraud.backtest.sweep import Sweep, sweep, tally
from fraud.decisions.thresholds import HIGHEST, NEVER, Budget, Choice, Costs, by_budget, by_cost
from fraud.decisions.tokens import tokens_of

_MOST_DAYS = 62
"""Longer histories are shown week by week."""
_STEP = 25
_FEW = 0.995


@dataclass(frozen=True)
class ThresholdRow:
    """What is at or above a threshold, and what is saved if all of it is reviewed, or declined; `why` it is shown."""

    threshold: int
    found: Totals
    busiest_day: int
    saved_by_reviews: float
    saved_by_declines: float
    why: str = ""


@dataclass(frozen=True)
class Period:
    """A day or a week: events that were reviewed and declined, frauds, and those of them that were stopped."""

    start: date
    days: int
    reviews: int
    declines: int
    frauds: int
    stopped: int


@dataclass(frozen=True)
class Findings:
    """The results of a rule set, beside another one if there is one, and of thresholds if there are scores."""

    name: str
    result: SetResult
    costs: Costs
    events: int
    labelled: int
    days: int
    first_day: date | None
    other_name: str = ""
    other: SetResult | None = None
    moves: tuple[Moved, ...] = ()
    sweep: Sweep | None = None
    thresholds: tuple[ThresholdRow, ...] = ()
    by_cost: Choice | None = None
    by_budget: Choice | None = None
    budget: Budget | None = None
    periods: tuple[Period, ...] = ()
    facts: dict[str, str] | None = None
    notes: tuple[str, ...] = ()

    def a_day(self, count: int) -> float:
        """Return a number of events as so many a day."""
        return count / max(self.days, 1)


def find(
    name: str,
    result: SetResult,
    history: History,
    costs: Costs,
    budget: Budget | None = None,
    other: tuple[str, SetResult] | None = None,
    facts: dict[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> Findings:
    """Return the findings on a history that the results are of."""
    scored: dict[str, Any] = {}
    if history.scores is not None:
        counted = tally(history)
        swept = sweep(history, counted)
        cheapest = by_cost(counted, costs, budget)
        affordable = by_budget(counted, costs, budget, cheapest.decline_at) if budget else None
        scored = {"sweep": swept, "by_cost": cheapest, "by_budget": affordable, "budget": budget}
        scored["thresholds"] = tuple(_rows(swept, costs, result, cheapest, affordable))
    return Findings(
        name=name,
        result=result,
        costs=costs,
        events=len(history),
        labelled=labelled(history),
        days=history.number_of_days,
        first_day=history.first_day,
        other_name=other[0] if other else "",
        other=other[1] if other else None,
        moves=tuple(moved(other[1], result, history)) if other else (),
        periods=tuple(_periods(history, result)),
        facts=facts,
        notes=notes,
        **scored,
    )


def to_json(findings: Findings) -> dict[str, Any]:
    """Return the findings for programs; money is in the currency of the amounts."""
    body: dict[str, Any] = {
        "name": findings.name,
        "events": findings.events,
        "labelled": findings.labelled,
        "days": findings.days,
        "first_day": findings.first_day and findings.first_day.isoformat(),
        "facts": findings.facts or {},
        "notes": list(findings.notes),
        "costs": {name: float(getattr(findings.costs, name)) for name in findings.costs.__dataclass_fields__},
        "result": _set(findings.result, findings),
    }
    if findings.other is not None:
        body["other"] = {"name": findings.other_name, **_set(findings.other, findings)}
        body["moved"] = [
            {"before": move.before, "after": move.after, **_totals(move.totals)} for move in findings.moves
        ]
    if findings.sweep is not None:
        body["thresholds"] = [_threshold(row, findings) for row in findings.thresholds]
        for key in ("by_cost", "by_budget"):
            choice = getattr(findings, key)
            if choice is not None:
                body[key] = {**vars(choice), "cost": float(choice.cost), "saved": float(choice.saved)}
    return body


def _set(result: SetResult, findings: Findings) -> dict[str, Any]:
    recall, amount = result.stopped.share_of(result.whole)
    return {
        "version": result.ruleset.version,
        "mode": result.ruleset.mode,
        "outcomes": {
            name: {"action": result.actions[name], **_totals(totals)} for name, totals in result.by_outcome.items()
        },
        "reviews_a_day": findings.a_day(result.of_action(REVIEW).events),
        "most_reviews_on_a_day": result.busiest_review_day,
        "declines_a_day": findings.a_day(result.of_action(DECLINE).events),
        "recall": recall,
        "amount_recall": amount,
        "cost": float(result.cost),
        "saved": float(result.saved),
        "rules": [_rule(rule, result, findings) for rule in result.rules],
        "fired_together": result.together.tolist(),
    }


def _rule(rule: RuleResult, result: SetResult, findings: Findings) -> dict[str, Any]:
    recall, amount = rule.found.share_of(result.whole)
    return {
        "name": rule.rule.name,
        "outcome": rule.rule.outcome,
        "action": rule.action,
        "shadow": rule.rule.shadow,
        **_totals(rule.found),
        "precision": rule.found.precision,
        "recall": recall,
        "amount_recall": amount,
        "a_day": findings.a_day(rule.found.events),
        "busiest_day": rule.busiest_day,
        "skipped": rule.skipped,
        "saved": float(rule.saved),
        "adds": float(rule.adds),
        "frauds_found_alone": rule.alone,
    }


def _threshold(row: ThresholdRow, findings: Findings) -> dict[str, Any]:
    recall, amount = row.found.share_of(findings.result.whole)
    return {
        "threshold": row.threshold,
        "why": row.why,
        **_totals(row.found),
        "precision": row.found.precision,
        "recall": recall,
        "amount_recall": amount,
        "a_day": findings.a_day(row.found.events),
        "busiest_day": row.busiest_day,
        "saved_by_reviews": row.saved_by_reviews,
        "saved_by_declines": row.saved_by_declines,
    }


def _totals(totals: Totals) -> dict[str, Any]:
    return {
        "events": totals.events,
        "frauds": totals.frauds,
        "genuine": totals.genuine,
        "fraud_amount": money(totals.fraud_amount),
        "genuine_amount": money(totals.genuine_amount),
    }


def _rows(swept: Sweep, costs: Costs, result: SetResult, cheapest: Choice, affordable: Choice | None) -> Any:
    """Thresholds from high to low until nearly all frauds are found; those of rules and those chosen among them."""
    whole = swept.at(0)
    wanted: dict[int, list[str]] = {}
    for threshold in range(HIGHEST, -1, -_STEP):
        found = swept.at(threshold)
        if found.events:
            wanted.setdefault(threshold, [])
        if found.frauds >= _FEW * whole.frauds or found.events > 0.5 * whole.events:
            break
    for name, threshold in _stated(result):
        wanted.setdefault(threshold, []).append(f"rule {name}")
    for choice, why in ((cheapest, "least cost"), (affordable, "within the budget")):
        for threshold, what in ((choice.review_at, "review"), (choice.decline_at, "decline")) if choice else ():
            if threshold < NEVER and not (choice is affordable and what == "decline"):
                wanted.setdefault(threshold, []).append(f"{what}: {why}")
    for threshold in sorted(wanted, reverse=True):
        found = swept.at(threshold)
        passed = found.cost(costs, PASS)
        reviewed, declined = float(passed - found.cost(costs, REVIEW)), float(passed - found.cost(costs, DECLINE))
        busiest = int(swept.busiest_day[threshold])
        yield ThresholdRow(threshold, found, busiest, reviewed, declined, ", ".join(wanted[threshold]))


def _stated(result: SetResult) -> list[tuple[str, int]]:
    """Thresholds of the score that rules have: `score >= 560`."""
    found = []
    for rule in result.ruleset.rules:
        texts = [token.text for token in tokens_of(rule.when)]
        for place, text in enumerate(texts[:-2]):
            number = texts[place + 2]
            if text == "score" and texts[place + 1] in (">", ">=") and number.isdigit() and int(number) <= HIGHEST:
                found.append((rule.name, int(number) + (texts[place + 1] == ">")))
    return [pair for pair in dict.fromkeys(found) if pair[1] <= HIGHEST]


def _periods(history: History, result: SetResult) -> Any:
    if history.first_day is None:
        return
    length = 1 if history.number_of_days <= _MOST_DAYS else 7
    actions = np.array([result.actions[outcome] for outcome in result.ruleset.outcomes])[result.outcomes]
    period = history.days // length
    size = int(period.max()) + 1
    fraud = history.labels == 1

    def count(rows: np.ndarray) -> list[int]:
        return np.bincount(period[rows], minlength=size).tolist()

    columns = (
        count(actions == REVIEW),
        count(actions == DECLINE),
        count(fraud),
        count(fraud & (actions != PASS)),
    )
    for number, values in enumerate(zip(*columns, strict=True)):
        days = min(length, history.number_of_days - number * length)
        yield Period(history.first_day + timedelta(days=number * length), days, *values)
