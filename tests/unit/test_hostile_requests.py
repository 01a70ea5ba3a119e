"""Hostile requests at the function itself, which trusts nothing that API Gateway checks.

Promised: each is answered with a 4xx that says what to change (the field by name, where there is one); nothing of it is
stored, logged or repeated, and sending it again is never advised.
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from inference_code.scoring import app
from tests.unit.scoring_tables import Platform, payment
from tests.unit.test_api_contract import REQUEST, platform  # noqa: F401

MARK = "Zeughausgasse"
"""In each request, to be looked for in everything that is left of it."""
GOOD = json.dumps(payment(3, TERMINAL_ID=MARK))


def field(name: str, written: str) -> str:
    """A good payment but for one field, whose value is written as given."""
    changed = json.loads(GOOD)
    changed[name] = "@"
    return json.dumps(changed).replace('"@"', written)


def nested(opening: str, closing: str, depth: int) -> str:
    return field("CUSTOMER_ID", opening * depth + "1" + closing * depth)


# (body, status, what the answer names)
BODIES: dict[str, tuple[str | bytes, int, str]] = {
    "11 MB": (field("TERMINAL_ID", f'"{MARK * 850_000}"'), 413, "65536"),
    "a long text": (field("TERMINAL_ID", f'"{MARK * 100}"'), 422, "TERMINAL_ID"),
    "10,000 fields": (json.dumps({f"{n}": MARK for n in range(10_000)}), 413, "65536"),
    "2,000 fields": (json.dumps(json.loads(GOOD) | {f"{n}": MARK for n in range(2_000)}), 422, "unknown field"),
    "a field twice": (GOOD[:-1] + ', "TX_AMOUNT": 1}', 400, "twice"),
    "cut off": (GOOD[:-5], 400, "JSON"),
    "empty": ("", 400, "JSON"),
    "a list": (f'["{MARK}"]', 422, "object"),
    "UTF-16": (GOOD.encode("utf-16"), 400, "UTF-8"),
    "broken UTF-8": (GOOD.encode().replace(b"hausg", b"\xc3\x28"), 400, "UTF-8"),
    "gzip": (gzip.compress(GOOD.encode()), 400, "UTF-8"),
    "a byte order mark": ("\ufeff" + GOOD, 400, "JSON"),
    "a raw control character": (GOOD.replace(MARK, f"{MARK}\x1b[31m"), 400, "JSON"),
    "a surrogate": (GOOD.replace(MARK, rf"{MARK}\ud800"), 422, "TERMINAL_ID"),
    "a surrogate in the id": (field("TRANSACTION_ID", r'"\ud800"'), 422, "TRANSACTION_ID"),
    "a control character in the id": (field("TRANSACTION_ID", rf'"{MARK}\u0000"'), 422, "TRANSACTION_ID"),
    "NaN": (field("TX_AMOUNT", "NaN"), 400, "JSON"),
    "infinity": (field("TX_AMOUNT", "-Infinity"), 400, "JSON"),
    "1e400": (field("TX_AMOUNT", "1e400"), 422, "TX_AMOUNT"),
    "-1e400 as a key": (field("CUSTOMER_ID", "-1e400"), 422, "CUSTOMER_ID"),
    "400 digits": (field("TX_AMOUNT", "9" * 400), 422, "TX_AMOUNT"),
    "4,000 digits as a key": (field("CUSTOMER_ID", "9" * 4_000), 422, "CUSTOMER_ID"),
    "4,000 digits as a time": (field("TX_DATETIME", "9" * 4_000), 422, "TX_DATETIME"),
    "5,000 digits": (field("CUSTOMER_ID", "9" * 5_000), 400, "JSON"),
    "lists 100,000 deep": (nested("[", "]", 30_000), 400, "deep"),
    "lists 900 deep": (nested("[", "]", 900), 400, "deep"),
    "objects 900 deep": (nested('{"a":', "}", 900), 400, "deep"),
    "a list as a value": (field("CUSTOMER_ID", f'["{MARK}"]'), 422, "CUSTOMER_ID"),
    "the year 0001, east": (field("TX_DATETIME", '"0001-01-01T00:00:00+14:00"'), 422, "TX_DATETIME"),
    "the year 9999, west": (field("TX_DATETIME", '"9999-12-31T23:59:59-14:00"'), 422, "TX_DATETIME"),
    "a zone that is none": (field("TX_DATETIME", '"2025-12-31T12:00:00+99:99"'), 422, "TX_DATETIME"),
    "a zone's name": (field("TX_DATETIME", '"2025-12-31T12:00:00 Europe/Bern"'), 422, "TX_DATETIME"),
    "a leap second": (field("TX_DATETIME", '"2016-12-31T23:59:60Z"'), 422, "TX_DATETIME"),
    "30 February": (field("TX_DATETIME", '"2025-02-30T12:00:00Z"'), 422, "TX_DATETIME"),
    "seconds since 1970": (field("TX_DATETIME", "1767182400"), 422, "TX_DATETIME"),
}
LABELS = {
    "a long id": ({"id": MARK * 300, "label": "fraud"}, "id"),
    "a surrogate in the id": ({"id": f"{MARK}\ud800", "label": "fraud"}, "id"),
    "a control character in the id": ({"id": f"{MARK}\0", "label": "fraud"}, "id"),
    "a far future": ({"id": "1", "label": "fraud", "at": "9999-12-31T23:59:59-14:00"}, "at"),
    "an unknown field": ({"id": "1", "label": "fraud", MARK * 100: 1}, "(a field)"),
}
TYPES = {
    "text": ({"Content-Type": "text/plain"}, "application/json"),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, "application/json"),
    "gzip": ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "Content-Encoding"),
}
QUESTIONS = {
    "a long value": ({"entity": "customer:" + MARK * 300}, 422, "entity"),
    "a surrogate": ({"entity": f"customer:{MARK}\ud800"}, 422, "entity"),
    "a token of nothing": ({"entity": "customer:1", "next": base64.b64encode(b'["", ""]').decode()}, 422, "next"),
    "a token that is deep": ({"entity": "customer:1", "next": base64.b64encode(b"[" * 3_000).decode()}, 422, "next"),
}


@pytest.fixture(autouse=True)
def nothing_is_kept(platform: Platform, caplog: pytest.LogCaptureFixture) -> Iterator[None]:  # noqa: F811
    """Tables and log are as they were."""
    with caplog.at_level(logging.DEBUG, logger=app.logger.name):
        before = _tables(platform)
        yield
        assert _tables(platform) == before
    assert MARK not in caplog.text and not [record for record in caplog.records if record.levelno >= logging.ERROR]


def _tables(platform: Platform) -> list[dict[str, Any]]:  # noqa: F811
    return [platform.dynamodb.scan(TableName=table)["Items"] for table in ("decisions", "profiles")]


def ask(path: str, body: str | bytes | None, headers: dict[str, str] | None = None, **more: Any) -> tuple[int, str]:
    """Status and text of the function's answer to what API Gateway would pass on."""
    encoded = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if encoded else body
    given = {"headers": headers, "multiValueHeaders": {k: [v] for k, v in headers.items()}} if headers else {}
    answer = app.handler({**REQUEST, "path": path, "body": text, "isBase64Encoded": encoded, **given, **more}, None)
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/problem+json"]
    assert MARK not in answer["body"] and "again" not in answer["body"] and len(answer["body"]) < 500_000
    return answer["statusCode"], answer["body"]


