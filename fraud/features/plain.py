"""Features of an event by itself, for the online engine: amount, variables, calendar and distances."""

from __future__ import annotations

from typing import Any

from fraud.event_types.event import Event
from fraud.event_types.model import EventType, Variable
from fraud.features.geodesy import distance_km
from fraud.features.thresholds import MICROSECONDS
from fraud.features.values import TEXTS, epoch_day

DAY = 86_400 * MICROSECONDS
_HOUR = 3600 * MICROSECONDS
_NAN = float("nan")
_THURSDAY = 3


def plain_features(event: Event, event_type: EventType) -> list[float]:
    """Return the features that need no history, in the catalogue's order."""
    values = event.values
    features = [_number(values.get(event_type.amount))] if event_type.amount else []
    for variable in event_type.variables:
        if variable.column != event_type.amount:
            features += _of_variable(variable, values.get(variable.column), event.instant)
    features += [_CALENDAR[name](event.instant) for name in event_type.calendar]
    if event_type.distances:
        there = {place.name: place_of(values, place) for place in event_type.coordinates}
        features += [distance_km(*there[one], *there[other]) for one, other in event_type.distances]
    return features


def place_of(values: Any, place: Any) -> tuple[float, float]:
    """Return latitude and longitude of an event; NaN where one is missing."""
    return _number(values.get(place.latitude)), _number(values.get(place.longitude))


def _of_variable(variable: Variable, value: Any, instant: int) -> tuple[float, ...]:
    if variable.type == "number":
        return (_number(value),)
    if variable.type == "boolean":
        return (-1 if value is None else int(value),)
    if variable.type == "date":
        return (float(instant // DAY) - epoch_day(value),)
    if variable.type != "category":
        return TEXTS[variable.type](value)
    if variable.encoding == "onehot":
        return tuple(int(value == listed) for listed in variable.values)
    return (variable.values.index(value) if value in variable.values else -1,)


def _number(value: float | None) -> float:
    return _NAN if value is None else float(value)


def _hour(instant: int) -> int:
    return instant % DAY // _HOUR


_CALENDAR = {
    "is_weekend": lambda instant: int((instant // DAY + _THURSDAY) % 7 >= 5),
    "is_night": lambda instant: int(_hour(instant) <= 6),
    "hour": _hour,
}
