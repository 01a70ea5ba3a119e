from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud import event_types
from fraud.data.errors import DataError
from fraud.data.splits import SPLITS, assign_at_random, assign_by_time, known_fraud_cards, plan_by_time
from fraud.event_types import RandomSplit

CARDS = event_types.load("card-transactions")
FIRST = date(2024, 1, 1)


def _with_split(**split):
    return event_types.parse({**event_types.to_mapping(CARDS), "split": {"method": "time", **split}})


def _plan(days: int, event_type=CARDS, **wished):
    return plan_by_time(FIRST, FIRST + timedelta(days=days - 1), event_type, wished)


def test_long_data_get_the_wished_days_after_a_full_warm_up():
    plan = _plan(122, train=28, validation=7, test=7)
    assert (plan.train.days, plan.validation.days, plan.test.days) == (28, 7, 7)
    assert plan.warm_up_days == 122 - 28 - 7 - 7 - 14
    assert plan.warnings == ()


@given(st.integers(17, 200), st.tuples(*[st.none() | st.integers(1, 120)] * 3))
def test_periods_follow_each_other_with_the_delay_between_them_and_fill_the_data(days, wishes):
    plan = _plan(days, **dict(zip(SPLITS, wishes, strict=True)))
    end = FIRST + timedelta(days=days)
    assert plan.test.end == end
    assert (plan.test.start - plan.validation.end).days == CARDS.label_delay_days
    assert (plan.validation.start - plan.train.end).days == CARDS.label_delay_days
    assert plan.train.start - timedelta(days=plan.warm_up_days) == FIRST
    assert min(plan.train.days, plan.validation.days, plan.test.days) >= 1
    for name, wish in zip(SPLITS, wishes, strict=True):
        assert wish is None or getattr(plan, name).days <= wish
    assert plan.warm_up_days >= CARDS.history_days or "look back" in plan.warnings[-1]


def test_short_data_shrink_wishes_and_say_how_many_days_are_needed():
    plan = _plan(40, train=28, validation=7, test=7)
    assert plan.train.days < 28
    assert "93 would be needed" in plan.warnings[0]
    assert "look back" in plan.warnings[1]


def test_too_few_days_are_refused_with_the_number_needed():
    with pytest.raises(DataError, match=r"TX_DATETIME: the data span 16 day\(s\), at least 17 are needed"):
        _plan(16)


def test_days_stated_by_the_event_type_are_kept_or_refused():
    stated = _with_split(train_days=20, validation_days=5, test_days=4)
    plan = _plan(43, stated, train=90)
    assert (plan.train.days, plan.validation.days, plan.test.days, plan.warm_up_days) == (20, 5, 4, 0)
    with pytest.raises(DataError, match="at least 43 are needed"):
        _plan(42, stated)
    only_train = _plan(40, _with_split(train_days=24))
    assert only_train.train.days == 24
    assert only_train.validation.days + only_train.test.days == 40 - 14 - 24


def test_assignment_by_day_leaves_gaps_and_warm_up_out():
    plan = _plan(60, train=10, validation=3, test=3)
    instants = pl.Series([datetime(2024, 1, 1) + timedelta(hours=12 * half) for half in range(120)])
    split = assign_by_time(plan, instants)
    for name in SPLITS:
        period = getattr(plan, name)
        days = instants.filter(split == name).dt.date()
        assert (days.min(), days.max()) == (period.start, period.end - timedelta(days=1))
    assert split.null_count() == 120 - 2 * 16


def test_random_shares_are_stratified_and_repeatable():
    labels = pl.Series([1] * 50 + [0] * 950)
    split = assign_at_random(RandomSplit(0.6, 0.2, 0.2, seed=4), labels)
    counts = {name: ((split == name).sum(), labels.filter(split == name).sum()) for name in SPLITS}
    assert counts == {"train": (600, 30), "validation": (200, 10), "test": (200, 10)}
    assert assign_at_random(RandomSplit(seed=4), labels).equals(split)
    assert not assign_at_random(RandomSplit(seed=5), labels).equals(split)


def test_a_card_is_known_once_its_fraud_is_older_than_the_delay():
    """The protocol: on day d, frauds up to day d - delay - 1 are known; very old ones are forgotten."""
    plan = _plan(122, train=28, validation=7, test=7)
    test_day = datetime.combine(plan.test.start, datetime.min.time())
    fraud_age = {"old": 15, "oldest known": 14, "known": 8, "not yet": 7}
    rows = [(card, test_day - timedelta(days=age) + timedelta(hours=1), 1) for card, age in fraud_age.items()]
    rows += [(card, test_day + timedelta(days=offset, hours=2), 0) for card in fraud_age for offset in (0, 1)]
    events = pl.DataFrame(rows, schema=["CUSTOMER_ID", "TX_DATETIME", "TX_FRAUD"], orient="row")
    known = events.with_columns(known=known_fraud_cards(events, CARDS, plan)).filter(pl.col("TX_FRAUD") == 0)
    found = {(card, time.day - test_day.day): flag for card, time, _, flag in known.rows()}
    assert found == {
        ("old", 0): False,
        ("old", 1): False,
        ("oldest known", 0): True,
        ("oldest known", 1): True,
        ("known", 0): True,
        ("known", 1): True,
        ("not yet", 0): False,
        ("not yet", 1): True,
    }
