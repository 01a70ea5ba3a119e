"""What a condition may refer to: an event's columns, its features, score and lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from fraud.event_types.columns import payload_columns
from fraud.event_types.model import EventType
from fraud.features.catalogue import features_of

SCORE_NAMES = ("score", "probability")
LISTS = "lists"
_RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)


@dataclass(frozen=True)
class Variable:
    """A name in conditions: its type ("number", "text" or "boolean") and where its value comes from.

    `source` is "column", "feature" or "score"; `key` the column's name or the feature's position.
    """

    name: str
    type: str
    source: str
    key: str | int


@lru_cache(16)
def variables_of(event_type: EventType) -> dict[str, Variable]:
    """Return the variables of an event type by name.

    All numbers, the score and counts too, are CEL doubles. A name that is no identifier has '_' in place of the
    characters that are not allowed; a feature of a column's name is that column, unless it is an encoding.
    """
    numbers = {event_type.amount} | {v.column for v in event_type.variables if v.type == "number"}
    numbers |= {column for place in event_type.coordinates for column in (place.latitude, place.longitude)}
    booleans = {v.column for v in event_type.variables if v.type == "boolean"}
    found: dict[str, Variable] = {}
    for column in payload_columns(event_type):
        if column != event_type.timestamp:
            kind = "number" if column in numbers else "boolean" if column in booleans else "text"
            _add(found, Variable(_identifier(column), kind, "column", column))
    for position, feature in enumerate(features_of(event_type)):
        _add(found, Variable(_identifier(feature.name), "number", "feature", position))
    for name in SCORE_NAMES:
        found[name] = Variable(name, "number", "score", name)
    return found


def _add(found: dict[str, Variable], variable: Variable) -> None:
    found.setdefault(variable.name, variable)


def _identifier(name: str) -> str:
    text = re.sub(r"[^A-Za-z0-9_]", "_", name)
    text = f"_{text}" if text[0].isdigit() else text
    return f"{text}_" if text in _RESERVED or text in (*SCORE_NAMES, LISTS) else text
