"""What rules would have found, stopped and saved. Counts and money are exact: whole numbers and fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fraud.backtest.firing import FIRED, SKIPPED
from fraud.backtest.history import UNKNOWN, History
from fraud.decisions.model import Rule, RuleSet
from fraud.decisions.thresholds import UNITS, Costs

PASS, REVIEW, DECLINE = "pass", "review", "decline"
ACTIONS = (PASS, REVIEW, DECLINE)
"""What an outcome means for money: let through, looked at by a person, refused."""


@dataclass(frozen=True)
class Totals:
    """Some events: how many, by label, and the amounts of frauds and genuine ones in ten-thousandths."""

    events: int = 0
    frauds: int = 0
    genuine: int = 0
    fraud_amount: int = 0
    genuine_amount: int = 0

    @property
    def precision(self) -> float | None:
        """Share of frauds among the events whose label is known."""
        known = self.frauds + self.genuine
        return self.frauds / known if known else None

    def share_of(self, whole: Totals) -> tuple[float | None, float | None]:
        """Return the share of all frauds, by number and by amount."""
        by_number = self.frauds / whole.frauds if whole.frauds else None
        return by_number, self.fraud_amount / whole.fraud_amount if whole.fraud_amount else None

    def cost(self, costs: Costs, action: str) -> Fraction:
        """Return what these events cost if they are let through, reviewed or declined."""
        if action == PASS:
            return costs.missed(self.frauds, self.fraud_amount)
        if action == REVIEW:
            return costs.reviewed(self.events, self.frauds, self.fraud_amount)
        return costs.declined(self.genuine, self.genuine_amount)


@dataclass(frozen=True)
class RuleResult:
    """What one rule does.

    `found` are the events on which it fires, `busiest_day` the most on a day, `skipped` those on which it cannot be
    evaluated. `saved` is what it saves over letting its events pass, net of costs, if it decided alone; `adds` what
    the rule set saves with it more than without it (of a shadow rule: what it would add if it acted). `alone` are the
    frauds on which no other rule that acts fires.
    """

    rule: Rule
    action: str
    found: Totals
    busiest_day: int
    skipped: int
    saved: Fraction
    adds: Fraction
    alone: int


@dataclass(frozen=True)
class SetResult:
    """What a rule set does: each rule, each outcome, the events in all, and how often two rules fire together.

    `outcomes` are the positions of each event's outcome in the rule set's outcomes. `cost` is what its decisions cost,
    `saved` what they save over letting everything pass.
    """

    ruleset: RuleSet
    actions: Mapping[str, str]
    rules: tuple[RuleResult, ...]
    by_outcome: Mapping[str, Totals]
    whole: Totals
    outcomes: np.ndarray
    together: np.ndarray
    days: int
    busiest_review_day: int
    cost: Fraction
    saved: Fraction

    def of_action(self, action: str) -> Totals:
        """Return the events whose outcome means this action."""
        return added([totals for outcome, totals in self.by_outcome.items() if self.actions[outcome] == action])

    @property
    def stopped(self) -> Totals:
        """The events that are reviewed or declined."""
        return added([self.of_action(REVIEW), self.of_action(DECLINE)])


@dataclass(frozen=True)
class Moved:
    """Events whose outcome differs between two rule sets."""

    before: str
    after: str
    totals: Totals


def actions_of(ruleset: RuleSet, stated: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what each outcome means: the mildest lets pass, the most severe declines, those between are reviews."""
    last = len(ruleset.outcomes) - 1
    usual = {
        outcome: PASS if place == 0 else DECLINE if place == last else REVIEW
        for place, outcome in enumerate(ruleset.outcomes)
    }
    return usual | {outcome: action for outcome, action in (stated or {}).items() if outcome in usual}


def totals_of(history: History, rows: np.ndarray) -> Totals:
    """Return the totals of some events: `rows` are positions, or booleans for all events."""
    labels, amounts = history.labels[rows], history.amounts[rows]
    fraud, genuine = labels == 1, labels == 0
    return Totals(
        len(labels), int(fraud.sum()), int(genuine.sum()), int(amounts[fraud].sum()), int(amounts[genuine].sum())
    )


def added(parts: list[Totals]) -> Totals:
    """Return the sum of totals."""
    fields = Totals.__dataclass_fields__
    return Totals(**{name: sum(getattr(part, name) for part in parts) for name in fields})


def outcomes_of(ruleset: RuleSet, fired: np.ndarray, acting: np.ndarray | None = None) -> np.ndarray:
    """Return the position of each event's outcome; `fired` is boolean of shape (events, rules).

    `acting` are positions of the rules that act, by default all but those in shadow.
    """
    if acting is None:
        acting = np.array([place for place, rule in enumerate(ruleset.rules) if not rule.shadow], dtype=np.int64)
    default = ruleset.outcomes.index(ruleset.default)
    result = np.full(len(fired), default, dtype=np.int16)
    severity = [ruleset.outcomes.index(ruleset.rules[place].outcome) for place in acting]
    if ruleset.mode == "first-match":
        # Backwards: an earlier rule takes the place of a later one.
        for place, outcome in reversed(list(zip(acting, severity, strict=True))):
            result[fired[:, place]] = outcome
        return result
    found = np.full(len(fired), -1, dtype=np.int16)
    for place, outcome in zip(acting, severity, strict=True):
        np.maximum(found, outcome, out=found, where=fired[:, place])
    return np.where(found < 0, result, found)


