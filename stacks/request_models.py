"""What API Gateway checks of request bodies before the function sees them: that the fields are there."""

from __future__ import annotations

from typing import Any

from fraud.api import schemas
from fraud.event_types import EventType

# API Gateway knows this draft alone; what the schemas below say means the same in it.
DRAFT_4 = "http://json-schema.org/draft-04/schema#"


def request_models(event_type: EventType) -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas of bodies by name: `Transaction` of POST /transactions, `Label` of POST /labels.

    API Gateway tells the caller what it found, and logs it. Of missing fields it quotes the schema; of unknown fields,
    and of values that are none of a pattern, an enumeration or a range, what was sent, which may be a card number.
    Those are the function's to refuse: it names the field, says what is allowed, and logs nothing of it.
    """
    bodies = {"Transaction": schemas.transaction(event_type), "Label": schemas.label(event_type)}
    return {
        name: {"$schema": DRAFT_4, "title": name, "type": body["type"], "required": body["required"]}
        for name, body in bodies.items()
    }
