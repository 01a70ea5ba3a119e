"""The batch engine against a naive formulation, against the future, and against the handbook's own features."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud import event_types
from fraud.features.batch import compute
from fraud.features.catalogue import features_of, schema_of

EPOCH = datetime(2024, 3, 1)
EVERYTHING = event_types.parse(
    {
        "name": "everything",
        "timestamp": "time",
        "amount": "amount",
        "label": {"column": "fraud", "delay_days": 2},
        "card": "card",
        "windows": "sliding",
        "entities": {
            "card": {
                "column": "card_id",
                "windows": ["90m", "1d", "3d"],
                "aggregates": ["count", "sum", "mean", "max", "ratio", "known_count", "risk"],
                "recencies": ["since_last", "since_known_fraud", "since_first_known_fraud", "last_known_label"],
            },
            "shop": {"column": "shop_id", "windows": ["5h", "4d"], "aggregates": ["count", "risk", "max"]},
        },
        "variables": {"score": "number", "channel": {"type": "category", "values": ["web", "shop"]}},
        "calendar": ["is_weekend", "is_night", "hour"],
    }
)


@st.composite
def _events(draw, maximum=25):
    """Few instants, cards and shops, so that ties and exact window bounds are frequent."""
    size = draw(st.integers(1, maximum))
    half_hours = sorted(draw(st.lists(st.integers(0, 48 * 8), min_size=size, max_size=size)))
    column = lambda strategy: draw(st.lists(strategy, min_size=size, max_size=size))  # noqa: E731
    return pl.DataFrame(
        {
            "time": [EPOCH + timedelta(minutes=30 * half_hour) for half_hour in half_hours],
            "amount": [cents / 100 for cents in column(st.integers(0, 50_000))],
            "fraud": pl.Series(column(st.integers(0, 1)), dtype=pl.Int8),
            "card_id": column(st.integers(1, 3)),
            "shop_id": column(st.sampled_from(["a", "b", None])),
            "score": column(st.floats(-5, 5)),
            "channel": column(st.sampled_from(["web", "shop", "phone", None])),
        },
        schema_overrides={"shop_id": pl.String, "channel": pl.String},
    )


def _naive(events: pl.DataFrame) -> list[dict[str, float]]:
    """The definitions, event by event, by looking at every earlier one."""
    rows = events.rows(named=True)
    result = []
    for position, now in enumerate(rows):
        values = {"amount": now["amount"], "score": now["score"]}
        values["channel"] = {"web": 0, "shop": 1}.get(now["channel"], -1)
        values["is_weekend"] = int(now["time"].weekday() >= 5)
        values["is_night"] = int(now["time"].hour <= 6)
        values["hour"] = now["time"].hour
        for entity in EVERYTHING.entities:
            key = now[entity.column]
            own = [row for row in rows[: position + 1] if key is not None and row[entity.column] == key] or [now]
            values.update(_naive_entity(entity, now, own))
        result.append(values)
    return result


def _naive_entity(entity, now, own):
    delay = timedelta(days=2)
    known = [row for row in own if row["time"] <= now["time"] - delay]
    values = {}
    for window in entity.windows:
        span = timedelta(seconds=window.seconds)
        inside = [row["amount"] for row in own if row["time"] > now["time"] - span]
        labelled = [row["fraud"] for row in known if row["time"] > now["time"] - delay - span]
        earlier = inside[:-1]
        measures = {
            "count": len(inside),
            "sum": sum(inside),
            "mean": sum(inside) / len(inside),
            "max": max(inside),
            "ratio": now["amount"] / (sum(earlier) / len(earlier)) if sum(earlier) > 0 else 1.0,
            "known_count": len(labelled),
            "risk": sum(labelled) / len(labelled) if labelled else 0.0,
        }
        values.update({f"{entity.name}_{name}_{window.text}": measures[name] for name in entity.aggregates})
    longest = timedelta(seconds=max(window.seconds for window in entity.windows))
    recent = [row for row in known if row["time"] > now["time"] - delay - longest]
    frauds = [(now["time"] - row["time"]).total_seconds() for row in recent if row["fraud"]]
    never = (delay + longest).total_seconds()
    gap = now["time"] - own[-2]["time"] if len(own) > 1 else longest
    recencies = {
        "since_last": min(gap, longest).total_seconds(),
        "since_known_fraud": frauds[-1] if frauds else never,
        "since_first_known_fraud": frauds[0] if frauds else never,
        "last_known_label": max((row["fraud"] for row in recent if row["time"] == recent[-1]["time"]), default=0),
    }
    return values | {f"{entity.name}_{name}": recencies[name] for name in entity.recencies}


@settings(max_examples=150, deadline=None)
@given(_events())
def test_every_feature_equals_its_naive_definition(events):
    computed = compute(events, EVERYTHING, float_type=pl.Float64)
    assert computed.columns == [feature.name for feature in features_of(EVERYTHING)]
    for row, expected in zip(computed.rows(named=True), _naive(events), strict=True):
        assert row == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(_events(), _events(), st.integers(0, 25))
def test_the_future_never_changes_the_past(events, others, position):
    """Neither later events nor labels not known yet, of any entity, move a single bit of a feature."""
    position = min(position, len(events))
    past = events.head(position)
    before = compute(past, EVERYTHING)
    last = past["time"][-1] if position else EPOCH
    later = others.with_columns(pl.col("time") - EPOCH + last)
    unknown = pl.col("time") > last - timedelta(days=2)
    relabelled = past.with_columns(
        pl.when(unknown).then(1 - pl.col("fraud")).otherwise("fraud").cast(pl.Int8).alias("fraud")
    )
    after = compute(pl.concat([relabelled, later]), EVERYTHING).head(position)
    assert after.equals(before)


def test_a_label_counts_from_the_very_end_of_its_delay():
    times = [EPOCH, EPOCH + timedelta(days=2, seconds=-1), EPOCH + timedelta(days=2)]
    events = pl.DataFrame(
        {"time": times, "amount": [1.0] * 3, "fraud": [1, 0, 0], "card_id": [1] * 3, "shop_id": ["a"] * 3}
    ).with_columns(score=0.0, channel=pl.lit("web"))
    assert compute(events, EVERYTHING)["card_risk_3d"].to_list() == [0.0, 0.0, 1.0]


def test_without_a_delay_no_event_sees_its_own_label():
    body = event_types.to_mapping(EVERYTHING)
    body["label"]["delay_days"] = 0
    events = pl.DataFrame(
        {"time": [EPOCH] * 3, "amount": [1.0] * 3, "fraud": [1, 1, 0], "card_id": [1] * 3, "shop_id": ["a"] * 3}
    ).with_columns(score=0.0, channel=pl.lit("web"))
    computed = compute(events, event_types.parse(body))
    assert computed["card_known_count_1d"].to_list() == [0, 0, 0]
    assert computed["card_risk_1d"].to_list() == [0.0, 0.0, 0.0]
    later = events.with_columns(pl.Series("time", [EPOCH, EPOCH, EPOCH + timedelta(microseconds=1)]))
    assert compute(later, event_types.parse(body))["card_risk_1d"].to_list() == [0.0, 0.0, 1.0]


@settings(max_examples=20, deadline=None)
@given(_events(), st.data())
def test_kept_rows_are_the_same_rows_of_the_whole(events, data):
    keep = pl.Series(data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events))), dtype=pl.Boolean)
    assert compute(events, EVERYTHING, keep).equals(compute(events, EVERYTHING).filter(keep))


def test_types_order_and_schema_agree():
    schema = schema_of(EVERYTHING)
    computed = compute(_one_event(), EVERYTHING)
    assert computed.columns == schema.feature_names
    for feature in schema.features:
        assert computed.schema[feature.name] == {"float": pl.Float32, "int": pl.Int32}[feature.type]
        assert feature.description and "{" not in feature.description
    assert schema.entity_for_cards == "card_id"
    assert event_types.parse(schema.event_type) == EVERYTHING


def test_an_event_that_arrives_late_counts_at_its_entitys_latest_instant():
    times = [EPOCH, EPOCH - timedelta(days=2), EPOCH + timedelta(hours=1)]
    events = pl.concat([_one_event()] * 3).with_columns(time=pl.Series(times))
    computed = compute(events, EVERYTHING)
    assert computed["card_count_1d"].to_list() == [1, 2, 3]
    assert computed["card_since_last"].to_list() == [3 * 86400, 0, 3600]
    # Its own calendar is not the entity's.
    assert computed["is_weekend"].to_list() == [0, 0, 0]


def _one_event() -> pl.DataFrame:
    columns = {"time": [EPOCH], "amount": [1.0], "fraud": [0], "card_id": [1], "shop_id": ["a"]}
    return pl.DataFrame({**columns, "score": [0.5], "channel": ["web"]})


@pytest.mark.reference_data
def test_the_handbooks_features_are_reproduced(shared_data):
    """All 15 features of 67,240 transactions; counts and shares to the bit, means to rounding."""
    events = pl.read_parquet(shared_data / "handbook_visible_apr_jul.parquet").sort("TX_DATETIME", maintain_order=True)
    golden = pl.read_parquet(shared_data / "handbook_features_golden_week.parquet")
    names = {"TX_AMOUNT": "TX_AMOUNT", "TX_DURING_WEEKEND": "is_weekend", "TX_DURING_NIGHT": "is_night"}
    for days in (1, 7, 30):
        names[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"] = f"customer_count_{days}d"
        names[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"] = f"customer_mean_{days}d"
        names[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"] = f"terminal_known_count_{days}d"
        names[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"] = f"terminal_risk_{days}d"
    keep = events["TRANSACTION_ID"].is_in(golden["TRANSACTION_ID"].implode())
    event_type = replace(event_types.load("card-transactions"), window_mode="sliding")
    computed = compute(events, event_type, keep, float_type=pl.Float64)
    assert events.filter(keep)["TRANSACTION_ID"].equals(golden["TRANSACTION_ID"])
    assert len(names) == 15
    for theirs, ours in names.items():
        if "AVG" in theirs:
            np.testing.assert_allclose(computed[ours], golden[theirs], rtol=1e-12, atol=1e-11)
        else:
            np.testing.assert_array_equal(computed[ours], golden[theirs], err_msg=ours)
