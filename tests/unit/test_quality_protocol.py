"""The quality benchmark measures what it says: the handbook's test set, no label before it is known, honest bounds."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks import quality_protocol as protocol
from fraud import event_types
from fraud.features import schema as columns
from fraud.features.catalogue import features_of
from fraud.models.ranking import average_precision
from fraud.simulation import LawSettings, Simulator

CARDS = event_types.load("card-transactions")
WEEK = date(2018, 5, 25)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def events():
    return pl.concat(Simulator(LawSettings(customers=150, terminals=200, days=70, seed=5)).days())


@pytest.fixture(scope="module")
def prepared(events, tmp_path_factory):
    return protocol.fold(events, CARDS, WEEK, tmp_path_factory.mktemp("fold"))


def _handbook_test_set(events: pl.DataFrame) -> set[str]:
    """The handbook's get_train_test_set, day by day, for a week of training that ends seven days before the test."""
    rows = [
        (str(row["TRANSACTION_ID"]), row["TX_DATETIME"].date(), row["CUSTOMER_ID"], row["TX_FRAUD"])
        for row in events.iter_rows(named=True)
    ]
    start = WEEK - 14 * DAY
    defrauded = {card for _, day, card, fraud in rows if fraud and start <= day < start + 7 * DAY}
    chosen = set()
    for number in range(7):
        newly_known = start + (7 + number - 1) * DAY
        defrauded |= {card for _, day, card, fraud in rows if fraud and day == newly_known}
        today = WEEK + number * DAY
        chosen |= {identifier for identifier, day, card, _ in rows if day == today and card not in defrauded}
    return chosen


def test_the_tested_rows_are_the_handbooks(events, prepared):
    week = events.filter(pl.col("TX_DATETIME").dt.date().is_between(WEEK, WEEK + 6 * DAY))
    chosen = _handbook_test_set(events)
    assert 0 < len(chosen) < len(week)
    assert set(protocol.test_rows(prepared)[columns.ID]) == chosen


def test_training_ends_before_the_labels_that_are_not_known_yet(prepared):
    known_until = datetime.combine(WEEK - 7 * DAY, datetime.min.time())
    train, validation, test = (prepared.split(name) for name in ("train", "validation", "test"))
    assert validation.frame[columns.TIMESTAMP].max() < known_until <= test.frame[columns.TIMESTAMP].min() - 7 * DAY
    assert train.frame[columns.TIMESTAMP].max() < validation.frame[columns.TIMESTAMP].min() - 6 * DAY


def test_the_reference_has_the_handbooks_fifteen_features():
    names = [feature.name for feature in features_of(protocol.reference_event_type())]
    assert len(names) == 15
    expected = {f"customer_{measure}_{days}d" for measure in ("count", "mean") for days in (1, 7, 30)}
    expected |= {f"terminal_{measure}_{days}d" for measure in ("known_count", "risk") for days in (1, 7, 30)}
    assert set(names) == expected | {"TX_AMOUNT", "is_weekend", "is_night"}


def test_the_references_scores_belong_to_the_rows_that_are_asked_for(events, prepared):
    reference = protocol.Reference.of(events)
    rows = protocol.test_rows(prepared)
    scores = reference.scores(WEEK, rows)
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=1)
    again = dict(zip(shuffled[columns.ID], reference.scores(WEEK, shuffled), strict=True))
    assert [again[identifier] for identifier in rows[columns.ID]] == scores.tolist()


def test_the_last_share_is_tested_and_all_before_it_trained_on():
    event_type = event_types.load("sparkov")
    split = protocol.last_share(event_type, 730, 0.3, 28).split
    assert (split.validation_days, split.test_days) == (28, 219)
    gaps = 2 * event_type.label_delay_days + event_type.history_days
    assert split.train_days + 28 + 219 + gaps == 730


def test_the_true_positive_rate_is_that_of_the_false_positive_rate():
    labels = np.r_[np.zeros(100), np.ones(4)].astype(np.int8)
    scores = np.r_[np.arange(100) / 100, 0.5, 0.975, 0.985, 0.995]
    assert protocol.true_positive_rate(labels, scores, 0.01) == 0.5
    assert protocol.true_positive_rate(labels, scores, 0.4) == 0.75
    assert protocol.true_positive_rate(labels, np.zeros(104), 0.01) == 0.0


@pytest.mark.reference_data
def test_the_default_beats_the_reference_in_a_week_of_july(shared_data, tmp_path):
    events = pl.read_parquet(shared_data / "handbook_visible_apr_jul.parquet").sort("TX_DATETIME", maintain_order=True)
    week = date(2018, 7, 4)
    data = protocol.fold(events, CARDS, week, tmp_path)
    rows = protocol.test_rows(data)
    labels = rows[columns.LABEL].to_numpy()
    default = average_precision(labels, protocol.scores(protocol.default_model(data), data, rows))
    reference = average_precision(labels, protocol.Reference.of(events).scores(week, rows))
    print(f"average precision: default {default:.3f}, reference {reference:.3f}")
    assert default - reference >= 0.02
