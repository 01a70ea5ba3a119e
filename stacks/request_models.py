"""What API Gateway checks of request bodies before the function sees them."""

from __future__ import annotations

from typing import Any

from fraud.api import schemas
from fraud.event_types import EventType

# API Gateway knows this draft alone; what the schemas below say means the same in it.
DRAFT_4 = "http://json-schema.org/draft-04/schema#"


def request_models(event_type: EventType) -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas of bodies by name: `Transaction` of POST /transactions, `Label` of POST /labels.

    They say which fields a body has and no more. API Gateway names fields that are missing or unknown, but not the
    field whose value it refuses; the function names that one as well, and says what is allowed.
    """
    bodies = {"Transaction": schemas.transaction(event_type), "Label": schemas.label(event_type)}
    return {name: {"$schema": DRAFT_4, "title": name, **_fields_alone(body)} for name, body in bodies.items()}


def _fields_alone(body: dict[str, Any]) -> dict[str, Any]:
    fields = {name: {} for name in body["properties"]}
    return {"type": body["type"], "properties": fields, "required": body["required"], "additionalProperties": False}
