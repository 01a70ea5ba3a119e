"""From the YAML or JSON form of an event type to its model and back, with errors that name the field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fraud.event_types import model
from fraud.event_types.model import Entity, EventType, RandomSplit, TimeSplit, Variable, Window

_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,62}$")
_ENTITY_NAME = re.compile(r"^[a-z][a-z0-9_]{0,30}$")
_WINDOW = re.compile(r"^([1-9][0-9]{0,4})([mhd])$")


class EventTypeError(ValueError):
    """An event type is malformed; the message names the field, what was found and what is allowed."""


def parse(body: Any) -> EventType:
    """Return the event type described by a mapping (as read from YAML or JSON).

    Raises EventTypeError listing every fault found, each with its field.
    """
    if not isinstance(body, Mapping):
        raise EventTypeError(f"event type: a mapping of fields is expected, not {_kind(body)}")
    reader = _Reader(body, "")
    timestamp = _columned(reader, "timestamp", {"format"})
    label = _columned(reader, "label", {"delay_days"})
    known = {
        "name": reader.text("name", pattern=_NAME, allowed="lower-case letters, digits, '-' and '_'"),
        "description": reader.text("description", required=False) or "",
        "id": reader.text("id", required=False),
        "timestamp": timestamp.text("column", required=False),
        "timestamp_format": timestamp.choice("format", model.TIMESTAMP_FORMATS, "iso"),
        "amount": reader.text("amount", required=False),
        "label": label.text("column"),
        "label_delay_days": label.integer("delay_days", 0, minimum=0),
        "card": reader.text("card", required=False),
        "entities": tuple(_entities(reader)),
        "variables": tuple(_variables(reader)),
        "calendar": reader.choices("calendar", model.CALENDAR),
        "drop": reader.texts("drop"),
        "max_rejected_share": reader.share("max_rejected_share", 0.0),
        "split": _split(reader),
    }
    reader.refuse_others(known.keys() - {"timestamp_format", "label_delay_days"})
    if not reader.faults:
        _check_meaning(known, reader)
    if reader.faults:
        raise EventTypeError("\n".join(reader.faults))
    return EventType(**known)


def to_mapping(event_type: EventType) -> dict[str, Any]:
    """Return the JSON form, which `parse` reads back to an equal event type."""
    split = {key: value for key, value in vars(event_type.split).items() if value is not None}
    return {
        "name": event_type.name,
        "description": event_type.description or None,
        "id": event_type.id,
        "timestamp": event_type.timestamp and {"column": event_type.timestamp, "format": event_type.timestamp_format},
        "amount": event_type.amount,
        "label": {"column": event_type.label, "delay_days": event_type.label_delay_days},
        "card": event_type.card,
        "entities": {
            entity.name: {
                "column": entity.column,
                "windows": [window.text for window in entity.windows],
                "aggregates": list(entity.aggregates),
                "recencies": list(entity.recencies),
            }
            for entity in event_type.entities
        },
        "variables": {
            variable.column: variable.type
            if variable.type == "number"
            else {"type": variable.type, "values": list(variable.values)}
            for variable in event_type.variables
        },
        "calendar": list(event_type.calendar),
        "drop": list(event_type.drop),
        "max_rejected_share": event_type.max_rejected_share,
        "split": split,
    }


class _Reader:
    """Typed access to a mapping's fields that collects faults instead of stopping at the first."""

    def __init__(self, body: Mapping[str, Any], path: str, faults: list[str] | None = None) -> None:
        self.body, self.path = body, path
        self.faults: list[str] = [] if faults is None else faults

    def fault(self, key: str, message: str) -> None:
        self.faults.append(f"{self.path}{key}: {message}")

    def inner(self, key: str, value: Any = None) -> _Reader:
        body = self.body.get(key) if value is None else value
        if body is not None and not isinstance(body, Mapping):
            self.fault(key, f"a mapping of fields is expected, not {_kind(body)}")
            body = None
        return _Reader(body or {}, f"{self.path}{key}.", self.faults)

    def refuse_others(self, allowed: Any) -> None:
        for key in self.body:
            if key not in allowed:
                self.fault(str(key), f"unknown field; allowed are {', '.join(sorted(allowed))}")

    def text(self, key: str, required: bool = True, pattern: re.Pattern | None = None, allowed: str = "") -> str | None:
        value = self.body.get(key)
        if value is None:
            if required:
                self.fault(key, "missing; a text is needed")
            return None
        if not isinstance(value, str) or not value.strip():
            self.fault(key, f"{value!r} is not a text (quote it in YAML)")
            return None
        if pattern and not pattern.match(value):
            self.fault(key, f"{value!r} is not allowed; use {allowed}")
        if value.startswith("__"):
            self.fault(key, f"{value!r}: names starting with '__' are reserved; rename the column")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.body.get(key)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str):
            self.fault(key, f"a list is expected, not {_kind(value)}")
            return ()
        if not all(isinstance(item, str) for item in value):
            self.fault(key, f"a list of texts is expected, not {list(value)!r} (quote the values in YAML)")
            return ()
        if len(set(value)) < len(value):
            self.fault(key, f"each value once: {list(value)!r}")
        return tuple(value)

    def choice(self, key: str, allowed: Sequence[str], default: str) -> str:
        value = self.body.get(key, default)
        if value not in allowed:
            self.fault(key, f"{value!r} is not one of {', '.join(allowed)}")
        return value

    def choices(self, key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        values = self.texts(key)
        wrong = [value for value in values if value not in allowed]
        if wrong:
            self.fault(key, f"{', '.join(wrong)} not among {', '.join(allowed)}")
        return values

    def integer(self, key: str, default: int | None, minimum: int) -> int | None:
        value = self.body.get(key, default)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            self.fault(key, f"{value!r} is not an integer of at least {minimum}")
            return default
        return value

    def share(self, key: str, default: float) -> float:
        value = self.body.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.fault(key, f"{value!r} is not a number between 0 and 1")
            return default
        return float(value)


def _columned(reader: _Reader, key: str, options: set[str]) -> _Reader:
    """Read a field given either as a column's name or as a mapping with `column` and options."""
    value = reader.body.get(key)
    inner = reader.inner(key, {"column": value}) if isinstance(value, str) else reader.inner(key)
    inner.refuse_others({"column", *options})
    return inner


def _entities(reader: _Reader) -> list[Entity]:
    outer = reader.inner("entities")
    entities = []
    for name in outer.body:
        if not isinstance(name, str) or not _ENTITY_NAME.match(name):
            outer.fault(str(name), "an entity's name is lower-case letters, digits and '_'")
            continue
        inner = outer.inner(name)
        inner.refuse_others({"column", "windows", "aggregates", "recencies"})
        entity = Entity(
            name,
            inner.text("column") or "",
            tuple(_windows(inner)),
            inner.choices("aggregates", model.AGGREGATES),
            inner.choices("recencies", model.RECENCIES),
        )
        if (entity.aggregates or entity.recencies) and not entity.windows:
            inner.fault("windows", "missing; aggregates and recencies need at least one, for example [1d, 7d]")
        entities.append(entity)
    return entities


def _windows(reader: _Reader) -> list[Window]:
    windows = []
    for text in reader.texts("windows"):
        match = _WINDOW.match(text)
        if match:
            windows.append(Window(text, int(match[1]) * model.WINDOW_UNITS[match[2]]))
        else:
            reader.fault("windows", f"{text!r} is not a number followed by m, h or d, for example 7d")
    return windows


def _variables(reader: _Reader) -> list[Variable]:
    outer = reader.inner("variables")
    variables = []
    for column, value in outer.body.items():
        if not isinstance(column, str) or not column or column.startswith("__"):
            outer.fault(str(column), "a column's name is a text that does not start with '__'")
            continue
        inner = outer.inner(column, {"type": value} if isinstance(value, str) else value)
        inner.refuse_others({"type", "values"})
        kind, values = inner.choice("type", model.VARIABLE_TYPES, "number"), inner.texts("values")
        if (kind == "category") != bool(values):
            inner.fault("values", "a list is needed for a category, and for nothing else")
        variables.append(Variable(column, kind, values))
    return variables


def _split(reader: _Reader) -> TimeSplit | RandomSplit:
    inner = reader.inner("split")
    method = inner.choice("method", ("time", "random"), "time")
    if method == "random":
        inner.refuse_others(RandomSplit.__dataclass_fields__)
        shares = {key: inner.share(key, getattr(RandomSplit, key)) for key in ("train", "validation", "test")}
        if min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-9:
            inner.fault("train", "train, validation and test are shares above 0 that sum to 1")
        return RandomSplit(**shares, seed=inner.integer("seed", 0, minimum=0))
    inner.refuse_others(TimeSplit.__dataclass_fields__)
    days = {key: inner.integer(key, None, minimum=1) for key in ("train_days", "validation_days", "test_days")}
    return TimeSplit(**days, known_fraud_days=inner.integer("known_fraud_days", 7, minimum=1))


def _check_meaning(known: dict[str, Any], reader: _Reader) -> None:
    """Check what several fields say together."""
    entities, names = known["entities"], [entity.name for entity in known["entities"]]
    if known["card"] is not None and known["card"] not in names:
        reader.fault("card", f"{known['card']!r} is not an entity; declared: {', '.join(names) or 'none'}")
    needs_time = {"entities": entities, "calendar": known["calendar"]}
    for key, value in needs_time.items():
        if value and known["timestamp"] is None:
            reader.fault("timestamp", f"missing; {key} need the event's time")
    if known["split"].method == "time" and known["timestamp"] is None:
        reader.fault("split.method", "'time' needs a timestamp; use 'random' for data without one")
    for entity in entities:
        if model.AMOUNT_AGGREGATES & set(entity.aggregates) and known["amount"] is None:
            reader.fault("amount", f"missing; aggregates of entity {entity.name} need it")
    leaks = {known["label"], *known["drop"]}
    for role, column in _roles(known):
        if column in leaks:
            reader.fault(role, f"{column!r} is the label or a dropped column: it cannot be used")
    if not (known["amount"] or known["variables"] or known["calendar"] or any(e.windows for e in entities)):
        reader.fault("variables", "nothing to learn from: declare an amount, variables or entities with windows")


def _roles(known: dict[str, Any]) -> list[tuple[str, str]]:
    roles = [(key, known[key]) for key in ("id", "timestamp", "amount") if known[key]]
    roles += [(f"entities.{entity.name}.column", entity.column) for entity in known["entities"]]
    return roles + [(f"variables.{variable.column}", variable.column) for variable in known["variables"]]


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"
