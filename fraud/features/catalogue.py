"""The list of features that an event type asks for: their names, types and meaning, in a stable order."""

from __future__ import annotations

from fraud.event_types.model import EventType
from fraud.event_types.parsing import to_mapping
from fraud.features.schema import Feature, FeatureSchema

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
    "risk": "Share of frauds in the {entity}'s events of the {window} that end {delay} days ago; 0 without any",
}
_RECENCIES = {
    "since_last": "Seconds since the {entity}'s event before, at most {longest}",
    "since_known_fraud": "Seconds since the {entity}'s latest known fraud, at most {longest} and the label delay",
    "since_first_known_fraud": "Seconds since the earliest known fraud of the {entity} in the {longest} that end "
    "{delay} days ago; {longest} and the label delay without any",
    "last_known_label": "1 if the {entity}'s latest event with a known label was fraud, looking back {longest} "
    "from {delay} days ago",
}
_INTEGERS = frozenset({"count", "known_count", "last_known_label"})


def features_of(event_type: EventType) -> tuple[Feature, ...]:
    """Return the features in the order of the model's input."""
    features = []
    if event_type.amount:
        features.append(Feature(event_type.amount, "float", "Amount of the event"))
    for variable in event_type.variables:
        if variable.column == event_type.amount:
            continue
        if variable.type == "number":
            features.append(Feature(variable.column, "float", "As given"))
        else:
            listed = ", ".join(f"{position} {value}" for position, value in enumerate(variable.values))
            features.append(Feature(variable.column, "int", f"Category: {listed}; -1 any other"))
    features += [Feature(name, "int", _CALENDAR[name]) for name in event_type.calendar]
    for entity in event_type.entities:
        if not entity.windows:
            continue
        longest = max(entity.windows, key=lambda window: window.seconds)
        words = {"entity": entity.name, "delay": event_type.label_delay_days, "longest": longest.text}
        for aggregate in entity.aggregates:
            for window in entity.windows:
                text = _AGGREGATES[aggregate].format(window=window.text, **words)
                name = f"{entity.name}_{aggregate}_{window.text}"
                features.append(Feature(name, _type(aggregate), text))
        for recency in entity.recencies:
            text = _RECENCIES[recency].format(**words)
            features.append(Feature(f"{entity.name}_{recency}", _type(recency), text))
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


def _type(measure: str) -> str:
    return "int" if measure in _INTEGERS else "float"
