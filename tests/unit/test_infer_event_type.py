"""Event types proposed from data: single roles, reasons beside what is dropped, and what cannot be used."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud import event_types
from fraud.data.errors import DataError
from fraud.data.preparation import prepare
from scripts import event_type_example as example
from scripts import infer_event_type
from scripts.inference import facts
from scripts.inference.proposal import propose
from tests.unit.proposals import alternating, events, proposed, why, written


@pytest.mark.parametrize(
    ("values", "fraud", "genuine"),
    [
        ((1, 0, 0), (), ()),
        ((1.0, 0.0, 0.0), (), ()),
        ((True, False, False), (), ()),
        (("1", "0", "0"), (), ()),
        (("TRUE", "FALSE", "FALSE"), (), ()),
        (("yes", "no", "no"), ("yes",), ("no",)),
        (("Fraud", "Legit", "Legit"), ("Fraud",), ("Legit",)),
        (("fraud", "genuine", "ok", "ok"), ("fraud",), ("genuine", "ok")),
        ((1, -1, -1), ("1",), ("-1",)),
        ((2, 1, 1), ("2",), ("1",)),
        (("B", "A", "A"), ("B",), ("A",)),
    ],
)
def test_values_of_the_label(values, fraud, genuine, tmp_path):
    proposal = proposed(tmp_path, events(is_fraud=alternating(*values)))
    assert (proposal.event_type.label_fraud, proposal.event_type.label_genuine) == (fraud, genuine)
    assert proposal.report.frauds == sum(value == values[0] for value in alternating(*values))


def test_a_guess_of_what_means_fraud_is_said(tmp_path):
    proposal = proposed(tmp_path, events(is_fraud=alternating("B", "A", "A")))
    assert "'B' is taken for fraud, being rarer than 'A'" in proposal.text
    assert any("--fraud VALUE" in note for note in proposal.notes)
    other = proposed(tmp_path, events(is_fraud=alternating("B", "A", "A")), fraud=("A",))
    assert other.event_type.label_fraud == ("A",)


def test_events_without_a_label_are_history(tmp_path):
    proposal = proposed(tmp_path, events(is_fraud=alternating(1, 0, None, 0)))
    assert proposal.event_type.label_missing == "ignore"


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (lambda time: time, "iso"),
        (lambda time: time.isoformat(), "iso"),
        (lambda time: time.strftime("%Y-%m-%d %H:%M:%SZ"), "iso"),
        (lambda time: time.strftime("%d/%m/%Y %H:%M:%S"), "%d/%m/%Y %H:%M:%S"),
        (lambda time: time.strftime("%m/%d/%Y %H:%M"), "%m/%d/%Y %H:%M"),
        (lambda time: time.strftime("%d.%m.%Y %H:%M"), "%d.%m.%Y %H:%M"),
        (lambda time: time.date(), "iso"),
        (lambda time: int((time - datetime(1970, 1, 1)).total_seconds()), "epoch_seconds"),
        (lambda time: int((time - datetime(1970, 1, 1)).total_seconds() * 1000), "epoch_milliseconds"),
    ],
)
def test_formats_of_the_timestamp(values, form, tmp_path):
    frame = events()
    proposal = proposed(tmp_path, frame.with_columns(pl.Series("event_time", list(map(values, frame["event_time"])))))
    event_type = proposal.event_type
    assert (event_type.timestamp, event_type.timestamp_format) == ("event_time", form)
    assert proposal.report.first.date() == frame["event_time"].min().date()
    assert proposal.report.last.date() == frame["event_time"].max().date()


def test_times_that_tell_of_label_and_arrival(tmp_path):
    frame = events()
    times = frame["event_time"]
    proposal = proposed(
        tmp_path,
        frame.with_columns(
            received_at=times + timedelta(seconds=3),
            label_time=times + timedelta(days=9),
            shipped_time=times + pl.Series([timedelta(hours=k * 37 % 300) for k in range(400)]),
            unix_time=times.dt.epoch("s"),
            account_opened=pl.Series(alternating(date(2020, 3, 1), date(2023, 1, 2))),
        ),
    )
    event_type = proposal.event_type
    assert (event_type.timestamp, event_type.arrival) == ("event_time", "received_at")
    assert (event_type.label_known_at, event_type.label_delay_days) == ("label_time", 0)
    assert why(proposal, "shipped_time") == "later than the event: not known when it is scored"
    assert why(proposal, "unix_time") == "repeats event_time in another form"
    assert {v.column: v.type for v in event_type.variables} == {"account_opened": "date"}


def test_what_is_dropped_says_why(tmp_path):
    frame = events()
    label = frame["is_fraud"]
    random = np.random.default_rng(5)
    frame = frame.with_columns(
        pan=pl.Series([example.card_number(int(number)) for number in random.integers(0, 10**9, 400)]),
        parcel=pl.Series([f"id {number} of {number * 7}" for number in random.permutation(400)]),
        same=pl.lit("web"),
        nothing=pl.lit(None, pl.String),
        fraud_type=pl.Series(alternating("takeover", None, None, None, None)),
        review=pl.Series(np.where(label == 1, "rejected", "accepted")),
        review_minutes=pl.Series(label * 50.0 + random.random(400)),
        closed_on=pl.Series(np.where(label == 1, 5.5, np.nan)).fill_nan(None),
        copy=pl.col("amount"),
        row_number=pl.int_range(400),
        basket=pl.lit([1, 2], pl.List(pl.Int64)),
        first_name=pl.Series([f"n{number}" for number in random.integers(0, 150, 400)]),
    )
    proposal = proposed(tmp_path, frame)
    assert {column: why(proposal, column) for column in proposal.event_type.drop} == {
        "pan": "holds raw card numbers: they must not be sent or stored",
        "parcel": "another text in nearly each row: nothing repeats",
        "same": "the same in each row",
        "nothing": "empty in each row",
        "fraud_type": "by its name it belongs to the label: not known when the event is scored",
        "review": "tells the label by itself: surely written after it was known",
        "review_minutes": "tells the label by itself: surely written after it was known",
        "closed_on": "the same in each row",
        "copy": "repeats amount",
        "row_number": "numbers the rows",
        "basket": "holds values of type List(Int64), which no feature is made of",
        "first_name": "says who somebody is or where somebody lives",
    }
    assert not proposal.event_type.variables


def test_repeating_card_numbers_are_an_entity_to_be_tokenised(tmp_path):
    cards = [example.card_number(number * 7919) for number in range(30)]
    proposal = proposed(tmp_path, events(card_id=None, number=alternating(*cards)))
    (card,) = proposal.event_type.entities
    assert (card.name, card.column, card.card_number) == ("card", "number", True)
    assert "# Values are card numbers: tokenise them" in proposal.text


def test_places_become_distances(tmp_path):
    random = np.random.default_rng(1)
    homes = random.uniform(-60, 60, (40, 2))
    frame = events()
    at = [int(card[1:]) for card in frame["card_id"]]
    frame = frame.with_columns(
        lat=pl.Series(homes[at, 0]),
        long=pl.Series(homes[at, 1]),
        merch_lat=pl.Series(homes[at, 0] + random.random(400)),
        merch_long=pl.Series(homes[at, 1] + random.random(400)),
    )
    event_type = proposed(tmp_path, frame).event_type
    assert event_type.distances == (("home", "merch"),)
    assert {place.name: place.latitude for place in event_type.coordinates} == {"merch": "merch_lat", "home": "lat"}
    assert event_type.entities[0].places == ("merch",)


def test_another_name_of_an_entity_is_no_second_one(tmp_path):
    frame = events()
    frame = frame.with_columns(
        account_no=pl.Series([f"DE{int(card[1:]) * 31:06d}" for card in frame["card_id"]]),
        holder_email=pl.Series([f"{card}@example.org" for card in frame["card_id"]]),
    )
    event_type = proposed(tmp_path, frame).event_type
    assert [(entity.name, entity.column) for entity in event_type.entities] == [("card", "card_id")]
    assert {variable.column: variable.type for variable in event_type.variables} == {"holder_email": "email"}


def test_a_few_faulty_rows_are_allowed_for(tmp_path):
    frame = events()
    amounts = [-5.0 if number in (7, 9) else amount for number, amount in enumerate(frame["amount"])]
    proposal = proposed(tmp_path, frame.with_columns(amount=pl.Series(amounts)))
    assert proposal.event_type.max_rejected_share == pytest.approx(0.01)
    assert "# 2 rows are faulty and left out: amount_negative (2)." in proposal.text
    assert prepare([tmp_path / "data.parquet"], proposal.event_type, tmp_path / "o", log=lambda _: None)["rows"] == 400


def test_rare_values_of_long_files_are_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "MOST_ROWS", 100)
    channels = ["web"] * 200 + ["post"] + ["shop"] * 199
    proposal = proposed(tmp_path, events(channel=channels, is_fraud=alternating("fraud", "legit", "legit", "ok")))
    (channel,) = [variable for variable in proposal.event_type.variables if variable.column == "channel"]
    assert channel.values == ("post", "shop", "web")
    assert proposal.event_type.label_genuine == ("legit", "ok")
    assert proposal.report.rows == 400


def test_a_folder_of_files_is_one_data_set(tmp_path, capsys):
    frame = events()
    (tmp_path / "parts" / "day=1").mkdir(parents=True)
    frame.head(150).write_parquet(tmp_path / "parts" / "day=1" / "a.parquet")
    frame.tail(250).write_parquet(tmp_path / "parts" / "b.parquet")
    event_type = written(tmp_path / "parts", tmp_path / "folder.yaml")
    assert event_type.name == "parts"
    assert event_type.required_columns == ("event_id", "event_time", "card_id", "amount", "is_fraud")
    (tmp_path / "parts" / "c.csv").write_text("a,b\n1,2\n")
    assert infer_event_type.main([str(tmp_path / "parts")]) == 1
    assert "side by side" in capsys.readouterr().err


def test_columns_may_be_called_anything(tmp_path):
    names = ["a: b", "#c", "'q'", '"d"', "é ñ", "yes", "null", "1", "-", "line\nbreak", "{x}", "__reserved", "_", " "]
    random = np.random.default_rng(2)
    texts = [[f"k{number}" for number in random.integers(0, 7, 400)] for _ in names]
    frame = events(**{name: random.random(400) if n % 2 else texts[n] for n, name in enumerate(names)})
    out = tmp_path / "strange.yaml"
    frame.write_parquet(tmp_path / "strange.parquet")
    event_type = written(tmp_path / "strange.parquet", out)
    assert {variable.column for variable in event_type.variables} == set(names) - {"__reserved", "_", " "}
    prepare([tmp_path / "strange.parquet"], event_type, tmp_path / "o", log=lambda _: None)


def test_a_column_that_is_called_like_a_feature_gives_way(tmp_path):
    random = np.random.default_rng(2)
    frame = events(hour=random.integers(0, 24, 400), card_count_1d=random.random(400))
    frame = frame.with_columns(ip_version=pl.Series(alternating("v4", "v6", "v6", "none", "a", "b", "c")))
    frame = frame.with_columns(ip=pl.Series([f"10.0.{number % 91}.1" for number in random.permutation(400)]))
    proposal = proposed(tmp_path, frame)
    assert "hour" not in proposal.event_type.calendar
    assert "rename the column" in why(proposal, "card_count_1d")
    assert "rename the column" in why(proposal, "ip_version")
    assert "ip" in [variable.column for variable in proposal.event_type.variables]
    assert proposal.event_type.entities[0].distinct == ("ip",)


def test_unlabelled_roles_are_named_by_options(tmp_path):
    random = np.random.default_rng(2)
    frame = pl.DataFrame(
        {
            "a": np.sort(random.integers(0, 90 * 24, 400)),
            "b": random.lognormal(3, 1, 400),
            "c": [f"x{number}" for number in random.integers(0, 9, 400)],
            "d": alternating("p", "q", "q"),
            "e": random.permutation(400),
            "f": random.random(400),
        }
    )
    frame.write_csv(tmp_path / "data.csv")
    flags = ["--timestamp", "a=epoch_hours", "--amount", "b", "--entity", "guest=c", "--label", "d", "--fraud", "p"]
    flags += ["--id", "e", "--drop", "f", "--delay-days", "3", "--name", "named"]
    event_type = written(tmp_path / "data.csv", tmp_path / "named.yaml", *flags)
    assert event_type.name == "named"
    assert (event_type.id, event_type.amount, event_type.card, event_type.drop) == ("e", "b", "guest", ("f",))
    assert (event_type.timestamp, event_type.timestamp_format) == ("a", "epoch_hours")
    assert (event_type.label, event_type.label_fraud, event_type.label_delay_days) == ("d", ("p",), 3)
    prepare([tmp_path / "data.csv"], event_type, tmp_path / "o", log=lambda _: None)


# --- what cannot be used ---


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--label", "isfraud"], "--label: there is no column 'isfraud'"),
        (["--label", "IS_FRAUD"], "is it 'is_fraud'?"),
        (["--label", "amount"], "column amount: "),
        (
            ["--timestamp", "card_id"],
            "no times that are recognised; state their form: --timestamp card_id=FORMAT",
        ),
        (["--timestamp", "event_time=%d/%m"], "year, month and day are needed"),
        (["--timestamp", "event_time=julian"], "format 'julian'"),
        (["--timestamp", "card_id=%d/%m/%Y"], "'card_id' cannot be read as %d/%m/%Y"),
        (["--amount", "card_id"], "--amount: column 'card_id' holds no numbers"),
        (["--id", "card_id"], "--id: column 'card_id' has 40 different values in 400 rows"),
        (["--entity", "card"], "give it as NAME=COLUMN"),
        (["--entity", "Card=card_id"], "an entity's name is lower-case letters"),
        (["--amount", "amount", "--entity", "card=amount"], "--entity: column 'amount' is named for --amount"),
        (["--delay-days", "-1"], "label.delay_days: -1"),
        (["--fraud", "2"], "--fraud: 2 not in column is_fraud: 0, 1"),
        (["--name", "Bad Name"], "name: 'Bad Name' is not allowed"),
    ],
)
def test_options_that_do_not_fit_are_explained(flags, message, tmp_path, capsys):
    events().write_parquet(tmp_path / "data.parquet")
    assert infer_event_type.main([str(tmp_path / "data.parquet"), *flags]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "gone.csv: no such file or folder"),
        ("data.json", b"{}", "a parquet or CSV file is expected"),
        ("empty.csv", b"", "empty.csv: the file is empty (0 bytes)"),
        ("empty.parquet", b"", "empty.parquet: the file is empty (0 bytes)"),
        ("head.csv", b"id,amount,is_fraud\n", "head.csv: the file has columns but no row"),
        ("broken.parquet", b"PAR1 and no more", "broken.parquet: cannot be read"),
        ("semicolon.csv", b"id;amount;is_fraud\n1;2;0\n2;3;1\n", "columns must be separated by commas"),
        ("unlabelled.csv", b"id,amount\n1,2\n2,3\n", "no label found: a column of two values"),
        ("genuine.csv", b"id,amount,is_fraud\n1,2,0\n2,3,0\n", "no label found"),
        ("three.csv", b"id,amount,fraud\n1,2,fraud\n2,3,legit\n3,4,unsure\n", "what do unsure mean?"),
        ("few.csv", b"id,amount,is_fraud\n1,2,0\n2,3,1\n3,4,0\n", "both classes are needed: give more data"),
    ],
)
def test_files_that_cannot_be_used_are_explained(name, content, message, tmp_path, capsys):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert infer_event_type.main([str(tmp_path / name)]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err and not captured.out


def test_without_a_timestamp_the_proposal_says_how_to_name_it(tmp_path, capsys):
    events(event_time=None).write_parquet(tmp_path / "data.parquet")
    assert infer_event_type.main([str(tmp_path / "data.parquet")]) == 0
    captured = capsys.readouterr()
    assert "no timestamp found" in captured.err and "--timestamp COLUMN=FORMAT" in captured.err
    body = yaml.safe_load(captured.out)
    assert body["split"]["method"] == "random" and "entities" not in body
    events(event_time=None).write_parquet(tmp_path / "data.parquet")
    assert infer_event_type.main([str(tmp_path / "data.parquet"), "--entity", "card=card_id"]) == 1
    assert "--timestamp COLUMN" in capsys.readouterr().err


def test_a_file_that_is_there_is_not_overwritten(tmp_path, capsys):
    events().write_parquet(tmp_path / "data.parquet")
    out = tmp_path / "mine.yaml"
    out.write_text("edited by hand")
    assert infer_event_type.main([str(tmp_path / "data.parquet"), "--out", str(out)]) == 1
    assert "is there already" in capsys.readouterr().err and out.read_text() == "edited by hand"
    written(tmp_path / "data.parquet", out, "--force")


# --- whatever the columns hold ---

_NAMES = st.sampled_from(
    [
        *("card_id", "amount", "created_at", "dob", "lat", "long", "ip", "email", "user_agent", "merchant", "category"),
        *("hour", "x", "account_number", "city", "chargeback_date", "received_at", "ip_version", "code", "total"),
    ]
)
_KINDS = {
    "ints": lambda random, n: random.integers(0, 9, n),
    "many": lambda random, n: random.integers(0, n, n) + 10**12,
    "floats": lambda random, n: np.where(random.random(n) < 0.1, np.nan, random.normal(0, 9, n)),
    "texts": lambda random, n: [f"v{number}" for number in random.integers(0, 90, n)],
    "words": lambda random, n: [("a", "b c", "N/A", "é", "yes", "1", "", None)[k] for k in random.integers(0, 8, n)],
    "emails": lambda random, n: [f"u{k}@{'ab'[k % 2]}.org" for k in random.integers(0, 60, n)],
    "ips": lambda random, n: [f"10.{k}.0.{k % 3}" for k in random.integers(0, 60, n)],
    "times": lambda random, n: [datetime(2023, 1, 1) + timedelta(hours=int(k)) for k in random.integers(0, 5000, n)],
    "dates": lambda random, n: [str(date(2023, 1, 1) + timedelta(days=int(k))) for k in random.integers(0, 300, n)],
    "degrees": lambda random, n: random.uniform(-90, 90, n),
    "booleans": lambda random, n: random.random(n) < 0.5,
    "nothing": lambda random, n: [None] * n,
    "lists": lambda random, n: [[1]] * n,
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=st.dictionaries(_NAMES, st.sampled_from(sorted(_KINDS)), max_size=7), seed=st.integers(0, 2**20))
def test_any_columns_give_an_event_type_that_works_or_a_reason(columns, seed, tmp_path):
    random = np.random.default_rng(seed)
    frame = events(**{name: _KINDS[kind](random, 400) for name, kind in columns.items()})
    data = tmp_path / "data.parquet"
    frame.write_parquet(data)
    try:
        proposal = propose(data, "any")
    except DataError as error:
        assert "column" in str(error) or "roles" in str(error)
        return
    assert event_types.parse(yaml.safe_load(proposal.text)) == proposal.event_type
    assert prepare([data], proposal.event_type, tmp_path / "out", log=lambda _: None)["splits"]["train"]["frauds"]