@pytest.mark.parametrize("body", BODIES)
def test_bodies_are_refused(body: str) -> None:
    content, status, named = BODIES[body]
    found, answer = ask("/transactions", content)
    assert found == status and named in answer


@pytest.mark.parametrize("body", LABELS)
def test_labels_are_refused(body: str) -> None:
    content, wrong = LABELS[body]
    status, answer = ask("/labels", json.dumps(content))
    assert status == 422 and [error["field"] for error in json.loads(answer)["errors"]] == [wrong]


@pytest.mark.parametrize("kind", TYPES)
def test_other_types_and_encodings_are_refused(kind: str) -> None:
    headers, named = TYPES[kind]
    status, answer = ask("/transactions", GOOD, headers)
    assert status == 415 and named in answer


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_are_refused(question: str) -> None:
    parameters, status, wrong = QUESTIONS[question]
    found, answer = ask("/decisions", None, httpMethod="GET", queryStringParameters=parameters)
    assert found == status and [error["field"] for error in json.loads(answer)["errors"]] == [wrong]


@pytest.mark.parametrize("identifier", [MARK * 300, f"{MARK}\0", "\ufffe"])
def test_decisions_that_cannot_be_are_not_found(identifier: str) -> None:
    status, _ = ask(f"/decisions/{quote(identifier)}", None, httpMethod="GET")
    assert status == 404
