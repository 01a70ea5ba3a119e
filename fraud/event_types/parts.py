"""The parts of an event type that are lists of things: entities, variables, coordinates, the split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fraud.event_types import model
from fraud.event_types.model import Entity, Place, RandomSplit, TimeSplit, Variable, Window
from fraud.event_types.reader import RESERVED_PREFIX, Reader, kind

# One-word names: they become parts of feature names, of table attributes and of names in rules.
_PART_NAME = re.compile(r"^[a-z][a-z0-9_]{0,30}$")
_WINDOW = re.compile(r"^([1-9][0-9]{0,4})([mhd])$")
_MOST_DAYS = 3660
_MOST_SECONDS = 400 * 86_400


def entities(reader: Reader) -> tuple[Entity, ...]:
    """Read `entities`; `distinct` may name other entities, whose columns are returned in place of them."""
    outer = reader.inner("entities")
    bodies = outer.body.items()
    columns = {
        name: body["column"] for name, body in bodies if isinstance(body, dict) and isinstance(body.get("column"), str)
    }
    found = []
    for name in outer.body:
        if not isinstance(name, str) or not _PART_NAME.match(name):
            outer.fault(str(name), "an entity's name is lower-case letters, digits and '_'")
            continue
        found.append(_entity(name, outer.inner(name), columns))
    return tuple(found)


def _entity(name: str, inner: Reader, columns: dict[str, Any]) -> Entity:
    allowed = ("column", "windows", "aggregates", "recencies", "derive", "distinct", "places", "card_number")
    inner.refuse_others(allowed)
    distinct = tuple(dict.fromkeys(columns.get(item, item) for item in inner.texts("distinct")))
    entity = Entity(
        name=name,
        column=inner.text("column") or "",
        windows=_windows(inner),
        aggregates=inner.choices("aggregates", model.AGGREGATES),
        recencies=inner.choices("recencies", model.RECENCIES),
        derive=inner.choice("derive", model.DERIVATIONS, None),
        distinct=distinct,
        places=inner.texts("places"),
        card_number=inner.flag("card_number"),
    )
    if (entity.aggregates or entity.recencies or entity.distinct or entity.places) and not entity.windows:
        asked = "aggregates, recencies, distinct and places need at least one"
        inner.fault("windows", f"missing; {asked}, for example [1d, 7d]")
    return entity


def _windows(reader: Reader) -> tuple[Window, ...]:
    windows = []
    for text in reader.texts("windows"):
        match = _WINDOW.match(text)
        if not match:
            reader.fault("windows", f"{text!r} is not a number followed by m, h or d, for example 7d")
            continue
        seconds = int(match[1]) * model.WINDOW_UNITS[match[2]]
        if seconds > _MOST_SECONDS:
            reader.fault("windows", f"{text!r} is longer than {_MOST_SECONDS // 86_400}d")
        if any(window.seconds == seconds for window in windows):
            reader.fault("windows", f"{text!r} is as long as another window")
        windows.append(Window(text, seconds))
    return tuple(windows)


def variables(reader: Reader) -> tuple[Variable, ...]:
    """Read `variables`: by column a type, or a mapping with `type`, `values` and `encoding`."""
    outer = reader.inner("variables")
    found = []
    for column, value in outer.body.items():
        if not isinstance(column, str) or not column or column.startswith(RESERVED_PREFIX):
            outer.fault(str(column), f"a column's name is a text that does not start with '{RESERVED_PREFIX}'")
            continue
        inner = outer.inner(column, {"type": value} if isinstance(value, str) else value)
        inner.refuse_others({"type", "values", "encoding"})
        variable = Variable(
            column,
            inner.choice("type", model.VARIABLE_TYPES, "number"),
            inner.values("values"),
            inner.choice("encoding", model.ENCODINGS, "ordinal"),
        )
        if (variable.type == "category") != bool(variable.values):
            inner.fault("values", "a list is needed for a category, and for nothing else")
        if variable.type != "category" and "encoding" in inner.body:
            inner.fault("encoding", "for a category only")
        found.append(variable)
    return tuple(found)


def coordinates(reader: Reader) -> tuple[Place, ...]:
    """Read `coordinates`: by name the columns of latitude and longitude."""
    outer = reader.inner("coordinates")
    found = []
    for name in outer.body:
        if not isinstance(name, str) or not _PART_NAME.match(name):
            outer.fault(str(name), "a place's name is lower-case letters, digits and '_'")
            continue
        inner = outer.inner(name)
        inner.refuse_others({"latitude", "longitude"})
        found.append(Place(name, inner.text("latitude") or "", inner.text("longitude") or ""))
    return tuple(found)


def distances(reader: Reader) -> tuple[tuple[str, str], ...]:
    """Read `distances`: pairs of names of places."""
    value = reader.body.get("distances") or []
    pairs = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    found = []
    for pair in pairs:
        is_list = isinstance(pair, Sequence) and not isinstance(pair, str)
        if not is_list or len(pair) != 2 or not all(isinstance(name, str) for name in pair) or pair[0] == pair[1]:
            reader.fault("distances", f"a list of pairs of places such as [[home, shop]] is expected, not {kind(pair)}")
            continue
        found.append((pair[0], pair[1]))
    return tuple(found)


def split(reader: Reader) -> TimeSplit | RandomSplit:
    """Read `split`."""
    inner = reader.inner("split")
    method = inner.choice("method", ("time", "random"), "time")
    if method == "random":
        inner.refuse_others(RandomSplit.__dataclass_fields__)
        shares = {key: inner.share(key, getattr(RandomSplit, key)) for key in ("train", "validation", "test")}
        if min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-9:
            inner.fault("train", "train, validation and test are shares above 0 that sum to 1")
        return RandomSplit(**shares, seed=inner.integer("seed", 0, 0, 2**32 - 1))
    inner.refuse_others(TimeSplit.__dataclass_fields__)
    names = ("train_days", "validation_days", "test_days")
    days = {key: inner.integer(key, None, 1, _MOST_DAYS) for key in names}
    return TimeSplit(**days, known_fraud_days=inner.integer("known_fraud_days", 7, 1, _MOST_DAYS))
