"""The JSON Schema of event type files: what editors complete, explain and check while a file is written.

The parser (`fraud.event_types.parsing`) decides; the schema repeats of its rules what JSON Schema can say. The tests
hold both together: the same keys at every level, and nothing that the parser takes is refused here.
"""

from __future__ import annotations

from typing import Any

from fraud.event_types import model
from fraud.event_types.model import RandomSplit, TimeSplit

Schema = dict[str, Any]
_COLUMN = {"type": "string", "pattern": r"^(?!__).*\S"}
_TEXTS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_VALUES = {"type": "array", "items": {"type": ["string", "integer", "boolean"]}, "uniqueItems": True}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_DAYS = {"type": "integer", "minimum": 1, "maximum": 3660}
_PART_NAME = r"^[a-z][a-z0-9_]{0,30}$"
# At most 400 days, in each unit.
_WINDOW = r"^([1-9][0-9]{0,4}m|([1-9][0-9]{0,2}|[1-8][0-9]{3}|9[0-5][0-9]{2}|9600)h|([1-9][0-9]?|[1-3][0-9]{2}|400)d)$"

AGGREGATE_MEANINGS = {
    "count": "how many events, this one included",
    "sum": "sum of amounts, this one's included",
    "mean": "mean amount, this one's included",
    "max": "largest amount, this one's included",
    "ratio": "this amount over the mean of the entity's earlier amounts",
    "known_count": "how many events whose label is known",
    "risk": "share of frauds among the events whose label is known",
}
RECENCY_MEANINGS = {
    "since_last": "seconds since the event before",
    "since_known_fraud": "seconds since the latest known fraud",
    "since_first_known_fraud": "seconds since the earliest known fraud",
    "last_known_label": "1 if the latest event with a known label was fraud",
}
TYPE_MEANINGS = {
    "number": "a quantity, used as it is; may be missing",
    "boolean": "true or false (in files also yes/no, y/n, t/f, 1/0)",
    "category": "one of the values listed; others count alike",
    "text": "a free text: its length and share of digits",
    "email": "an e-mail address: its local part and whether the provider is free",
    "ip": "an IPv4 or IPv6 address: its version, first byte, and whether it is private",
    "date": "a calendar date such as 1999-12-31: the days from it to the event",
}
DERIVATION_MEANINGS = {
    "ip_prefix16": "the network of an address: /16 of IPv4, /32 of IPv6",
    "ip_prefix24": "the network of an address: /24 of IPv4, /48 of IPv6",
    "email_domain": "the domain of an e-mail address, in lower case",
    "lower": "the value in lower case, without blanks around it",
}
CALENDAR_MEANINGS = {
    "is_weekend": "1 on Saturdays and Sundays",
    "is_night": "1 from 00:00 to 06:59",
    "hour": "hour of the day, 0 to 23",
}


