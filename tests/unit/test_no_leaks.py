"""What fails says where and why, and repeats nothing of what it was given."""

import json

import pytest

from fraud import event_types
from fraud.cards import holds_card_number
from fraud.data.validation import validate_files
from fraud.serving.requests import RequestError, parse
from inference_code.scoring import app
from inference_code.server.routes import Exchange, Routes
from scripts.retraining.errors import InputError
from scripts.ruling.book import Book
from training_code import entry

CARD = "4111111111111111"


@pytest.mark.parametrize("event", [{"card": CARD}, [CARD], CARD, int(CARD), None, {"httpMethod": "POST", "path": {}}])
def test_an_event_of_something_else_than_api_gateway_is_refused_in_silence(event, caplog):
    answer = app.handler(event, None)
    assert answer["statusCode"] in (400, 404)
    assert CARD not in json.dumps(answer) + str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("error", [ValueError, KeyError])
@pytest.mark.parametrize("form", [CARD, "4111 1111-1111.1111", "４１１１１１１１１１１１１１１１"])
def test_a_job_that_fails_repeats_no_card_number(error, form, tmp_path, monkeypatch, capfd):
    """The failure file becomes FailureReason, and that the cause of the run and a message; the rest is the log."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))

    def work():
        raise error(f"could not parse '{form}' as a time")

    assert entry.run(work) == 1
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    told = capfd.readouterr().err + written
    assert "could not parse '[card number]' as a time" in told and not holds_card_number(told)


def test_a_file_without_a_header_has_its_first_event_in_no_message(tmp_path):
    (tmp_path / "events.csv").write_text("1,2018-05-30,596,3156,57.16\n2,2018-05-30,596,3156,57.16\n")
    faults = validate_files([tmp_path / "events.csv"], event_types.load("card-transactions")).errors
    assert "is the header missing?" in str(faults) and "596" not in str(faults) and "57.16" not in str(faults)


def test_an_event_type_holds_no_card_number(tmp_path):
    path = tmp_path / "own.yaml"
    for text in (f"name: own\ndescription: as {CARD}\n", f"name: own\na: [{CARD[:4]} {CARD[4:]}\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match="line 2 holds a card number") as caught:
            event_types.load(path)
        assert not holds_card_number(str(caught.value))


class _Failing:
    def answer(self, *_):
        raise ValueError(f"could not convert {CARD}")


def test_a_model_that_fails_logs_the_place_without_the_message(capsys):
    routes = Routes.__new__(Routes)
    routes._service, routes._default_accept = _Failing(), "text/csv"
    exchange = Exchange()
    exchange.method, exchange.path = b"POST", b"/invocations"
    assert routes.reply(exchange).status == 500
    log = capsys.readouterr().err
    assert "ValueError" in log and "test_no_leaks.py" in log and CARD not in log


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", f"1,{CARD}"),
        ("text/csv", f"1,-{CARD}.0"),
        ("application/json", json.dumps({"instances": [[1, int(CARD)]]})),
        ("application/json", json.dumps({"instances": [[None, float(CARD)]]})),
        ("application/jsonlines", f"[1, {CARD}]"),
    ],
)
def test_the_model_takes_no_card_number_that_capture_would_keep(kind, body):
    with pytest.raises(RequestError, match=r"row 1, column 2 \(b\) looks like a card number") as caught:
        parse(body, kind, ["a", "b"])
    assert CARD not in str(caught.value)
    assert parse(body.replace(CARD, "1234567890123456"), kind, ["a", "b"])


@pytest.mark.parametrize(
    ("name", "body", "comment", "author"),
    [
        (f"list#x{CARD}", ["596"], "", "me"),
        ("ruleset", {"outcomes": [f"hold {CARD}"]}, "", "me"),
        ("ruleset", {}, f"stops {CARD}", "me"),
        ("ruleset", {}, "", f"card {CARD}"),
    ],
)
def test_no_version_of_rules_holds_a_card_number(name, body, comment, author):
    with pytest.raises(InputError, match="card number"):
        Book(None, "rules", author).publish(name, body, comment)
