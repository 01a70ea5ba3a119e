"""From an event type's model to its JSON form."""

from __future__ import annotations

from typing import Any

from fraud.event_types.model import Entity, EventType, Variable


def to_mapping(event_type: EventType) -> dict[str, Any]:
    """Return the JSON form, which `parse` reads back to an equal event type; what is at its default is left out."""
    body = {
        "name": event_type.name,
        "description": event_type.description,
        "id": event_type.id,
        "timestamp": event_type.timestamp and {"column": event_type.timestamp, "format": event_type.timestamp_format},
        "arrival": event_type.arrival,
        "amount": event_type.amount,
        "label": _stated(
            {
                "column": event_type.label,
                "delay_days": event_type.label_delay_days,
                "fraud": list(event_type.label_fraud),
                "genuine": list(event_type.label_genuine),
                "known_at": event_type.label_known_at,
                "missing": event_type.label_missing,
            }
        ),
        "windows": event_type.window_mode,
        "card": event_type.card,
        "entities": {entity.name: _entity(entity) for entity in event_type.entities},
        "variables": {variable.column: _variable(variable) for variable in event_type.variables},
        "coordinates": {
            place.name: {"latitude": place.latitude, "longitude": place.longitude} for place in event_type.coordinates
        },
        "distances": [list(pair) for pair in event_type.distances],
        "calendar": list(event_type.calendar),
        "drop": list(event_type.drop),
        "max_rejected_share": event_type.max_rejected_share,
        "split": {key: value for key, value in vars(event_type.split).items() if value is not None},
    }
    return _stated(body)


def _entity(entity: Entity) -> dict[str, Any]:
    return _stated(
        {
            "column": entity.column,
            "derive": entity.derive,
            "card_number": entity.card_number or None,
            "windows": [window.text for window in entity.windows],
            "aggregates": list(entity.aggregates),
            "recencies": list(entity.recencies),
            "distinct": list(entity.distinct),
            "places": list(entity.places),
        }
    )


def _variable(variable: Variable) -> Any:
    if variable.type != "category":
        return variable.type
    return {"type": variable.type, "values": list(variable.values), "encoding": variable.encoding}


def _stated(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None and value not in ("", [], {})}
