"""An unseen data set, from the file over the proposed event type to the score, as the documentation tells it."""

import heapq
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraud import event_types
from fraud.data.cleaning import clean
from fraud.event_types.columns import payload_columns
from fraud.event_types.payload import parse_event
from fraud.features.batch import compute
from fraud.features.online import OnlineEngine
from fraud.features.schema import FeatureSchema
from scripts import event_type_example as example
from scripts import infer_event_type
from scripts.inference.proposal import propose
from tests.unit.proposals import learnt, roles, written
from training_code.splits import matrix


@pytest.fixture(scope="module")
def bookings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bookings")
    example.bookings().write_csv(folder / "hotel bookings.csv")
    return folder / "hotel bookings.csv", written(folder / "hotel bookings.csv", folder / "bookings.yaml"), folder


def test_bookings_of_hotels_are_understood(bookings):
    _, event_type, folder = bookings
    assert event_type.name == "hotel-bookings"
    assert roles(event_type) == {
        "id": "booking_ref",
        "timestamp": ("booked_at", "%d/%m/%Y %H:%M"),
        "amount": "total_price",
        "label": ("fraudulent", ("Yes",), ("No",), "reject"),
        "known_at": None,
        "delay": 7,
        "entities": {
            ("guest_email", "lower"),
            ("guest_email", "email_domain"),
            ("ip", None),
            ("ip", "ip_prefix16"),
            ("hotel_id", None),
        },
        "card": "guest_email",
        "card_number": set(),
    }
    assert {variable.column: variable.type for variable in event_type.variables} == {
        "guest_email": "email",
        "ip": "ip",
        "nights": "number",
        "room": "category",
        "check_in": "date",
        "member": "boolean",
        "source_url": "text",
    }
    text = (folder / "bookings.yaml").read_text(encoding="utf-8")
    for line in (
        "  - ''  # has no name that may be used: rename it if it is wanted",
        "  - language  # the same in each row",
        "  - paid_with  # holds raw card numbers: they must not be sent or stored",
        "  - chargeback_amount  # by its name it belongs to the label: not known when the event is scored",
        "  # 7 days are a guess: state how long it takes until a fraud is reported (--delay-days).",
    ):
        assert line in text.splitlines()


def test_a_new_data_set_needs_no_code(bookings):
    """From the CSV file to a score: batch and online features of each event have the same bits."""
    file, event_type, folder = bookings
    model, test, auc = learnt(file, event_type, folder / "out")
    assert auc > 0.8
    events = clean([file], event_type).events
    batch = compute(events, event_type, float_type=pl.Float64)
    order = dict(zip(events["booking_ref"], range(len(events)), strict=True))
    payloads = sorted(_payloads(file, event_type), key=lambda payload: order[payload["booking_ref"]])
    frauds = (events["fraudulent"] == 1).to_list()
    online = np.array(list(_replayed(payloads, frauds, event_type)))
    expected = batch.select(pl.all().cast(pl.Float64)).to_numpy()
    assert online.shape == expected.shape == (6_000, len(batch.columns))
    assert np.array_equal(online, expected, equal_nan=True)
    # The model's score of one event as the API computes it, beside that of the prepared row.
    last = test.frame.sort("__timestamp", maintain_order=True).tail(1)
    row = online[order[last["__id"][0]]].astype(np.float32).reshape(1, -1)
    schema = FeatureSchema.load(folder / "out" / "schema")
    assert model.predict_proba(row) == model.predict_proba(matrix(last, schema, "test"))


def _payloads(file: Path, event_type):
    """The file's rows as the API takes them."""
    columns = payload_columns(event_type)
    for row in pl.read_csv(file, infer_schema=False).iter_rows(named=True):
        payload = {}
        for name, column in columns.items():
            value = row[name]
            if value is not None and column.family == "a number":
                value = float(value)
            elif value is not None and column.kind == "boolean":
                value = value == "yes"
            payload[name] = value
        yield json.loads(json.dumps(payload))


def _replayed(payloads, frauds, event_type):
    """Features of one event after the other, with labels that arrive when they are known."""
    engine = OnlineEngine(event_type)
    profiles, pending = {}, []
    for number, (payload, is_fraud) in enumerate(zip(payloads, frauds, strict=True)):
        event = parse_event(event_type, payload)
        while pending and pending[0][0] <= event.instant:
            known, _, instant, key = heapq.heappop(pending)
            profiles[key] = engine.apply_label(key.entity, profiles[key], instant, known, 1)
        advanced = engine.advance(event, {key: profiles.get(key) for key in engine.keys(event)})
        profiles |= advanced.profiles
        for key, clock in advanced.clocks.items() if is_fraud else ():
            heapq.heappush(pending, (engine.known_from(clock, None), number, event.instant, key))
        yield advanced.features


def test_a_csv_and_a_parquet_file_give_the_same_proposal(bookings, tmp_path):
    file, event_type, _ = bookings
    example.bookings().write_parquet(tmp_path / "hotel bookings.parquet")
    found = written(tmp_path / "hotel bookings.parquet", tmp_path / "a.yaml")
    assert event_types.to_mapping(found) | {"description": ""} == event_types.to_mapping(event_type) | {
        "description": ""
    }
    assert propose(file, "a").text == propose(file, "a").text


PAGE = (infer_event_type.SCHEMA.parents[2] / "docs" / "event-types.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_of_the_worked_example_run(bookings, tmp_path, monkeypatch):
    shutil.copy(bookings[0], tmp_path / "hotel-bookings.csv")
    monkeypatch.chdir(tmp_path)
    lines = "".join(_blocks("console")).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line) for line in lines if "scripts.infer_event_type" in line]
    assert len(commands) == 2
    for command in commands:
        assert infer_event_type.main(command[3:]) == 0
    event_type = event_types.load(tmp_path / "hotel-bookings.yaml")
    assert [entity.name for entity in event_type.entities[:2]] == ["guest", "hotel"]
    assert event_type.label_delay_days == 14 and "source_url" in event_type.drop


def test_the_reference_shows_how_to_tokenise(tmp_path, monkeypatch):
    (code,) = _blocks("python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARD_KEY", "sixteen bytes or more")
    pl.DataFrame({"cc_num": ["4000000000000002", "5", "4000000000000002"]}).write_parquet("transactions.parquet")
    exec(compile(code, "docs/event-types.md", "exec"), {})  # noqa: S102
    first, other, again = pl.read_parquet("tokens.parquet")["cc_num"]
    assert first == again != other and first.startswith("tok_")
