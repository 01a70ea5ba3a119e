"""Thresholds: what is chosen is what trying every pair of thresholds finds."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.decisions.thresholds import HIGHEST, NEVER, Budget, Costs, Tally, by_budget, by_cost, choice, exact

# (day, score, label, amount in ten-thousandths); the label None is unknown. Few scores and amounts make many ties.
_SCORES = st.sampled_from([0, 1, 2, 7, 500, 501, 998, 999, 1000])
_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3), _SCORES, st.sampled_from([True, False, None]), st.sampled_from([0, 100_000, 250_000, 33])
    ),
    max_size=30,
)
_PRICE = st.sampled_from(["0", "0.1", "1", "2.5", "5", "10", "25"])
_SHARE = st.sampled_from(["0", "0.1", "0.5", "1"])
_COSTS = st.builds(Costs, _SHARE, _PRICE, _PRICE, _SHARE, _SHARE, _PRICE)
_BUDGETS = st.builds(
    Budget, st.none() | st.integers(0, 6), st.none() | st.sampled_from(["0", "0.1", "0.33", "0.5", "1"]), st.booleans()
)


def _tally(events):
    columns = {name: [0] * (HIGHEST + 1) for name in ("frauds", "genuine", "fraud_amount", "genuine_amount", "unknown")}
    daily = [Counter() for _ in range(4)]
    for day, score, label, amount in events:
        daily[day][score] += 1
        if label is None:
            columns["unknown"][score] += 1
            continue
        columns["frauds" if label else "genuine"][score] += 1
        columns["fraud_amount" if label else "genuine_amount"][score] += amount
    return Tally(**columns, daily=daily, days=4)


def _tried(events, costs, review_at, decline_at):
    """Cost, reviews, declines and reviews by day, event by event."""
    cost, days, declines = Fraction(0), Counter(), 0
    for day, score, label, amount in events:
        money = Fraction(amount, 10_000)
        missed = (costs.missed_fixed + costs.missed_share * money) if label else 0
        if score >= decline_at:
            declines += 1
            cost += costs.declined_fixed + costs.declined_share * money if label is False else 0
        elif score >= review_at:
            days[day] += 1
            cost += costs.review + (1 - costs.found_in_review) * missed
        else:
            cost += missed
    return (cost, days.total(), declines), days


def _allowed(events, budget, days):
    limits = [len(events)]
    if budget.per_day is not None and budget.on_average:
        limits.append(budget.per_day * 4)
    if budget.share is not None:
        limits.append(exact(budget.share) * len(events))
    each = budget.per_day if budget.per_day is not None and not budget.on_average else len(events)
    return days.total() <= min(limits) and all(count <= each for count in days.values())


def _pairs(events):
    places = sorted({score for _, score, _, _ in events} | {NEVER})
    return [(review, decline) for decline in places for review in places if review <= decline]


@settings(max_examples=300, deadline=None)
@given(_EVENTS, _COSTS, _BUDGETS, st.booleans())
def test_the_cheapest_thresholds_within_the_budget_are_found(events, costs, budget, may_decline):
    found = by_cost(_tally(events), costs, budget, None if may_decline else NEVER)
    tried = {pair: _tried(events, costs, *pair) for pair in _pairs(events) if may_decline or pair[1] == NEVER}
    best = min(sums for sums, days in tried.values() if _allowed(events, budget, days))
    assert (found.cost, found.reviews, found.declines) == best
    sums, days = tried[found.review_at, found.decline_at]
    assert sums == best and _allowed(events, budget, days)
    assert found.most_in_a_day == max(days.values(), default=0)
    assert found.saved == _tried(events, costs, NEVER, NEVER)[0][0] - found.cost


@settings(max_examples=300, deadline=None)
@given(_EVENTS, _BUDGETS, st.sampled_from([0, 2, 3, 501, 1000, NEVER]))
def test_a_budget_is_used_as_far_as_ties_allow_and_never_exceeded(events, budget, decline_at):
    costs = Costs()
    found = by_budget(_tally(events), costs, budget, decline_at)
    allowed = []
    for review in [score for score, _ in _pairs(events)]:
        (_, reviews, _), days = _tried(events, costs, review, decline_at)
        if _allowed(events, budget, days):
            allowed.append(reviews)
    assert found.reviews == max(allowed, default=0)
    assert found.review_at <= found.decline_at
    assert _allowed(events, budget, _tried(events, costs, found.review_at, decline_at)[1])


def test_events_of_one_score_are_reviewed_together_or_not_at_all():
    events = [(0, 700, True, 10_000)] * 3 + [(0, 600, False, 10_000)] * 2
    assert by_budget(_tally(events), Costs(), Budget(per_day=4)).review_at == 700
    assert by_budget(_tally(events), Costs(), Budget(per_day=2)).review_at == NEVER
    assert by_budget(_tally(events), Costs(), Budget(share="0.6")).reviews == 3
    assert by_budget(_tally(events), Costs(), Budget(per_day=1, on_average=True)).reviews == 3


def test_a_budget_holds_on_the_busiest_day_unless_it_is_an_average():
    events = [(0, 900, True, 0)] * 5 + [(day, 800, False, 0) for day in range(4)]
    assert by_budget(_tally(events), Costs(), Budget(per_day=5)).review_at == 900
    assert by_budget(_tally(events), Costs(), Budget(per_day=6)).reviews == 9
    assert by_budget(_tally(events), Costs(), Budget(per_day=3, on_average=True)).reviews == 9


def test_costs_are_exact():
    # Three times ten cents are thirty cents: as floats they are more.
    events = [(0, 900, True, 1_000)] * 3 + [(0, 900, False, 0)] * 3
    costs = Costs(review="0.05", declined_share=0)
    found = choice(_tally(events), costs, 900, NEVER)
    assert found.saved == 0 and found.cost == Fraction(3, 10)
    assert by_cost(_tally(events), costs, decline_at=NEVER).review_at == NEVER
    assert exact(0.1) == Fraction(1, 10)


def test_a_million_events_of_a_year_are_chosen_from_at_once():
    size = HIGHEST + 1
    daily = [{score: 3 for score in range(size)} for _ in range(365)]
    ones = [365] * size
    tally = Tally(ones, ones, [10_000 * 365] * size, [0] * size, ones, daily, 365)
    assert by_budget(tally, Costs(), Budget(per_day=300)).review_at == size - 100


@pytest.mark.parametrize(
    "make",
    [
        lambda: Costs(review=-1),
        lambda: Costs(found_in_review="1.1"),
        lambda: Costs(review="much"),
        lambda: Costs(missed_share=float("nan")),
        lambda: Budget(per_day=-1),
        lambda: Budget(share="2"),
        lambda: by_cost(_tally([]), Costs(), decline_at=NEVER + 1),
        lambda: by_budget(_tally([]), Costs(), Budget(), -1),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(ValueError):
        make()
