"""The commands around the API: first profiles, collected labels, replays."""

from __future__ import annotations

from datetime import datetime

import boto3
import polars as pl
import pytest
from moto import mock_aws

from fraud import event_types
from fraud.data import decided
from fraud.data.reading import scan
from fraud.event_types.payload import parse_event
from fraud.features.profiles import build
from scripts.retraining.errors import InputError, OperatorError
from scripts.scoring import collecting, history, profiles
from scripts.scoring.replay import Tally, figures, replay
from tests.unit.scoring_tables import EVENT_TYPE, Platform, payment
from tests.unit.test_event_types_on_data import CASES


@pytest.fixture
def platform(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Platform()


def _past(rows: int) -> pl.DataFrame:
    """One payment a day of customer 1 at terminal 2, from 2025-12-01 on; the third is a fraud."""
    return pl.DataFrame(
        {
            "TRANSACTION_ID": range(rows),
            "TX_DATETIME": [datetime(2025, 12, 1 + row, 10) for row in range(rows)],
            "CUSTOMER_ID": [1] * rows,
            "TERMINAL_ID": [2] * rows,
            "TX_AMOUNT": [10.0] * rows,
            "TX_FRAUD": [int(row == 2) for row in range(rows)],
        }
    )


def test_loaded_profiles_are_what_the_function_goes_on_with(platform, tmp_path):
    file = tmp_path / "past.parquet"
    _past(20).write_parquet(file)
    events = history.read(file, EVENT_TYPE)
    written = profiles.write(
        platform.dynamodb, "profiles", build(events, EVENT_TYPE), EVENT_TYPE.history_days, threads=1
    )
    assert written == 2
    next_payment = payment(99, TX_DATETIME="2025-12-20T11:00:00Z", CUSTOMER_ID=1, TERMINAL_ID=2, TX_AMOUNT=40.0)
    platform.transactions.score(next_payment)
    stored = platform.store.decision("99")["features"]
    names = platform.transactions.engine.feature_names
    features = dict(zip(names, platform.transactions._pack.unpack(stored), strict=True))
    assert features["customer_count_30d"] == 21 and features["customer_max_7d"] == 40.0
    assert features["terminal_risk_30d"] > 0


def test_used_tables_are_not_overwritten_unasked(platform):
    profiles.refuse_used_table(platform.dynamodb, "profiles")
    platform.transactions.score(payment())
    with pytest.raises(InputError, match="--replace"):
        profiles.refuse_used_table(platform.dynamodb, "profiles")


def test_throttled_writes_are_repeated_and_then_given_up(monkeypatch):
    monkeypatch.setattr(profiles.time, "sleep", lambda _: None)

    class Throttled:
        def __init__(self, rounds: int) -> None:
            self.rounds = rounds

        def batch_write_item(self, RequestItems: dict) -> dict:
            self.rounds -= 1
            return {"UnprocessedItems": RequestItems if self.rounds >= 0 else {}}

    three = [("customer", str(number), b"x") for number in range(3)]
    assert profiles.write(Throttled(5), "t", three, 30, threads=1) == 3
    with pytest.raises(OperatorError, match="throttled"):
        profiles.write(Throttled(50), "t", three, 30, threads=1)


def test_collected_events_are_a_data_set_of_their_type(platform, tmp_path):
    for number in range(3):
        platform.transactions.score(payment(number))
    platform.labels.record({"id": "1", "label": "fraud"})
    stored = list(collecting.decisions(boto3.client("dynamodb", "us-east-1"), "decisions"))
    late, soon = datetime(2026, 3, 1), datetime(2026, 1, 1)
    assert all(decided.is_open(d, EVENT_TYPE, soon) for d in stored), "the labelled one as well"
    assert not any(decided.is_open(d, EVENT_TYPE, late) for d in stored)
    rows, foreign = decided.rows_of(stored, EVENT_TYPE)
    frame = decided.as_in_files(decided.frame_of(rows, EVENT_TYPE), EVENT_TYPE)
    collecting.write(frame, tmp_path / "collected.parquet")
    read = scan([tmp_path / "collected.parquet"], EVENT_TYPE).collect()
    assert foreign == 0 and read["TX_FRAUD"].to_list().count(1) == 1
    assert read["TX_DATETIME"].to_list() == [datetime(2025, 12, 31, 12)] * 3
    assert set(read["CUSTOMER_ID"].to_list()) == {"596"}
    _, foreign = decided.rows_of(stored, event_types.load("sparkov"))
    assert foreign == 3


@pytest.mark.reference_data
@pytest.mark.parametrize("name", event_types.shipped())
def test_payloads_of_files_are_what_the_api_takes(name, shared_data):
    event_type = event_types.load(name)
    events = history.read(shared_data / f"{CASES[name][0]}.parquet", event_type).tail(50)
    for sent in history.payloads(events, event_type):
        assert parse_event(event_type, sent.body, 0).id == sent.id


def test_a_part_of_a_replay_has_whole_cards():
    events = pl.concat([_past(20).with_columns(CUSTOMER_ID=pl.lit(card)) for card in range(10)])
    some = history.some_cards(events, EVENT_TYPE, 65)
    assert set(some["CUSTOMER_ID"].value_counts()["count"]) == {20} and len(some) == 60
    assert history.some_cards(events, EVENT_TYPE, 1000) is events
    assert len(history.some_cards(events, event_types.load("ulb"), 30)) == 30


def test_a_replay_keeps_order_and_tells_what_was_caught():
    payloads = [history.Payload(str(n), {"n": n}, 10.0, is_fraud=n % 4 == 0) for n in range(40)]
    seen = []

    class Api:
        def request(self, method, path, body):
            seen.append(body["n"])
            outcome = "decline" if body["n"] % 8 == 0 else "approve"
            return 200, {"outcome": outcome, "degraded": False}

    tally = replay(Api(), payloads, 40, 1, lambda _: None)
    assert seen == list(range(40))
    assert (tally.frauds, tally.caught, tally.stopped_genuine) == (10, 5, 0)
    assert dict(figures(tally))["fraud caught"] == "5 of 10 (50%), 50 of 100 in money"


def test_a_replay_that_is_refused_altogether_ends_early():
    class Api:
        calls = 0

        def request(self, method, path, body):
            self.calls += 1
            return 403, {"title": "Forbidden", "detail": "Missing Authentication Token"}

    payloads = (history.Payload(str(n), {}, 0.0, False) for n in range(10_000))
    with pytest.raises(OperatorError, match="403 Forbidden"):
        replay(Api(), payloads, 10_000, 2, lambda _: None)
    assert Api.calls == 0 or Api.calls < 100


def test_percentiles_are_nearest_ranks():
    tally = Tally(4, latencies=[0.004, 0.001, 0.003, 0.002])
    assert [tally.percentile(share) for share in (0.25, 0.5, 0.99)] == [1.0, 2.0, 4.0]
