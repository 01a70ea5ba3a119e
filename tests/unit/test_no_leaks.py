"""What fails says where and why, and repeats nothing of what it was given."""

import json

import pytest

from fraud.serving.requests import RequestError, parse
from inference_code.scoring import app
from inference_code.server.routes import Exchange, Routes
from scripts.retraining.errors import InputError
from scripts.ruling.book import Book

CARD = "4111111111111111"


@pytest.mark.parametrize("event", [{"card": CARD}, [CARD], CARD, int(CARD), None, {"httpMethod": "POST", "path": {}}])
def test_an_event_of_something_else_than_api_gateway_is_refused_in_silence(event, caplog):
    answer = app.handler(event, None)
    assert answer["statusCode"] in (400, 404)
    assert CARD not in json.dumps(answer) + str([vars(record) for record in caplog.records])


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
