"""What API Gateway checks of request bodies before the function sees them."""

from __future__ import annotations

from typing import Any

from fraud.api import schemas
from fraud.event_types import EventType

# API Gateway knows this draft alone; what the schemas below say means the same in it.
DRAFT_4 = "http://json-schema.org/draft-04/schema#"


def request_models(event_type: EventType) -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas of bodies by name: `Transaction` of POST /transactions, `Label` of POST /labels."""
    bodies = {"Transaction": schemas.transaction(event_type), "Label": schemas.label(event_type)}
    return {name: {"$schema": DRAFT_4, "title": name, **body} for name, body in bodies.items()}
