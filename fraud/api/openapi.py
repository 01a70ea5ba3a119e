"""The scoring API as an OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any

from fraud.api import schemas
from fraud.event_types.columns import id_field
from fraud.event_types.model import EventType

VERSION = "1.0.0"
_SIGNED = "sigv4"
_REFUSALS = {
    400: "The request cannot be read, or its body is not what the schema says",
    403: "The request is not signed, or its caller may not do this",
    404: "There is no such transaction",
    409: "A transaction with this id and other content was decided before",
    413: "The request is too large",
    415: "The body is not application/json",
    422: "Fields have wrong values, or hold a raw card number; errors names each",
    429: "Too many requests",
    500: "The request could not be answered; the same one may be sent again",
    503: "The profiles of its entities are busy; the same request may be sent again",
    504: "The function did not answer in time; the same request may be sent again",
}
_EVERYWHERE = (400, 403, 422, 429, 500, 503, 504)


def document(event_type: EventType) -> dict[str, Any]:
    """Return the OpenAPI document of a platform whose events are of this type."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fraudstack scoring API",
            "version": VERSION,
            "description": f"Scores and decides on events of type {event_type.name}. Requests are signed with AWS "
            "Signature Version 4 for the service execute-api. A repeated request has the first one's answer.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com/v1",
                "description": "ApiUrl among the outputs of the scoring stack",
                "variables": {"api": {"default": "api"}, "region": {"default": "us-east-1"}},
            }
        ],
        "security": [{_SIGNED: []}],
        "tags": [{"name": "payments", "description": "Scoring"}, {"name": "cases", "description": "Reviewing"}],
        "paths": _paths(event_type),
        "components": {
            "securitySchemes": {
                _SIGNED: {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": "AWS Signature Version 4",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
            "schemas": {
                "Transaction": schemas.transaction(event_type),
                "Label": schemas.label(event_type),
                "Decision": schemas.decision(),
                "RecordedLabel": schemas.recorded_label(),
                "ShownDecision": schemas.shown_decision(event_type),
                "Decisions": schemas.page(_reference("ShownDecision")),
                "Problem": schemas.problem(),
            },
            "responses": {
                str(status): _answer(text, "Problem", "application/problem+json") for status, text in _REFUSALS.items()
            },
        },
    }


def _paths(event_type: EventType) -> dict[str, Any]:
    transaction = schemas.transaction(event_type)["properties"]
    identifier = {key: transaction[id_field(event_type)][key] for key in ("pattern", "maxLength", "minLength")}
    paths: dict[str, Any] = {
        "/transactions": {
            "post": {
                "operationId": "scoreTransaction",
                "summary": "Score a transaction and decide on it",
                "tags": ["payments"],
                "requestBody": _body("Transaction"),
                "responses": _answers("The decision", "Decision", 409, 413, 415),
            }
        },
        "/labels": {
            "post": {
                "operationId": "recordLabel",
                "summary": "Record what turned out about a transaction",
                "description": "The latest label counts. It flows to the profiles of the transaction's entities from "
                "the label delay on, to the monitors' ground truth, and to the next training set.",
                "tags": ["cases"],
                "requestBody": _body("Label"),
                "responses": _answers("The label is recorded", "RecordedLabel", 404, 413, 415),
            }
        },
        "/decisions/{id}": {
            "get": {
                "operationId": "getDecision",
                "summary": "One decision",
                "tags": ["cases"],
                "parameters": [_parameter("id", "path", "The transaction's id", {"type": "string", **identifier})],
                "responses": _answers("The decision", "ShownDecision", 404),
            }
        },
    }
    names = [entity.name for entity in event_type.entities if entity.windows]
    if names:
        paths["/decisions"] = {"get": _listing(names)}
    return paths


def _listing(entities: list[str]) -> dict[str, Any]:
    entity = {"type": "string", "pattern": f"^({'|'.join(entities)}):[^\\u0000-\\u001f]{{1,256}}$"}
    limit = {
        "type": "integer",
        "minimum": 1,
        "maximum": schemas.MOST_DECISIONS,
        "default": schemas.USUAL_DECISIONS,
    }
    return {
        "operationId": "listDecisions",
        "summary": "Decisions of an entity, latest first",
        "tags": ["cases"],
        "parameters": [
            _parameter("entity", "query", f"<entity>:<value>; entities: {', '.join(entities)}", entity),
            _parameter("limit", "query", "How many at most", limit, required=False),
            _parameter("next", "query", "From the page before, as it is", {"type": "string"}, required=False),
        ],
        "responses": _answers("A page of decisions", "Decisions"),
    }


def _parameter(
    name: str, place: str, description: str, schema: dict[str, Any], *, required: bool = True
) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _reference(name)}}}


def _answers(text: str, schema: str, *refusals: int) -> dict[str, Any]:
    problems = {str(status): {"$ref": f"#/components/responses/{status}"} for status in (*_EVERYWHERE, *refusals)}
    return {"200": _answer(text, schema, "application/json"), **dict(sorted(problems.items()))}


def _answer(text: str, schema: str, media_type: str) -> dict[str, Any]:
    return {"description": text, "content": {media_type: {"schema": _reference(schema)}}}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