def build() -> Schema:
    """Return the JSON Schema (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event type",
        "description": "What the columns of a data set of events mean, and which features are made of them.",
        "type": "object",
        "properties": _properties(),
        "required": ["name", "label"],
        "additionalProperties": False,
        "anyOf": [{"required": [key]} for key in ("amount", "variables", "calendar", "distances", "entities")],
        "allOf": [_without_timestamp(), _amounts()],
    }


def _properties() -> dict[str, Schema]:
    return {
        "name": {
            "description": "Name of the event type: lower-case letters, digits, '-' and '_'.",
            "type": "string",
            "pattern": "^[a-z][a-z0-9_-]{0,62}$",
        },
        "description": {"description": "What an event is, in a few words.", "type": "string", "pattern": r"\S"},
        "id": _column("Column that identifies an event. A value that comes again is a repetition: the first counts."),
        "timestamp": _timestamp(),
        "arrival": _column(
            "Column of the time at which the event arrived, in the format of the timestamp. It decides what was known "
            "to whom; without it, events arrive in order of their timestamp."
        ),
        "amount": _column("Column of the amount at stake: a number of at least 0, in one currency, in each event."),
        "label": _label(),
        "windows": {
            "description": "How windows are counted: in whole buckets, so that an entity's profile stays within a few "
            "kilobytes whatever its traffic; or sliding, exact to the microsecond, with a profile that grows.",
            **_choice(model.WINDOW_MODES, "bucketed"),
        },
        "entities": {
            "description": "Who and what takes part in events (card, terminal, account), by a name of its own.",
            "type": "object",
            "propertyNames": {"pattern": _PART_NAME},
            "additionalProperties": _entity(),
        },
        "card": {
            "description": "The entity that investigators look at ('100 cards a day'); each event needs its value.",
            "type": "string",
            "pattern": _PART_NAME,
        },
        "variables": _variables(),
        "coordinates": {
            "description": "Places of an event, by a name of their own: columns in degrees (WGS 84).",
            "type": "object",
            "propertyNames": {"pattern": _PART_NAME},
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "latitude": _column("Column of the latitude, -90 to 90."),
                    "longitude": _column("Column of the longitude, -180 to 180."),
                },
                "required": ["latitude", "longitude"],
                "additionalProperties": False,
            },
        },
        "distances": {
            "description": "Pairs of places whose distance in kilometres is a feature, such as [[home, shop]].",
            "type": "array",
            "items": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 2,
                "maxItems": 2,
                "uniqueItems": True,
            },
        },
        "calendar": {
            "description": "Features of the event's own time (UTC): " + _listed(CALENDAR_MEANINGS),
            **_choices(model.CALENDAR),
        },
        "drop": {
            "description": "Columns that are known and never used, such as those that are derived from the label.",
            **_TEXTS,
        },
        "max_rejected_share": {
            "description": "Share of a file's rows that may be faulty and left out; above it the file is refused.",
            "default": 0,
            **_SHARE,
        },
        "split": _split(),
    }


def _timestamp() -> Schema:
    pattern = {
        "type": "string",
        "pattern": "^([^%]|%[YymdHIMSp])*$",
        "allOf": [{"pattern": part} for part in ("%[Yy]", "%m", "%d")],
    }
    options = {
        "column": _column("Column of the event's time."),
        "format": {
            "description": "ISO 8601 (times without a zone are UTC), a number of some unit since 1970, or a pattern "
            "such as '%d/%m/%Y %H:%M' (UTC) of %Y %y %m %d %H %I %M %S %p.",
            "default": "iso",
            "anyOf": [{"enum": list(model.TIMESTAMP_FORMATS)}, pattern],
        },
    }
    return _columned("Column of the event's time, or column and format. Entities need it.", options)


def _label() -> Schema:
    options = {
        "column": _column("Column that says whether the event was fraud."),
        "delay_days": {
            "description": "Days until an event's label is taken to be known: no feature uses it before.",
            "type": "integer",
            "minimum": 0,
            "maximum": 366,
            "default": 0,
        },
        "fraud": {
            "description": "Values that mean fraud, where the column does not hold 1 and 0 (or true and false).",
            **_VALUES,
        },
        "genuine": {"description": "Values that mean genuine; any other is a fault.", **_VALUES},
        "known_at": _column(
            "Column of the time at which the label arrived: it counts from then, if that is after the delay."
        ),
        "missing": {
            "description": "What becomes of an event without a label: a fault (reject), a genuine event, or history "
            "that no model is trained or tested on (ignore).",
            **_choice(model.MISSING_LABELS, "reject"),
        },
    }
    schema = _columned("Column that says whether the event was fraud, or column and options.", options)
    schema["anyOf"][1]["dependentRequired"] = {"fraud": ["genuine"], "genuine": ["fraud"]}
    return schema


def _entity() -> Schema:
    return {
        "type": "object",
        "properties": {
            "column": _column("Column whose value tells the entities apart."),
            "windows": {
                "description": "Spans of time that end with the event: a number with m, h or d, at most 400d.",
                "type": "array",
                "items": {"type": "string", "pattern": _WINDOW},
                "uniqueItems": True,
            },
            "aggregates": {
                "description": "For each window: " + _listed(AGGREGATE_MEANINGS),
                **_choices(model.AGGREGATES),
            },
            "recencies": {
                "description": "Within the longest window: " + _listed(RECENCY_MEANINGS),
                **_choices(model.RECENCIES),
            },
            "derive": {
                "description": "What the entity is recognised by, if not by the value itself: "
                + _listed(DERIVATION_MEANINGS),
                "enum": list(model.DERIVATIONS),
            },
            "distinct": {
                "description": "Columns, or other entities, whose different values are counted in each window.",
                **_TEXTS,
            },
            "places": {
                "description": "Coordinates whose distance and speed from the entity's event before are features.",
                **_TEXTS,
            },
            "card_number": {
                "description": "Whether values are card numbers: tokenise them before they leave your machine; the API "
                "refuses them.",
                "type": "boolean",
                "default": False,
            },
        },
        "required": ["column"],
        "additionalProperties": False,
        "dependentRequired": {key: ["windows"] for key in ("aggregates", "recencies", "distinct", "places")},
    }


def _variables() -> Schema:
    kind = {"description": "What the column holds: " + _listed(TYPE_MEANINGS)}
    others = [name for name in model.VARIABLE_TYPES if name != "category"]
    category = {"properties": {"type": {"const": "category"}}, "required": ["type"]}
    return {
        "description": "Columns that features are made of, by column: a type, or type and options.",
        "type": "object",
        "propertyNames": {"pattern": "^(?!__).+"},
        "additionalProperties": {
            "anyOf": [
                {**kind, "enum": others},
                {
                    "type": "object",
                    "properties": {
                        "type": {**kind, **_choice(model.VARIABLE_TYPES, "number")},
                        "values": {
                            "description": "Of a category: the values told apart. Their order is the feature's, so "
                            "write what is ordered (Minor, Major, Totaled) in that order.",
                            **_VALUES,
                        },
                        "encoding": {
                            "description": "Of a category: the position among the values, or a feature for each.",
                            **_choice(model.ENCODINGS, "ordinal"),
                        },
                    },
                    "additionalProperties": False,
                    "if": category,
                    "then": {"required": ["values"], "properties": {"values": {"minItems": 1}}},
                    "else": {"properties": {"values": {"maxItems": 0}, "encoding": False}},
                },
            ]
        },
    }


def _split() -> Schema:
    return {
        "description": "How events are divided into train, validation and test: one after the other in time with the "
        "label delay between them, or at random.",
        "type": "object",
        "properties": {
            "method": {
                "description": "'time' needs a timestamp; 'random' is for data without one, or with few frauds.",
                **_choice((TimeSplit.method, RandomSplit.method), TimeSplit.method),
            },
            **{
                f"{name}_days": {"description": f"Length of {name} in days; chosen for you if not stated.", **_DAYS}
                for name in ("train", "validation", "test")
            },
            "known_fraud_days": {
                "description": "A card with a fraud in so many days before the test is known as defrauded: "
                "investigators do not count it again.",
                "default": TimeSplit.known_fraud_days,
                **_DAYS,
            },
            **{
                name: {"description": f"Share of {name}; the three sum to 1.", "default": default, **_SHARE}
                for name, default in (("train", 0.6), ("validation", 0.2), ("test", 0.2))
            },
            "seed": {
                "description": "Seed of the split at random.",
                "type": "integer",
                "minimum": 0,
                "maximum": 2**32 - 1,
                "default": 0,
            },
        },
        "additionalProperties": False,
        "if": {"properties": {"method": {"const": RandomSplit.method}}, "required": ["method"]},
        "then": {"propertyNames": {"enum": list(RandomSplit.__dataclass_fields__)}},
        "else": {"propertyNames": {"enum": list(TimeSplit.__dataclass_fields__)}},
    }


def _without_timestamp() -> Schema:
    return {
        "if": {"not": {"required": ["timestamp"]}},
        "then": {
            "properties": {
                "entities": {"maxProperties": 0},
                "calendar": {"maxItems": 0},
                "arrival": False,
                "label": {"not": {"type": "object", "required": ["known_at"]}},
                "split": {"properties": {"method": {"const": RandomSplit.method}}, "required": ["method"]},
            },
            "required": ["split"],
        },
    }


def _amounts() -> Schema:
    """Aggregates of amounts need an amount."""
    wants = {"not": {"enum": sorted(model.AMOUNT_AGGREGATES)}}
    entity = {"properties": {"aggregates": {"items": wants}}}
    return {
        "if": {"not": {"required": ["amount"]}},
        "then": {"properties": {"entities": {"additionalProperties": entity}}},
    }


def _columned(description: str, options: dict[str, Schema]) -> Schema:
    body = {"type": "object", "properties": options, "required": ["column"], "additionalProperties": False}
    return {"description": description, "anyOf": [dict(_COLUMN), body]}


def _column(description: str) -> Schema:
    return {"description": description, **_COLUMN}


def _choice(allowed: tuple[str, ...], default: str) -> Schema:
    return {"enum": list(allowed), "default": default}


def _choices(allowed: tuple[str, ...]) -> Schema:
    return {"type": "array", "items": {"enum": list(allowed)}, "uniqueItems": True}


def _listed(meanings: dict[str, str]) -> str:
    return "; ".join(f"{name} ({meaning})" for name, meaning in meanings.items()) + "."
