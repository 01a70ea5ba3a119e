"""The online and the batch engine agree to the last bit, whatever the history."""

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.check_agreement import differences, disturbed
from fraud import event_types
from fraud.event_types import Entity, EventType, Variable, Window
from fraud.event_types.event import Event
from fraud.event_types.model import Place
from fraud.features.batch import compute
from fraud.features.columns import ProfileError
from fraud.features.online import OnlineEngine, ProfileKey
from fraud.features.stream import stream
from fraud.simulation import LawSettings, Simulator

EPOCH = datetime(2024, 3, 1)
MODES = ("bucketed", "sliding")
AGGREGATES = ("count", "sum", "mean", "max", "ratio", "known_count", "risk")
RECENCIES = ("since_last", "since_known_fraud", "since_first_known_fraud", "last_known_label")


def _windows(*texts: str) -> tuple[Window, ...]:
    units = {"m": 60, "h": 3600, "d": 86_400}
    return tuple(Window(text, int(text[:-1]) * units[text[-1]]) for text in texts)


EVERYTHING = EventType(
    name="everything",
    timestamp="time",
    amount="amount",
    label="fraud",
    label_delay_days=2,
    label_known_at="known_at",
    entities=(
        Entity("card", "card_id", _windows("90m", "1d", "3d"), AGGREGATES, RECENCIES, None, ("shop_id",), ("here",)),
        Entity("shop", "shop_id", _windows("5h", "4d"), ("known_count", "risk"), RECENCIES),
        Entity(
            "network",
            "ip",
            _windows(
                "1d",
            ),
            ("count", "ratio"),
            (),
            "ip_prefix24",
            ("card_id", "channel"),
        ),
    ),
    variables=(
        Variable("score"),
        Variable("channel", "category", ("web", "shop")),
        Variable("kind", "category", ("a", "b"), "onehot"),
        Variable("present", "boolean"),
        Variable("agent", "text"),
        Variable("mail", "email"),
        Variable("ip", "ip"),
        Variable("born", "date"),
    ),
    coordinates=(Place("here", "latitude", "longitude"), Place("home", "home_latitude", "home_longitude")),
    distances=(("here", "home"),),
    calendar=("is_weekend", "is_night", "hour"),
)
_DEGREES = st.one_of(st.none(), st.floats(-90, 90, width=32))
_COLUMNS = {
    "card_id": (st.sampled_from(["1", "2", "3"]), pl.String),
    "shop_id": (st.sampled_from(["a", "b", None]), pl.String),
    "channel": (st.sampled_from(["web", "shop", "phone", None]), pl.String),
    "kind": (st.sampled_from(["a", "b", "c", None]), pl.String),
    "present": (st.sampled_from([True, False, None]), pl.Boolean),
    "agent": (st.sampled_from(["Opera/9.84", "", None]), pl.String),
    "mail": (st.sampled_from(["ab1@gmail.com", "x@ulb.be", "broken", None]), pl.String),
    "ip": (st.sampled_from(["10.0.0.1", "10.0.0.2", "8.8.8.8", "2001:db8::1", "none", None]), pl.String),
    "born": (st.sampled_from(["1980-02-29", "1980-02-30", "2024-03-01T10:00:00", None]), pl.String),
    "score": (st.one_of(st.none(), st.floats(-5, 5)), pl.Float64),
    "latitude": (_DEGREES, pl.Float64),
    "longitude": (_DEGREES, pl.Float64),
    "home_latitude": (_DEGREES, pl.Float64),
    "home_longitude": (_DEGREES, pl.Float64),
    "fraud": (st.sampled_from([0, 1, None]), pl.Int8),
}


