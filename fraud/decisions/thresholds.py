"""Thresholds of the score: from which on to review and to decline, by what it costs or by how much can be reviewed.

Costs are exact (fractions, never floats), so that equal costs are equal. Events of one score are treated alike: a
budget is kept even where the next lower score would exceed it by one event. Of equal costs the choice is the one with
the fewest reviews, then the fewest declines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

HIGHEST = 1000
NEVER = HIGHEST + 1
"""A threshold that no score reaches."""
UNITS = 10_000
"""Amounts are whole ten-thousandths of the currency, as features count them."""
Number = int | str | Decimal | Fraction | float


def exact(value: Number) -> Fraction:
    """Return a number as it is written: 0.1 is one tenth, which no float is. Raises ValueError."""
    try:
        return Fraction(str(value)) if isinstance(value, float | str) else Fraction(value)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise ValueError(f"{value!r} is not a number") from None


@dataclass(frozen=True)
class Costs:
    """What decisions cost, in the currency of the amounts.

    A fraud that is let through costs `missed_share` of its amount and `missed_fixed`; each review costs `review`, and
    recognises `found_in_review` of the frauds; a genuine event that is declined costs `declined_share` of its amount
    and `declined_fixed` (a customer annoyed). Raises ValueError for what is negative, or a share above 1 of frauds.
    """

    missed_share: Number = 1
    missed_fixed: Number = 0
    review: Number = 5
    found_in_review: Number = 1
    declined_share: Number = Fraction(1, 10)
    declined_fixed: Number = 0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = exact(getattr(self, name))
            if value < 0 or (name == "found_in_review" and value > 1):
                raise ValueError(f"{name}: {value} is {'negative' if value < 0 else 'more than all'}")
            object.__setattr__(self, name, value)

    def missed(self, frauds: int, amount: int) -> Fraction:
        """Cost of frauds that are let through; `amount` is their sum in ten-thousandths."""
        return frauds * self.missed_fixed + Fraction(amount, UNITS) * self.missed_share

    def reviewed(self, events: int, frauds: int, amount: int) -> Fraction:
        """Cost of events that are reviewed, of the frauds among them that are not recognised too."""
        return events * self.review + (1 - self.found_in_review) * self.missed(frauds, amount)

    def declined(self, genuine: int, amount: int) -> Fraction:
        """Cost of genuine events that are declined."""
        return genuine * self.declined_fixed + Fraction(amount, UNITS) * self.declined_share


@dataclass(frozen=True)
class Tally:
    """Events by their score, each a sequence of HIGHEST + 1 whole numbers.

    `frauds` and `genuine` count events whose label is known, with their amounts in ten-thousandths; `unknown` counts
    the others: they are reviewed too, and neither won nor lost. `daily` has, for each day, its events by score (only
    those there are); `days` is the number of days, those without an event too.
    """

    frauds: Sequence[int]
    genuine: Sequence[int]
    fraud_amount: Sequence[int]
    genuine_amount: Sequence[int]
    unknown: Sequence[int]
    daily: Sequence[Mapping[int, int]] = ()
    days: int = 1

    def events(self, score: int) -> int:
        """Number of events with a score."""
        return self.frauds[score] + self.genuine[score] + self.unknown[score]


@dataclass(frozen=True)
class Budget:
    """How many events can be reviewed: `per_day` (on each day, or `on_average`), and a `share` of all events."""

    per_day: int | None = None
    share: Number | None = None
    on_average: bool = False

    def __post_init__(self) -> None:
        if self.per_day is not None and self.per_day < 0:
            raise ValueError(f"{self.per_day} reviews a day: none or more")
        if self.share is not None and not 0 <= exact(self.share) <= 1:
            raise ValueError(f"a share of {self.share}: from 0 to 1")

    def most(self, tally: Tally) -> int | None:
        """Return the most reviews in all days together, None where only single days are limited."""
        limits = []
        if self.per_day is not None and self.on_average:
            limits.append(self.per_day * tally.days)
        if self.share is not None:
            events = sum(map(tally.events, range(HIGHEST + 1)))
            limits.append(int(exact(self.share) * events))
        return min(limits, default=None)


@dataclass(frozen=True)
class Choice:
    """Events from `review_at` on are reviewed, from `decline_at` on declined (NEVER: none).

    `cost` is what history would have cost with them and `saved` what is saved over letting everything pass;
    `most_in_a_day` is the largest number of reviews on a day.
    """

    review_at: int
    decline_at: int
    reviews: int
    declines: int
    most_in_a_day: int
    cost: Fraction
    saved: Fraction


# Cost, reviews and declines: compared in this order, and added one by one.
_Sum = tuple[Fraction, int, int]


def by_cost(tally: Tally, costs: Costs, budget: Budget | None = None, decline_at: int | None = None) -> Choice:
    """Return the thresholds that cost least, with no more reviews than the budget allows.

    With `decline_at` only the threshold of reviews is chosen (NEVER: nothing is declined).
    """
    if decline_at is not None and not 0 <= decline_at <= NEVER:
        raise ValueError(f"decline_at: {decline_at} is not from 0 to {NEVER}")
    places, passed, reviewed, declined = _sums(tally, costs)
    wanted = None if decline_at is None else _raised(tally, decline_at)
    lowest = _lowest_allowed(tally, budget)
    best: tuple[_Sum, int, int] | None = None
    # Candidates for the review threshold, the cheapest first; each pair of thresholds costs a part of either.
    window: deque[tuple[_Sum, int]] = deque()
    for number, decline in enumerate(places):
        part = _minus(passed[number], reviewed[number])
        while window and window[-1][0] >= part:
            window.pop()
        window.append((part, decline))
        while window[0][1] < lowest[decline]:
            window.popleft()
        total = _plus(window[0][0], _minus(_plus(reviewed[number], declined[-1]), declined[number]))
        if (best is None or total < best[0]) and wanted in (None, decline):
            best = (total, window[0][1], decline)
    return choice(tally, costs, best[1], best[2])


def by_budget(tally: Tally, costs: Costs, budget: Budget, decline_at: int = NEVER) -> Choice:
    """Return the lowest threshold of reviews that the budget allows, below a threshold of declines."""
    if not 0 <= decline_at <= NEVER:
        raise ValueError(f"decline_at: {decline_at} is not from 0 to {NEVER}")
    return choice(tally, costs, _lowest_allowed(tally, budget)[decline_at], decline_at)


def choice(tally: Tally, costs: Costs, review_at: int, decline_at: int) -> Choice:
    """Return what two thresholds lead to; each is raised to the lowest score that it stops."""
    review_at, decline_at = _raised(tally, review_at), _raised(tally, decline_at)
    places, passed, reviewed, declined = _sums(tally, costs)
    review, decline = places.index(review_at), places.index(decline_at)
    part = _plus(passed[review], _minus(reviewed[decline], reviewed[review]))
    cost, reviews, declines = _plus(part, _minus(declined[-1], declined[decline]))
    busy = (sum(count for score, count in day.items() if review_at <= score < decline_at) for day in tally.daily)
    return Choice(review_at, decline_at, reviews, declines, max(busy, default=0), cost, passed[-1][0] - cost)


def _sums(tally: Tally, costs: Costs) -> tuple[list[int], list[_Sum], list[_Sum], list[_Sum]]:
    """The thresholds that differ, and what the events below each add up to if they pass, are reviewed or declined."""
    zero: _Sum = (Fraction(0), 0, 0)
    passed, reviewed, declined = [], [], []
    places = [score for score in range(HIGHEST + 1) if tally.events(score)]
    for score in places:
        frauds, amount, events = tally.frauds[score], tally.fraud_amount[score], tally.events(score)
        passed.append((costs.missed(frauds, amount), 0, 0))
        reviewed.append((costs.reviewed(events, frauds, amount), events, 0))
        declined.append((costs.declined(tally.genuine[score], tally.genuine_amount[score]), 0, events))
    below = (list(accumulate(sums, _plus, initial=zero)) for sums in (passed, reviewed, declined))
    return [*places, NEVER], *below


def _lowest_allowed(tally: Tally, budget: Budget | None) -> list[int]:
    """For each threshold of declines (up to NEVER), the lowest threshold of reviews that the budget allows."""
    if budget is None:
        return [0] * (NEVER + 1)
    most, per_day = budget.most(tally), None if budget.on_average else budget.per_day
    by_score: list[list[tuple[int, int]]] = [[] for _ in range(HIGHEST + 1)]
    for number, day in enumerate(tally.daily):
        for score, count in day.items():
            by_score[score].append((number, count))
    on_day = [0] * len(tally.daily)
    total = exceeded = 0
    lowest, result = 0, [0]
    for score in range(HIGHEST + 1):
        total += tally.events(score)
        for day, count in by_score[score]:
            exceeded += per_day is not None and on_day[day] <= per_day < on_day[day] + count
            on_day[day] += count
        while exceeded or (most is not None and total > most):
            total -= tally.events(lowest)
            for day, count in by_score[lowest]:
                exceeded -= per_day is not None and on_day[day] - count <= per_day < on_day[day]
                on_day[day] -= count
            lowest += 1
        result.append(lowest)
    return result


def _raised(tally: Tally, threshold: int) -> int:
    return next((score for score in range(threshold, HIGHEST + 1) if tally.events(score)), NEVER)


def _plus(one: _Sum, other: _Sum) -> _Sum:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _minus(one: _Sum, other: _Sum) -> _Sum:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]
