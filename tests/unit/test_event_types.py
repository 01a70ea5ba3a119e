import copy
import json

import polars as pl
import pytest

from fraud import event_types
from fraud.event_types import EventTypeError

MINIMAL = {
    "name": "orders",
    "timestamp": "at",
    "amount": "total",
    "label": {"column": "fraud", "delay_days": 3},
    "card": "account",
    "entities": {"account": {"column": "account_id", "windows": ["6h", "2d"], "aggregates": ["count", "risk"]}},
}


def test_shipped_event_types_load_and_survive_json():
    assert {"card-transactions", "ulb"} <= set(event_types.shipped())
    for name in event_types.shipped():
        event_type = event_types.load(name)
        assert event_type.name == name
        assert event_types.parse(json.loads(json.dumps(event_types.to_mapping(event_type)))) == event_type


def test_minimal_form_survives_json_and_states_what_it_needs():
    event_type = event_types.parse(MINIMAL)
    assert event_types.parse(event_types.to_mapping(event_type)) == event_type
    assert event_type.required_columns == ("at", "account_id", "total", "fraud")
    assert event_type.card_column == "account_id"
    assert event_type.history_days == 5
    assert event_type.split.method == "time"


def test_scenario_and_time_are_never_features():
    card = event_types.load("card-transactions")
    assert "TX_FRAUD_SCENARIO" in card.drop
    assert "TX_FRAUD_SCENARIO" not in card.required_columns
    ulb = event_types.load("ulb")
    assert ulb.split.method == "random" and ulb.timestamp is None
    assert not {"Time", "orig_row"} & set(ulb.required_columns)


@pytest.mark.reference_data
def test_the_reference_files_are_recognised(shared_data):
    expected = {
        "handbook_visible_apr_jul": "card-transactions",
        "ulb_sample_all_frauds": "ulb",
        "ulb_40pct_int_rounded": "ulb",
    }
    for file, name in expected.items():
        assert event_types.match(pl.read_parquet_schema(shared_data / f"{file}.parquet")).name == name


def test_unknown_columns_match_nothing():
    assert event_types.match(["a", "TX_AMOUNT"]) is None


def _changed(path: str, value):
    body = copy.deepcopy(MINIMAL)
    inner = body
    *parents, last = path.split("/")
    for key in parents:
        inner = inner.setdefault(key, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("name", "Bad Name", "name: 'Bad Name' is not allowed"),
        ("name", None, "name: missing"),
        ("label", None, r"label.column: missing"),
        ("label/delay_days", -1, r"label.delay_days: -1 is not an integer of at least 0"),
        ("label/delay_days", True, r"label.delay_days"),
        ("label/delai", 3, r"label.delai: unknown field; allowed are column, delay_days"),
        ("amount", 5, "amount: 5 is not a text"),
        ("amount", "__amount", "reserved"),
        ("amount", "fraud", "amount: 'fraud' is the label or a dropped column"),
        ("drop", ["total"], "amount: 'total' is the label or a dropped column"),
        ("drop", "total", "drop: a list is expected"),
        ("drop", [1], "drop: a list of texts"),
        ("drop", ["a", "a"], "drop: each value once"),
        ("card", "person", "card: 'person' is not an entity; declared: account"),
        ("entities/account/windows", ["1y"], r"entities.account.windows: '1y' is not a number followed by m, h or d"),
        ("entities/account/windows", [], r"entities.account.windows: missing"),
        ("entities/account/aggregates", ["median"], r"entities.account.aggregates: median not among count, sum"),
        ("entities/account/aggregates", ["mean"], None),
        ("entities/Account", {"column": "x"}, "an entity's name is lower-case"),
        ("entities", ["account"], "entities: a mapping of fields is expected, not list"),
        ("timestamp", None, "timestamp: missing; entities need the event's time"),
        ("timestamp", {"column": "at", "format": "julian"}, r"timestamp.format: 'julian' is not one of iso"),
        ("variables/channel", "colour", r"variables.channel.type: 'colour' is not one of number, boolean"),
        ("variables/channel", "category", r"variables.channel.values: a list is needed for a category"),
        ("variables/channel", {"type": "number", "values": ["a"]}, r"variables.channel.values"),
        ("variables/_", "email", "variables: a feature cannot have that name: .*'__length'"),
        ("calendar", ["month"], "calendar: month not among is_weekend"),
        ("max_rejected_share", 3, "max_rejected_share: 3 is not a number between 0 and 1"),
        ("split", {"method": "fold"}, r"split.method: 'fold' is not one of time, random"),
        ("split", {"method": "random", "train": 0.9}, "shares above 0 that sum to 1"),
        ("split", {"method": "time", "train_days": 0}, r"split.train_days: 0 is not an integer of at least 1"),
        ("windows", ["1d"], r"windows: \['1d'\] is not one of bucketed, sliding"),
        ("window", "sliding", "window: unknown field; allowed are amount"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(path, value, message):
    body = _changed(path, value)
    if message is None:
        assert event_types.parse(body)
        return
    with pytest.raises(EventTypeError, match=message):
        event_types.parse(body)


def test_all_mistakes_are_told_at_once():
    body = _changed("card", "person") | {"calendar": ["month"], "max_rejected_share": 2}
    with pytest.raises(EventTypeError) as error:
        event_types.parse(body)
    assert len(str(error.value).splitlines()) == 2


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(EventTypeError, match="nothing to learn from"):
        event_types.parse({"name": "a", "label": "y", "split": {"method": "random"}})


def test_amount_aggregates_need_an_amount():
    body = _changed("amount", None)
    body["entities"]["account"]["aggregates"] = ["mean"]
    with pytest.raises(EventTypeError, match="amount: missing; aggregates of entity account need it"):
        event_types.parse(body)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(EventTypeError, match="neither a YAML file nor a shipped event type"):
        event_types.load("no-such-type")
    (tmp_path / "broken.yaml").write_text("name: [")
    with pytest.raises(EventTypeError, match=r"broken\.yaml: not valid YAML"):
        event_types.load(tmp_path / "broken.yaml")
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(EventTypeError, match=r"list\.yaml: event type: a mapping of fields is expected"):
        event_types.load(tmp_path / "list.yaml")
