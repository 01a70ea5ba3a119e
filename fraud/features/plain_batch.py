"""Features of events by themselves, for the batch engine: amount, variables, calendar and distances."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from fraud.event_types.model import EventType, Variable
from fraud.features.catalogue import onehot_name
from fraud.features.geodesy import distance_km
from fraud.features.keys import map_unique
from fraud.features.values import TEXTS, VALUE_FEATURES, epoch_day

_DAY = 86_400_000_000


def plain_columns(events: pl.DataFrame, event_type: EventType) -> Iterator[tuple[str, pl.Series]]:
    """Yield name and values of the features that need no history."""
    if event_type.amount:
        yield event_type.amount, events[event_type.amount]
    for variable in event_type.variables:
        if variable.column != event_type.amount:
            yield from _of_variable(events, variable, event_type.timestamp)
    if event_type.calendar:
        time = events[event_type.timestamp].dt
        calendar = {
            "is_weekend": lambda: time.weekday() >= 6,
            "is_night": lambda: time.hour() <= 6,
            "hour": time.hour,
        }
        for name in event_type.calendar:
            yield name, calendar[name]()
    if event_type.distances:
        there = {place.name: (place.latitude, place.longitude) for place in event_type.coordinates}
        for one, other in event_type.distances:
            columns = [_floats(events[column]) for column in (*there[one], *there[other])]
            yield f"distance_{one}_{other}", pl.Series(distance_km(*columns, root=np.sqrt))


def _of_variable(events: pl.DataFrame, variable: Variable, timestamp: str | None) -> Iterator[tuple[str, pl.Series]]:
    name, column = variable.column, events[variable.column]
    if variable.type == "number":
        yield name, column
    elif variable.type == "boolean":
        yield name, column.cast(pl.Int32).fill_null(-1)
    elif variable.type == "category":
        texts = column.cast(pl.String)
        if variable.encoding == "onehot":
            for value in variable.values:
                yield onehot_name(name, value), (texts == value).fill_null(False)
        else:
            order = {value: position for position, value in enumerate(variable.values)}
            yield name, texts.replace_strict(order, default=-1, return_dtype=pl.Int32)
    elif variable.type == "date":
        days = _floats(map_unique(column.cast(pl.String), epoch_day, pl.Float64))
        instants = events[timestamp].cast(pl.Datetime("us")).to_physical().to_numpy()
        yield f"{name}_days", pl.Series((instants // _DAY).astype(np.float64) - days)
    else:
        function = TEXTS[variable.type]
        for position, (suffix, _, _) in enumerate(VALUE_FEATURES[variable.type]):
            texts = column.cast(pl.String)
            missing = float(function(None)[position])
            values = map_unique(texts, lambda text, at=position: float(function(text)[at]), pl.Float64)
            yield f"{name}_{suffix}", values.fill_null(missing)


def _floats(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
