"""What several fields of an event type say together: roles that contradict each other, names that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from fraud.event_types import model
from fraud.event_types.columns import conflicts
from fraud.event_types.model import EventType
from fraud.event_types.reader import RESERVED_PREFIX, Reader


def check_meaning(event_type: EventType, reader: Reader) -> None:
    """Note the faults of an event type whose fields are well-formed each by itself."""
    _check_label(event_type, reader)
    _check_time(event_type, reader)
    _check_names(event_type, reader)
    for entity in event_type.entities:
        if model.AMOUNT_AGGREGATES & set(entity.aggregates) and event_type.amount is None:
            reader.fault("amount", f"missing; aggregates of entity {entity.name} need it")
    leaks = {event_type.label, event_type.label_known_at, *event_type.drop}
    for role, column in _uses(event_type):
        if column in leaks:
            reader.fault(role, f"{column!r} is the label or a dropped column: it cannot be used")
        if column.startswith(RESERVED_PREFIX):
            reader.fault(role, f"{column!r}: names starting with '{RESERVED_PREFIX}' are reserved; rename the column")
    for column, wanted in conflicts(event_type):
        reader.fault("variables", f"{column!r} cannot be {wanted}; use it as one, or copy the column")
    sources = (
        event_type.amount,
        event_type.variables,
        event_type.calendar,
        event_type.distances,
        any(entity.windows for entity in event_type.entities),
    )
    if not any(sources):
        reader.fault("variables", "nothing to learn from: declare an amount, variables or entities with windows")
    if not reader.faults:
        _check_features(event_type, reader)


def _check_label(event_type: EventType, reader: Reader) -> None:
    fraud, genuine = event_type.label_fraud, event_type.label_genuine
    if bool(fraud) != bool(genuine):
        missing = "genuine" if fraud else "fraud"
        reader.fault(f"label.{missing}", "missing; state the values of both classes, or of none (1 and 0)")
    both = sorted(set(fraud) & set(genuine))
    if both:
        reader.fault("label.genuine", f"{', '.join(both)} cannot mean fraud as well")


def _check_time(event_type: EventType, reader: Reader) -> None:
    if event_type.timestamp is None:
        needs = {"entities": event_type.entities, "calendar": event_type.calendar, "arrival": event_type.arrival}
        needs["label.known_at"] = event_type.label_known_at
        needs["variables of type date"] = [item for item in event_type.variables if item.type == "date"]
        for key, value in needs.items():
            if value:
                reader.fault("timestamp", f"missing; {key} need the event's time")
        if event_type.split.method == "time":
            reader.fault("split.method", "'time' needs a timestamp; use 'random' for data without one")


def _check_names(event_type: EventType, reader: Reader) -> None:
    entities = [entity.name for entity in event_type.entities]
    if event_type.card is not None and event_type.card not in entities:
        reader.fault("card", f"{event_type.card!r} is not an entity; declared: {', '.join(entities) or 'none'}")
    places = [place.name for place in event_type.coordinates]
    declared = f"is not among coordinates; declared: {', '.join(places) or 'none'}"
    for name in (name for pair in event_type.distances for name in pair):
        if name not in places:
            reader.fault("distances", f"{name!r} {declared}")
    for entity in event_type.entities:
        for name in entity.places:
            if name not in places:
                reader.fault(f"entities.{entity.name}.places", f"{name!r} {declared}")


def _check_features(event_type: EventType, reader: Reader) -> None:
    # Here, because the catalogue itself reads event types.
    from fraud.features.catalogue import features_of
    from fraud.features.schema import SchemaError

    try:
        names = [feature.name for feature in features_of(event_type)]
    except SchemaError as error:
        reader.fault("variables", f"a feature cannot have that name: {error}; rename the column")
        return
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.fault("variables", f"two features would be called {name!r}; rename a column, place or entity")


def _uses(event_type: EventType) -> Iterator[tuple[str, str]]:
    """Yield the columns that features are made of, with the field that names them."""
    for key in ("id", "timestamp", "amount"):
        if getattr(event_type, key):
            yield key, getattr(event_type, key)
    for entity in event_type.entities:
        yield f"entities.{entity.name}.column", entity.column
        for column in entity.distinct:
            yield f"entities.{entity.name}.distinct", column
    for variable in event_type.variables:
        yield f"variables.{variable.column}", variable.column
    for place in event_type.coordinates:
        yield f"coordinates.{place.name}.latitude", place.latitude
        yield f"coordinates.{place.name}.longitude", place.longitude
