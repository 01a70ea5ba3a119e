"""JSON Schemas (2020-12) of the scoring API's bodies."""

from __future__ import annotations

from typing import Any

from fraud.event_types import times
from fraud.event_types.columns import id_field
from fraud.event_types.model import EventType
from fraud.event_types.payload import json_schema

LABELS = ("fraud", "genuine")
MOST_DECISIONS = 100
"""Of one page of decisions."""
USUAL_DECISIONS = 25

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_PROBABILITY = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_SCORE = {"type": ["integer", "null"], "minimum": 0, "maximum": 1000}


def transaction(event_type: EventType) -> dict[str, Any]:
    """The body of POST /transactions."""
    return {key: value for key, value in json_schema(event_type).items() if key != "$schema"}


def label(event_type: EventType) -> dict[str, Any]:
    """The body of POST /labels."""
    identifier = json_schema(event_type)["properties"][id_field(event_type)]
    return _object(
        "What turned out about a transaction",
        {
            "id": {**identifier, "description": "The transaction's identifier"},
            "label": {"type": "string", "enum": list(LABELS)},
            "at": {
                "type": ["string", "null"],
                "description": "When it became known (ISO 8601, UTC where no offset is given); now if left out",
                "pattern": times.ISO_PATTERN,
                "maxLength": 40,
            },
        },
        required=("id", "label"),
        closed=True,
    )


def recorded_label() -> dict[str, Any]:
    """The answer to POST /labels."""
    return _object("The label as it is recorded", {"id": _TEXT, "label": {"type": "string", "enum": list(LABELS)}})


def decision() -> dict[str, Any]:
    """The answer to POST /transactions."""
    return _object("What was decided, and why", _decision())


def shown_decision(event_type: EventType) -> dict[str, Any]:
    """A decision as GET /decisions shows it; one that is pending has its id, event and times alone."""
    body = _decision()
    shown = {
        "status": {"type": "string", "enum": ["decided", "pending"]},
        "timestamp": {**_TIME, "description": "Time of the event"},
        "event": {"type": "object", "description": "The transaction as it was posted"},
        "label": {"type": ["string", "null"], "enum": [*LABELS, None]},
    }
    required = ("id", *shown)
    return _object("A decision with its event and label", {**body, **shown}, required=required)


def page(reference: dict[str, Any]) -> dict[str, Any]:
    """The answer to GET /decisions, whose items are what `reference` refers to."""
    return _object(
        "Decisions of an entity, latest first",
        {
            "decisions": {"type": "array", "items": reference, "maxItems": MOST_DECISIONS},
            "next": {"type": "string", "description": "Asks for the next page; absent on the last one"},
        },
        required=("decisions",),
    )


def problem() -> dict[str, Any]:
    """Every answer that is no success (RFC 9457)."""
    error = _object("A field at fault", {"field": _TEXT, "message": _TEXT})
    return _object(
        "What went wrong",
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _TEXT,
            "errors": {"type": "array", "items": error},
        },
        required=("type", "title", "detail"),
    )


def _decision() -> dict[str, Any]:
    reason = _object(
        "What moved the score, strongest first",
        {"feature": _TEXT, "contribution": {"type": "number", "description": "In log odds; more is riskier"}},
    )
    rule = _object(
        "A rule that fired; a shadow rule is reported and not acted on",
        {"name": _TEXT, "outcome": _TEXT, "shadow": {"type": "boolean"}},
    )
    return {
        "id": _TEXT,
        "outcome": {"type": "string", "description": "approve, review, decline, or one of the rule set's own"},
        "score": {**_SCORE, "description": "500 at even odds, 125 more for tenfold odds; null if degraded"},
        "probability": {**_PROBABILITY, "description": "Calibrated probability of fraud; null if degraded"},
        "reasons": {"type": "array", "items": reason},
        "rules": {"type": "array", "items": rule},
        "skipped_rules": {
            "type": "array",
            "items": _TEXT,
            "description": "Rules that could not be evaluated, for example for want of a score",
        },
        "rules_version": {"type": "integer", "minimum": 0},
        "model": {"type": ["object", "null"], "description": "Which model answered; null if degraded"},
        "degraded": {"type": "boolean", "description": "Decided by rules alone, because the model did not answer"},
        "decided_at": _TIME,
    }


def _object(
    description: str, properties: dict[str, Any], *, required: tuple[str, ...] | None = None, closed: bool = False
) -> dict[str, Any]:
    body = {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
    }
    return {**body, "additionalProperties": False} if closed else body
