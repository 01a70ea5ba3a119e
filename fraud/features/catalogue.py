"""The list of features that an event type asks for: their names, types and meaning, in a stable order."""

from __future__ import annotations

from collections.abc import Iterator

from fraud.event_types.mapping import to_mapping
from fraud.event_types.model import Entity, EventType, Variable
from fraud.features.schema import Feature, FeatureSchema
from fraud.features.values import VALUE_FEATURES

_CALENDAR = {
    "is_weekend": "1 on Saturdays and Sundays (UTC)",
    "is_night": "1 from 00:00 to 06:59 (UTC)",
    "hour": "Hour of the day, 0 to 23 (UTC)",
}
_AGGREGATES = {
    "count": "Events of the {entity} in the last {window}, this one included",
    "sum": "Sum of the {entity}'s amounts in the last {window}, this one included",
    "mean": "Mean of the {entity}'s amounts in the last {window}, this one included",
    "max": "Largest of the {entity}'s amounts in the last {window}, this one included",
    "ratio": "This amount over the mean of the {entity}'s earlier amounts in the last {window}; 1 without any",
    "known_count": "Events of the {entity} with a known label, in the {window} that end {delay} days ago",
    "risk": "Share of frauds in the {entity}'s events that became known in the last {window}; 0 without any",
}
_RECENCIES = {
    "since_last": "Seconds since the {entity}'s event before, at most {longest}",
    "since_known_fraud": "Seconds since the {entity}'s latest fraud that became known in the last {longest}; "
    "{longest} and the label delay without any",
    "since_first_known_fraud": "Seconds since the {entity}'s earliest fraud that became known in the last {longest}; "
    "{longest} and the label delay without any",
    "last_known_label": "1 if the {entity}'s latest event with a known label, in the last {longest}, was fraud",
}
_INTEGERS = frozenset({"count", "known_count", "last_known_label"})


def features_of(event_type: EventType) -> tuple[Feature, ...]:
    """Return the features in the order of the model's input."""
    features = []
    if event_type.amount:
        features.append(Feature(event_type.amount, "float", "Amount of the event"))
    for variable in event_type.variables:
        if variable.column != event_type.amount:
            features += _of_variable(variable)
    features += [Feature(name, "int", _CALENDAR[name]) for name in event_type.calendar]
    for one, other in event_type.distances:
        text = f"Kilometres between {one} and {other}; missing where a coordinate is"
        features.append(Feature(f"distance_{one}_{other}", "float", text))
    for entity in event_type.entities:
        features += features_of_entity(entity, event_type)
    return tuple(features)


def schema_of(event_type: EventType) -> FeatureSchema:
    """Return the feature schema that training data of this event type follows."""
    return FeatureSchema(
        event_type=to_mapping(event_type),
        features=features_of(event_type),
        label=event_type.label,
        id=event_type.id,
        timestamp=event_type.timestamp,
        entity_for_cards=event_type.card_column,
        amount=event_type.amount,
    )


def onehot_name(column: str, value: str) -> str:
    """Return the name of the feature that says whether `column` holds `value`."""
    return f"{column}_is_{value}"


def _of_variable(variable: Variable) -> Iterator[Feature]:
    column = variable.column
    if variable.type == "number":
        yield Feature(column, "float", "As given")
    elif variable.type == "boolean":
        yield Feature(column, "int", "1 for true, 0 for false, -1 where it is missing")
    elif variable.type == "category" and variable.encoding == "onehot":
        for value in variable.values:
            yield Feature(onehot_name(column, value), "int", f"1 where {column} is {value}")
    elif variable.type == "category":
        listed = ", ".join(f"{position} {value}" for position, value in enumerate(variable.values))
        yield Feature(column, "int", f"Category: {listed}; -1 any other")
    else:
        for suffix, kind, text in VALUE_FEATURES[variable.type]:
            yield Feature(f"{column}_{suffix}", kind, text)


def features_of_entity(entity: Entity, event_type: EventType) -> Iterator[Feature]:
    """Yield the features of one entity."""
    if not entity.windows:
        return
    name = entity.name
    longest = max(entity.windows, key=lambda window: window.seconds)
    words = {"entity": name, "delay": event_type.label_delay_days, "longest": longest.text}
    for aggregate in entity.aggregates:
        for window in entity.windows:
            text = _AGGREGATES[aggregate].format(window=window.text, **words)
            yield Feature(f"{name}_{aggregate}_{window.text}", _type(aggregate), text)
    for column in entity.distinct:
        for window in entity.windows:
            text = f"Different {column} of the {name} in the last {window.text}, this one included"
            yield Feature(f"{name}_distinct_{column}_{window.text}", "float", text)
    for recency in entity.recencies:
        yield Feature(f"{name}_{recency}", _type(recency), _RECENCIES[recency].format(**words))
    for place in entity.places:
        before = f"the {name}'s event before; -1 without one in {longest.text}"
        yield Feature(f"{name}_distance_{place}", "float", f"Kilometres of {place} from that of {before}")
        yield Feature(f"{name}_speed_{place}", "float", f"Kilometres an hour of {place} since {before}")


def _type(measure: str) -> str:
    return "int" if measure in _INTEGERS else "float"
