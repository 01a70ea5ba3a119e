"""A training file whose labels were turned over is stopped before its upload, since the gate cannot see it."""

from datetime import datetime

import polars as pl
import pytest

from fraud import event_types
from fraud.data.label_quality import implausible_labels, withdrawn_frauds
from fraud.simulation import LawSettings, Simulator
from scripts.retraining.errors import InputError
from scripts.retraining.selection import check

EVENT_TYPE = event_types.load("card-transactions")


@pytest.fixture(scope="module")
def events():
    return pl.concat(Simulator(LawSettings(customers=200, terminals=200, days=70, seed=3)).days())


def _flipped(events, column, label, rank=0):
    """The events with every label of one of the busiest values of a column turned into `label`."""
    value = events[column].value_counts(sort=True)[column][rank]
    turned = pl.when(pl.col(column) == value).then(pl.lit(label)).otherwise("TX_FRAUD")
    return events.with_columns(turned.cast(events["TX_FRAUD"].dtype).alias("TX_FRAUD"))


def test_honest_labels_are_plausible(events):
    """Terminals that were compromised for four weeks, and cards that were stolen, are no poison."""
    assert events["TX_FRAUD"].sum() > 50
    assert implausible_labels(events, EVENT_TYPE) == []


@pytest.mark.parametrize("column", ["TERMINAL_ID", "CUSTOMER_ID"])
def test_one_merchant_or_card_turned_into_fraud_is_found(events, column):
    # A card that pays at one terminal alone is found with it.
    sentences = implausible_labels(_flipped(events, column, 1), EVENT_TYPE)
    assert any(f"1 value(s) of {column}" in sentence for sentence in sentences)


@pytest.mark.reference_data
def test_labels_turned_over_at_terminals_that_were_attacked_themselves_are_found(shared_data):
    """Their true frauds become genuine, so that frauds are far from all of their events."""
    events = pl.read_parquet(shared_data / "handbook_visible_apr_jul.parquet")
    assert implausible_labels(events, EVENT_TYPE) == []
    shares = events.group_by("TERMINAL_ID").agg(pl.col("TX_FRAUD").mean(), pl.len()).filter(pl.col("len") >= 60)
    for attacked in shares.filter(pl.col("TX_FRAUD").is_between(0.15, 0.3))["TERMINAL_ID"][:5]:
        turned = pl.when(pl.col("TERMINAL_ID") == attacked).then(1 - pl.col("TX_FRAUD")).otherwise("TX_FRAUD")
        sentences = implausible_labels(events.with_columns(TX_FRAUD=turned), EVENT_TYPE)
        assert any("1 value(s) of TERMINAL_ID" in sentence for sentence in sentences), attacked


def test_a_few_false_alarms_are_believed_and_many_are_not():
    assert withdrawn_frauds(1000, 50) == [] and withdrawn_frauds(20, 9) == []
    (sentence,) = withdrawn_frauds(1000, 51)
    assert "51 of 1,000 known frauds are now labelled genuine" in sentence


def test_the_poisoned_file_is_not_uploaded_unless_somebody_says_that_it_is_right(events, tmp_path):
    path = tmp_path / "poisoned.parquet"
    _flipped(events, "TERMINAL_ID", 1).write_parquet(path)
    with pytest.raises(InputError, match=r"TERMINAL_ID have frauds in at least 95%(?s:.*)--accept-labels"):
        check([path], EVENT_TYPE, {})
    report = check([path], EVENT_TYPE, {}, accept_labels=True)
    assert report.implausible and report.implausible[0] in report.warnings


def test_a_file_of_frauds_alone_or_without_times_is_none_of_its_business(events):
    assert implausible_labels(events.with_columns(TX_FRAUD=pl.lit(1)), EVENT_TYPE) == []
    assert implausible_labels(events.clear(), EVENT_TYPE) == []
    ulb = event_types.load("ulb")
    assert implausible_labels(pl.DataFrame({"Class": [0, 1], "Time": [datetime(2026, 1, 1)] * 2}), ulb) == []
