"""What API Gateway says of a body that its model refuses."""

import json

import pytest
from ministack.services import apigateway_v1

from local_cloud.hooks.request_validation import _explanation

MODEL = {
    "type": "object",
    "required": ["id", "amount"],
    "properties": {"id": {"type": "string", "maxLength": 3}, "amount": {"type": ["number", "string"]}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"id": "a"}, '[object has missing required properties (["amount"])]'),
        (
            {"id": "a", "amount": 1, "x": 2},
            '[object instance has properties which are not allowed by the schema: ["x"]]',
        ),
        (
            {"id": "a", "amount": True},
            '[instance type (boolean) does not match any allowed primitive type (allowed: ["number","string"])]',
        ),
        ({"id": "long", "amount": 1}, "[instance does not satisfy maxLength]"),
        ([], '[instance type (array) does not match any allowed primitive type (allowed: ["object"])]'),
    ],
)
def test_a_refused_body_is_told_what_the_model_wants(body: object, said: str) -> None:
    assert _explanation(apigateway_v1, MODEL, json.dumps(body).encode()) == said


def test_what_is_no_json_is_told_so() -> None:
    assert _explanation(apigateway_v1, MODEL, b"{") == "Invalid JSON"
