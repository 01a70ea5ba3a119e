"""What each column of an event holds, derived from its roles: the one reading that files and the API share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fraud.event_types.model import EventType

FAMILIES = {
    "time": "a time",
    "amount": "a number",
    "latitude": "a number",
    "longitude": "a number",
    "number": "a number",
    "boolean": "a boolean",
    "id": "a text",
    "date": "a text",
    "key": "a text",
    "category": "a text",
    "email": "a text",
    "ip": "a text",
    "text": "a text",
}
"""Kinds of columns, the strictest first in each family: a column of several roles is of the strictest kind."""
_KINDS = tuple(FAMILIES)


@dataclass(frozen=True)
class Column:
    """A column of events: its kind, whether each event needs a value, and what for."""

    name: str
    kind: str
    required: bool
    roles: tuple[str, ...]

    @property
    def family(self) -> str:
        """What its values are: "a time", "a number", "a boolean" or "a text"."""
        return FAMILIES[self.kind]


def event_columns(event_type: EventType) -> dict[str, Column]:
    """Return the columns of an event by name: all that are required of a file but those about label and arrival."""
    found: dict[str, list[tuple[str, bool, str]]] = {}
    for name, kind, required, role in _roles(event_type):
        found.setdefault(name, []).append((kind, required, role))
    return {
        name: Column(
            name,
            min((kind for kind, *_ in roles), key=_KINDS.index),
            any(required for _, required, _ in roles),
            tuple(dict.fromkeys(role for *_, role in roles)),
        )
        for name, roles in found.items()
    }


def id_field(event_type: EventType) -> str:
    """Return the payload's field that identifies an event: one of its own where the event type has no id."""
    if event_type.id:
        return event_type.id
    return "id" if "id" not in event_type.required_columns else "event_id"


def payload_columns(event_type: EventType) -> dict[str, Column]:
    """Return the fields of a payload by name: the event's columns, and an identifier in any case."""
    columns, name = event_columns(event_type), id_field(event_type)
    return {name: Column(name, "id", True, ("identifier",)), **columns}


def conflicts(event_type: EventType) -> Iterator[tuple[str, str]]:
    """Yield the columns whose roles want different things, with what they want."""
    families: dict[str, dict[str, str]] = {}
    for name, kind, _, role in _roles(event_type):
        families.setdefault(name, {}).setdefault(FAMILIES[kind], role)
    for name, wanted in families.items():
        if len(wanted) > 1:
            yield name, " and ".join(f"{family} ({role})" for family, role in wanted.items())


def _roles(event_type: EventType) -> Iterator[tuple[str, str, bool, str]]:
    if event_type.id:
        yield event_type.id, "id", True, "identifier"
    if event_type.timestamp:
        yield event_type.timestamp, "time", True, "time of the event"
    for entity in event_type.entities:
        yield entity.column, "key", entity.name == event_type.card, f"entity {entity.name}"
    if event_type.amount:
        yield event_type.amount, "amount", True, "amount"
    for variable in event_type.variables:
        yield variable.column, variable.type, False, f"variable of type {variable.type}"
    for place in event_type.coordinates:
        yield place.latitude, "latitude", False, f"latitude of {place.name}, degrees"
        yield place.longitude, "longitude", False, f"longitude of {place.name}, degrees"
    for entity in event_type.entities:
        for column in entity.distinct:
            yield column, "key", False, f"counted for entity {entity.name}"
