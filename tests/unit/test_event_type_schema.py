"""The editors' JSON Schema of event types says what the parser says."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fraud import event_types
from fraud.event_types import EventTypeError, model
from fraud.event_types.event import Event
from fraud.event_types.model import RandomSplit, TimeSplit
from fraud.features.online import OnlineEngine
from fraud.features.values import VALUE_FEATURES
from scripts import event_type_schema, generate_event_type_docs

FOLDER = Path(event_types.__file__).parent
SCHEMA = json.loads((FOLDER / "event-type.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
FILES = sorted(FOLDER.glob("*.yaml"))
BASE = {
    "name": "orders",
    "description": "Orders of a shop",
    "id": "order",
    "timestamp": {"column": "at", "format": "%d/%m/%Y %H:%M"},
    "arrival": "received",
    "amount": "total",
    "label": {"column": "fraud", "delay_days": 3, "fraud": ["yes"], "genuine": ["no"], "known_at": "known"},
    "windows": "sliding",
    "card": "account",
    "entities": {
        "account": {
            "column": "account_id",
            "windows": ["6h", "2d", "400d"],
            "aggregates": ["count", "mean", "risk"],
            "recencies": ["since_last"],
            "distinct": ["shop", "channel"],
            "places": ["here"],
            "card_number": True,
        },
        "shop": {"column": "shop_id", "derive": "lower"},
    },
    "variables": {
        "channel": {"type": "category", "values": ["web", "shop", 1, True], "encoding": "onehot"},
        "weight": "number",
        "born": {"type": "date"},
    },
    "coordinates": {"here": {"latitude": "la", "longitude": "lo"}, "home": {"latitude": "a", "longitude": "b"}},
    "distances": [["here", "home"]],
    "calendar": ["hour"],
    "drop": ["junk"],
    "max_rejected_share": 0.1,
    "split": {"method": "time", "train_days": 20, "known_fraud_days": 9},
}
ACCOUNT = "entities/account"
# A path of BASE, and what stands there in a broken file (None: the key is missing).
BROKEN = [
    ("name", None),
    ("name", "Bad Name"),
    ("name", 3),
    ("description", 3),
    ("description", " "),
    ("id", ["a"]),
    ("id", "__id"),
    ("timestamp", None),
    ("timestamp", 5),
    ("timestamp", {"format": "iso"}),
    ("timestamp/format", "julian"),
    ("timestamp/format", "%d/%m"),
    ("timestamp/format", "%d/%m/%Y %Z"),
    ("timestamp/zone", "CET"),
    ("arrival", True),
    ("amount", 5),
    ("amount", None),
    ("amount", "__amount"),
    ("label", None),
    ("label", {"delay_days": 3}),
    ("label/delay_days", -1),
    ("label/delay_days", True),
    ("label/delay_days", 1.5),
    ("label/delay_days", 1000),
    ("label/delai", 3),
    ("label/genuine", None),
    ("label/fraud", None),
    ("label/fraud", "yes"),
    ("label/fraud", ["yes", "yes"]),
    ("label/fraud", [1.5]),
    ("label/missing", "drop"),
    ("windows", ["1d"]),
    ("windows", "tumbling"),
    ("window", "sliding"),
    ("entities", ["account"]),
    ("entities/Account", {"column": "x"}),
    ("entities/a-b", {"column": "x"}),
    (f"{ACCOUNT}/column", None),
    (f"{ACCOUNT}/column", 5),
    ("entities/shop/column", []),
    (f"{ACCOUNT}/windows", None),
    (f"{ACCOUNT}/windows", ["1y"]),
    (f"{ACCOUNT}/windows", ["0d"]),
    (f"{ACCOUNT}/windows", ["1.5d"]),
    (f"{ACCOUNT}/windows", ["401d"]),
    (f"{ACCOUNT}/windows", ["9601h"]),
    (f"{ACCOUNT}/windows", [7]),
    (f"{ACCOUNT}/windows", ["7d", "7d"]),
    (f"{ACCOUNT}/windows", "7d"),
    (f"{ACCOUNT}/aggregates", ["median"]),
    (f"{ACCOUNT}/aggregates", ["count", "count"]),
    (f"{ACCOUNT}/recencies", ["since_yesterday"]),
    (f"{ACCOUNT}/derive", "upper"),
    (f"{ACCOUNT}/distinct", [1]),
    (f"{ACCOUNT}/places", "here"),
    (f"{ACCOUNT}/card_number", "yes"),
    (f"{ACCOUNT}/window", ["1d"]),
    ("variables", ["weight"]),
    ("variables/weight", "colour"),
    ("variables/weight", "category"),
    ("variables/weight", {"type": "number", "values": ["a"]}),
    ("variables/weight", {"type": "number", "encoding": "onehot"}),
    ("variables/weight", {"type": "number", "unit": "kg"}),
    ("variables/__weight", "number"),
    ("variables/channel/values", None),
    ("variables/channel/values", []),
    ("variables/channel/values", ["web", "web"]),
    ("variables/channel/encoding", "hash"),
    ("coordinates/here/latitude", None),
    ("coordinates/here/height", "h"),
    ("coordinates/Here", {"latitude": "x", "longitude": "y"}),
    ("distances", "here"),
    ("distances", [["here"]]),
    ("distances", [["here", "here"]]),
    ("distances", [["here", "home", "shop"]]),
    ("calendar", ["month"]),
    ("calendar", "hour"),
    ("drop", "total"),
    ("drop", [1]),
    ("drop", ["a", "a"]),
    ("max_rejected_share", 3),
    ("max_rejected_share", "all"),
    ("split", "time"),
    ("split/method", "fold"),
    ("split/train_days", 0),
    ("split/train_days", "7"),
    ("split/train", 0.6),
    ("split", {"method": "random", "train_days": 7}),
    ("split", {"method": "random", "train": 1.5}),
    ("split", {"method": "random", "seed": -1}),
]


def _changed(path: str, value):
    body = inner = copy.deepcopy(BASE)
    *parents, last = path.split("/")
    for key in parents:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return body


def _refused(body) -> str | None:
    try:
        event_types.parse(body)
    except EventTypeError as error:
        return str(error)
    return None


def test_the_schema_is_valid_and_up_to_date():
    Draft202012Validator.check_schema(SCHEMA)
    assert generate_event_type_docs.main(["--check"]) == 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shipped_files_name_the_schema_and_keep_to_it(file):
    text = file.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=event-type.schema.json"
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(text)))
    assert VALIDATOR.is_valid(event_types.to_mapping(event_types.load(file)))


def test_the_base_of_the_broken_files_is_whole():
    assert _refused(BASE) is None
    assert VALIDATOR.is_valid(BASE)


@pytest.mark.parametrize(("path", "value"), BROKEN, ids=[f"{path}={value}"[:60] for path, value in BROKEN])
def test_parser_and_schema_both_refuse(path, value):
    body = _changed(path, value)
    assert _refused(body)
    assert not VALIDATOR.is_valid(body)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a", "label": "y"},
        {"name": "a", "label": "y", "amount": "x"},
        {"name": "a", "label": "y", "amount": "x", "split": {"method": "time"}},
        {"name": "a", "label": "y", "amount": "x", "calendar": ["hour"], "split": {"method": "random"}},
        {"name": "a", "label": {"column": "y", "known_at": "t"}, "amount": "x", "split": {"method": "random"}},
        "orders",
    ],
)
def test_what_needs_something_else_is_refused_without_it(body):
    assert _refused(body)
    assert not VALIDATOR.is_valid(body)


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("", SCHEMA),
        ("timestamp", SCHEMA["properties"]["timestamp"]["anyOf"][1]),
        ("label", SCHEMA["properties"]["label"]["anyOf"][1]),
        (ACCOUNT, SCHEMA["properties"]["entities"]["additionalProperties"]),
        ("variables/channel", SCHEMA["properties"]["variables"]["additionalProperties"]["anyOf"][1]),
        ("coordinates/here", SCHEMA["properties"]["coordinates"]["additionalProperties"]),
    ],
)
def test_keys_are_those_that_the_parser_knows(path, schema):
    """The parser lists the keys it knows when it meets another."""
    message = _refused(_changed(f"{path}/no_such_key".lstrip("/"), 1))
    allowed = re.search(r"no_such_key: unknown field; allowed are (.*)", message)[1].split(", ")
    assert sorted(allowed) == sorted(schema["properties"])


def test_keys_of_the_split_are_those_of_its_two_methods():
    expected = {*TimeSplit.__dataclass_fields__, *RandomSplit.__dataclass_fields__}
    assert set(SCHEMA["properties"]["split"]["properties"]) == expected


def test_every_key_is_described():
    def undescribed(schema, path):
        for name, inner in schema.get("properties", {}).items():
            if "description" not in inner:
                yield f"{path}.{name}"
        for key in ("anyOf", "additionalProperties", "properties"):
            inner = schema.get(key)
            parts = inner if isinstance(inner, list) else inner.values() if key == "properties" and inner else [inner]
            for part in parts:
                if isinstance(part, dict):
                    yield from undescribed(part, f"{path}.{key}")

    assert not list(undescribed(SCHEMA, ""))


def test_meanings_are_given_of_what_the_model_knows():
    for meanings, known in (
        (event_type_schema.AGGREGATE_MEANINGS, model.AGGREGATES),
        (event_type_schema.RECENCY_MEANINGS, model.RECENCIES),
        (event_type_schema.TYPE_MEANINGS, model.VARIABLE_TYPES),
        (event_type_schema.DERIVATION_MEANINGS, model.DERIVATIONS),
        (event_type_schema.CALENDAR_MEANINGS, model.CALENDAR),
    ):
        assert tuple(meanings) == known or set(meanings) == set(known)


def test_every_kind_of_feature_is_defined_in_the_reference():
    """One row of the tables for each measure, each in the form of its name."""
    page = generate_event_type_docs.PAGE.read_text(encoding="utf-8")
    rows = {tuple(cell.strip() for cell in line.split("|")[1:3]) for line in page.splitlines() if line.startswith("|")}
    expected = {(f"`{name}`", f"`card_{name}_7d`") for name in model.AGGREGATES}
    expected |= {(f"`{name}`", f"`card_{name}`") for name in model.RECENCIES}
    expected |= {("calendar", f"`{name}`") for name in model.CALENDAR}
    expected |= {(kind, f"`<column>_{suffix}`") for kind, made in VALUE_FEATURES.items() for suffix, *_ in made}
    assert not expected - rows


def test_what_a_window_without_a_past_is_said_to_be_is_so():
    """The reference's column "without a past", against the engine."""
    body = copy.deepcopy(BASE) | {"windows": "bucketed", "label": {"column": "fraud", "delay_days": 3}}
    entity = {"column": "account_id", "windows": ["7d"], "distinct": ["shop"], "places": ["here"]}
    entity |= {"aggregates": list(model.AGGREGATES), "recencies": list(model.RECENCIES)}
    body["entities"] = {"account": entity, "shop": {"column": "shop_id"}}
    event_type = event_types.parse(body)
    values = {"total": 12.5, "account_id": "a", "shop_id": "s", "la": 1.0, "lo": 2.0, "a": None, "b": None}
    values |= {"channel": "web", "weight": None, "born": None}
    engine = OnlineEngine(event_type)
    found = dict(zip(engine.feature_names, engine.advance(Event("1", 10**15, values), {}).features, strict=True))
    days = 86_400.0
    expected = {"count": 1, "sum": 12.5, "mean": 12.5, "max": 12.5, "ratio": 1, "known_count": 0, "risk": 0}
    assert {name: found[f"account_{name}_7d"] for name in expected} == expected
    expected = {"since_last": 7 * days, "since_known_fraud": 10 * days, "since_first_known_fraud": 10 * days}
    expected |= {"last_known_label": 0, "distance_here": -1, "speed_here": -1}
    assert {name: found[f"account_{name}"] for name in expected} == expected
    assert found["account_distinct_shop_id_7d"] == pytest.approx(1, abs=0.01)