def results(
    ruleset: RuleSet, codes: np.ndarray, history: History, costs: Costs, stated: Mapping[str, str] | None = None
) -> SetResult:
    """Return what a rule set does; `codes` are those of `firing.fire`, `stated` the meaning of some outcomes."""
    fired = codes == FIRED
    actions = actions_of(ruleset, stated)
    outcomes = outcomes_of(ruleset, fired)
    by_outcome = {
        outcome: totals_of(history, np.flatnonzero(outcomes == place)) for place, outcome in enumerate(ruleset.outcomes)
    }
    cost = sum((totals.cost(costs, actions[outcome]) for outcome, totals in by_outcome.items()), Fraction(0))
    whole = added(list(by_outcome.values()))
    reviewing = [place for place, outcome in enumerate(ruleset.outcomes) if actions[outcome] == REVIEW]
    together = _together(fired)
    return SetResult(
        ruleset=ruleset,
        actions=actions,
        rules=tuple(
            _rule(place, ruleset, fired, codes, outcomes, history, costs, actions)
            for place in range(len(ruleset.rules))
        ),
        by_outcome=by_outcome,
        whole=whole,
        outcomes=outcomes,
        together=together,
        days=history.number_of_days,
        busiest_review_day=_busiest(history, np.isin(outcomes, reviewing)),
        cost=cost,
        saved=whole.cost(costs, PASS) - cost,
    )


def moved(before: SetResult, after: SetResult, history: History) -> list[Moved]:
    """Return the events whose outcome changes, most first."""
    found = []
    for old, before_name in enumerate(before.ruleset.outcomes):
        for new, after_name in enumerate(after.ruleset.outcomes):
            rows = np.flatnonzero((before.outcomes == old) & (after.outcomes == new))
            if before_name != after_name and len(rows):
                found.append(Moved(before_name, after_name, totals_of(history, rows)))
    return sorted(found, key=lambda move: -move.totals.events)


def _rule(
    place: int,
    ruleset: RuleSet,
    fired: np.ndarray,
    codes: np.ndarray,
    outcomes: np.ndarray,
    history: History,
    costs: Costs,
    actions: Mapping[str, str],
) -> RuleResult:
    rule = ruleset.rules[place]
    action = actions[rule.outcome]
    rows = np.flatnonzero(fired[:, place])
    found = totals_of(history, rows)
    acting = [other for other, any_rule in enumerate(ruleset.rules) if not any_rule.shadow]
    others = [other for other in acting if other != place]
    # Only events on which the rule fires can be decided in another way without it, or with it.
    changed = np.array(others if not rule.shadow else sorted([*acting, place]), dtype=np.int64)
    now, then = outcomes[rows], outcomes_of(ruleset, fired[rows], changed)
    gained = _cost(ruleset, then, rows, history, costs, actions) - _cost(ruleset, now, rows, history, costs, actions)
    only = ~fired[np.ix_(rows, others)].any(axis=1) if others else np.ones(len(rows), dtype=bool)
    return RuleResult(
        rule=rule,
        action=action,
        found=found,
        busiest_day=_busiest(history, rows),
        skipped=int((codes[:, place] == SKIPPED).sum()),
        saved=found.cost(costs, PASS) - found.cost(costs, action),
        adds=-gained if rule.shadow else gained,
        alone=int((history.labels[rows[only]] == 1).sum()),
    )


def _cost(
    ruleset: RuleSet,
    outcomes: np.ndarray,
    rows: np.ndarray,
    history: History,
    costs: Costs,
    actions: Mapping[str, str],
) -> Fraction:
    parts = (
        totals_of(history, rows[outcomes == place]).cost(costs, actions[outcome])
        for place, outcome in enumerate(ruleset.outcomes)
    )
    return sum(parts, Fraction(0))


def _busiest(history: History, rows: np.ndarray) -> int:
    """Most of some events on one day."""
    return int(np.bincount(history.days[rows], minlength=1).max())


def _together(fired: np.ndarray) -> np.ndarray:
    """How often each two rules fire on the same event, of shape (rules, rules)."""
    bits = np.packbits(fired, axis=0)
    size = fired.shape[1]
    counts = np.zeros((size, size), dtype=np.int64)
    for one in range(size):
        both = np.bitwise_count(bits[:, one : one + 1] & bits[:, one:]).sum(axis=0, dtype=np.int64)
        counts[one, one:] = counts[one:, one] = both
    return counts


def money(value: Fraction | int) -> float:
    """Return an amount in ten-thousandths, or a cost, as a float in the currency, for people to read."""
    return value / UNITS if isinstance(value, int) else float(value)


def labelled(history: History) -> int:
    """Number of events whose label is known."""
    return int((history.labels != UNKNOWN).sum())
