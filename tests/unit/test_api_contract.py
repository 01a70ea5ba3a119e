"""The function keeps what docs/openapi.json says, whatever is sent to it: schemathesis makes up the requests."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from moto import mock_aws
from schemathesis.specs.openapi.checks import (
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from fraud.event_types.mapping import to_mapping
from inference_code.scoring import app as scoring
from scripts.generate_openapi import PAGE, text_of
from tests.unit.scoring_tables import EVENT_TYPE, Model, Platform, payment

BASE = "/v1"
REQUEST = {
    "httpMethod": "POST",
    "headers": {"Content-Type": "application/json"},
    "multiValueHeaders": {"Content-Type": ["application/json"]},
    "isBase64Encoded": False,
    "requestContext": {"requestId": "x", "stage": "v1"},
}
SIGNED = "AWS4-HMAC-SHA256 Credential=test"


def gateway(environment: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
    """API Gateway's proxy integration as a WSGI application: the same event in, the same answer out."""
    path = environment["PATH_INFO"].removeprefix(BASE)
    if path == "/openapi.json":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [PAGE.read_bytes()]
    if environment.get("HTTP_AUTHORIZATION") != SIGNED:
        start_response("403 -", [("Content-Type", "application/problem+json")])
        problem = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "Missing Authentication Token"}
        return [json.dumps(problem).encode()]
    headers = {key[5:].replace("_", "-").title(): value for key, value in environment.items() if key[:5] == "HTTP_"}
    if environment.get("CONTENT_TYPE"):
        headers["Content-Type"] = environment["CONTENT_TYPE"]
    body = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
    query = parse_qs(environment.get("QUERY_STRING", ""), keep_blank_values=True)
    answer = scoring.handler(
        {
            "httpMethod": environment["REQUEST_METHOD"],
            "path": path.encode("latin-1").decode("utf-8", "replace"),
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
            "requestContext": {"requestId": "x", "stage": "v1"},
        },
        None,
    )
    listed = [(name, value) for name, values in answer["multiValueHeaders"].items() for value in values]
    start_response(f"{answer['statusCode']} -", listed)
    return [answer["body"].encode()]


@pytest.fixture(scope="module", autouse=True)
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    event_type = tmp_path_factory.mktemp("package") / "event_type.json"
    event_type.write_text(json.dumps(to_mapping(EVENT_TYPE)))
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in {
            **{"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"},
            **{"PROFILES_TABLE": "profiles", "DECISIONS_TABLE": "decisions", "RULES_TABLE": "rules"},
            **{"ENDPOINT_NAME": "endpoint", "CAPTURES_BUCKET": "captures", "EVENT_TYPE_FILE": str(event_type)},
        }.items():
            patch.setenv(name, value)
        patch.setattr(scoring.metrics.provider, "namespace", "fraudstack")
        platform = Platform()
        scoring.service.cache_clear()
        scoring.service().transactions._endpoint = Model()
        platform.transactions.score(payment(1))
        yield platform
        scoring.service.cache_clear()


schema = schemathesis.openapi.from_wsgi("/openapi.json", gateway)


@schema.parametrize()
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_contract(case: schemathesis.Case) -> None:
    # A time in the future and a card number are refused although a schema cannot say so; what is not signed and
    # unknown methods are API Gateway's to refuse, with 403.
    case.call_and_validate(
        headers={"Authorization": SIGNED},
        excluded_checks=[
            *(missing_required_header, positive_data_acceptance, unsupported_method),
            negative_data_rejection,
        ],
        additional_checks=[what_is_sent_wrong_is_refused],
    )


def what_is_sent_wrong_is_refused(context: schemathesis.CheckContext, response: Any, case: schemathesis.Case) -> None:
    if not is_sent_as_allowed(case, response):
        negative_data_rejection(context, response, case)


def is_sent_as_allowed(case: schemathesis.Case, response: schemathesis.Response) -> bool:
    """Whether a query is a good one once it is sent: of lists, one of a single value is the value, an empty none."""
    said = case.operation.definition.raw.get("parameters", [])
    known = {one["name"]: one["schema"] for one in said if one["in"] == "query"}
    required = {one["name"] for one in said if one["in"] == "query" and one.get("required")}
    sent = parse_qs(urlsplit(response.request.url).query, keep_blank_values=True)
    if not (known and required <= set(sent) <= set(known)):
        return False
    return all(
        len(values) == 1 and Draft202012Validator(known[name]).is_valid(_typed(values[0], known[name]))
        for name, values in sent.items()
    )


def _typed(text: str, schema: dict[str, Any]) -> int | str:
    return int(text) if schema["type"] == "integer" and text.isascii() and text.isdigit() else text


def test_the_document_is_what_the_event_type_makes() -> None:
    assert PAGE.read_text() == text_of("card-transactions"), "run `make docs`"


def test_a_field_that_is_there_twice_hides_nothing() -> None:
    twice = json.dumps(payment(2)).replace('"CUSTOMER_ID"', '"CUSTOMER_ID": "4111111111111111", "CUSTOMER_ID"')
    answer = scoring.handler({**REQUEST, "path": "/transactions", "body": twice}, None)
    assert answer["statusCode"] == 400 and "twice" in answer["body"]