def _paths(body, prefix=()):
    for key in body if isinstance(body, dict) else range(len(body)) if isinstance(body, list) else ():
        yield (*prefix, key)
        yield from _paths(body[key], (*prefix, key))


_BODIES = [BASE, *(event_types.to_mapping(event_types.load(name)) for name in event_types.shipped())]
_VALUES = st.one_of(
    st.sampled_from([5, -1, 0.5, True, "x", "", "__x", "1d", "count", "iso", "number", "time", [], {}, ["1d"], [1]]),
    st.text(max_size=5),
    st.integers(-2, 500),
    st.recursive(
        st.sampled_from(["column", "a", 1]),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["column", "type", "a"]), inner),
        max_leaves=4,
    ),
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_what_the_parser_takes_is_never_refused_by_the_schema(data):
    """Changes at random places: were the schema stricter, editors would underline what works."""
    body = copy.deepcopy(data.draw(st.sampled_from(_BODIES)))
    for _ in range(data.draw(st.integers(1, 2))):
        *parents, last = data.draw(st.sampled_from(list(_paths(body))))
        inner = body
        for key in parents:
            inner = inner[key]
        if isinstance(inner, dict) and data.draw(st.booleans()):
            del inner[last]
        else:
            inner[last] = copy.deepcopy(data.draw(_VALUES))
        if not body:
            return
    if _refused(body) is None:
        assert not [error.message for error in VALIDATOR.iter_errors(body)]