@st.composite
def _histories(draw, maximum=30):
    """Few instants, cards and shops: ties, exact window bounds, late labels and late arrivals are frequent."""
    size = draw(st.integers(1, maximum))
    column = lambda strategy: draw(st.lists(strategy, min_size=size, max_size=size))  # noqa: E731
    half_hours = column(st.integers(0, 48 * 8))
    if draw(st.booleans()):
        half_hours.sort()
    times = [EPOCH + timedelta(minutes=30 * half_hour) for half_hour in half_hours]
    late = column(st.one_of(st.none(), st.integers(0, 24 * 6)))
    # A label arrives no earlier than every event that came before it: time is one.
    latest = [max(times[: row + 1]) for row in range(size)]
    known = [None if hours is None else then + timedelta(hours=hours) for then, hours in zip(latest, late, strict=True)]
    columns = {name: pl.Series(column(strategy), dtype=dtype) for name, (strategy, dtype) in _COLUMNS.items()}
    amounts = [cents / 100 for cents in column(st.integers(0, 50_000))]
    return pl.DataFrame(
        {"time": times, "amount": amounts, "known_at": pl.Series(known, dtype=pl.Datetime("us")), **columns}
    )


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=120, deadline=None)
@given(events=_histories())
def test_no_bit_differs_for_any_history(mode, events):
    assert not any(differences(events, replace(EVERYTHING, window_mode=mode)).values())


@pytest.mark.parametrize("mode", MODES)
def test_no_bit_differs_for_simulated_payments_however_they_and_their_labels_arrive(mode, simulated):
    event_type = replace(event_types.load("card-transactions"), window_mode=mode)
    events, event_type = disturbed(simulated, event_type, late=0.2, shuffle=0.1, duplicates=0.05, ties=0.2)
    assert not any(differences(events, event_type).values())


@pytest.fixture(scope="module")
def simulated() -> pl.DataFrame:
    days = Simulator(LawSettings(customers=60, terminals=300, days=60, seed=5)).days()
    return pl.concat(list(days)).sort("TX_DATETIME", maintain_order=True)


def _payment(instant: int, terminal: str = "1") -> Event:
    return Event(
        str(instant), instant, {"TX_AMOUNT": 10.5, "CUSTOMER_ID": str(instant % 99_991), "TERMINAL_ID": terminal}
    )


def test_a_busy_merchants_profile_stays_within_a_few_kilobytes():
    """30,000 payments at one terminal in 45 days, with frauds in all of them."""
    engine = OnlineEngine(event_types.load("card-transactions"))
    key, profiles = ProfileKey("terminal", "1"), {}
    for number in range(30_000):
        advanced = engine.advance(_payment(number * 130_000_000), profiles)
        profiles = {key: advanced.profiles[key]}
        if number % 50 == 0:
            known = engine.known_from(advanced.clocks[key], None)
            profiles[key] = engine.apply_label("terminal", profiles[key], number * 130_000_000, known, 1)
    assert len(profiles[key]) < 8_192


def test_a_withdrawn_fraud_leaves_no_trace():
    engine = OnlineEngine(event_types.load("card-transactions"))
    key = ProfileKey("terminal", "1")
    before = engine.advance(_payment(0), {}).profiles[key]
    known = engine.known_from(0, None)
    after = engine.apply_label("terminal", before, 0, known, 1)
    assert after != before
    assert engine.apply_label("terminal", after, 0, known, -1) == before


def test_a_profile_of_another_layout_is_begun_anew_and_named():
    card = event_types.load("card-transactions")
    other = replace(card, window_mode="sliding")
    stored = OnlineEngine(other).advance(_payment(0), {}).profiles
    advanced = OnlineEngine(card).advance(_payment(1), stored)
    assert ProfileKey("terminal", "1") in advanced.reset


def test_a_damaged_profile_is_an_error_not_a_wrong_answer():
    engine = OnlineEngine(event_types.load("card-transactions"))
    stored = engine.advance(_payment(0), {}).profiles
    key = ProfileKey("terminal", "1")
    with pytest.raises(ProfileError, match="damaged"):
        engine.advance(_payment(1), {key: stored[key][:-3]})


@pytest.mark.parametrize("mode", MODES)
def test_events_that_go_through_the_disk_get_the_same_features(mode, simulated, tmp_path):
    event_type = replace(event_types.load("card-transactions"), window_mode=mode)
    events, event_type = disturbed(simulated, event_type, late=0.2, shuffle=0.1)
    terminals = pl.when(pl.col("TX_AMOUNT") > 60).then("TERMINAL_ID")
    events = events.with_columns(terminals.alias("TERMINAL_ID"))
    batches = list(stream(events.lazy(), event_type, tmp_path, rows_at_once=700))
    assert len(batches) > 5
    assert pl.concat([batch for batch, _ in batches]).equals(events)
    assert pl.concat([features for _, features in batches]).equals(compute(events, event_type))
    assert not any(tmp_path.iterdir())
