"""From the YAML or JSON form of an event type to its model, with errors that name the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fraud.event_types import model, parts, times
from fraud.event_types.mapping import to_mapping
from fraud.event_types.meaning import check_meaning
from fraud.event_types.model import EventType
from fraud.event_types.reader import EventTypeError, Reader, kind

__all__ = ["FIELDS", "parse", "to_mapping"]

_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,62}$")
_MOST_DELAY_DAYS = 366
FIELDS = (
    "name",
    "description",
    "id",
    "timestamp",
    "arrival",
    "amount",
    "label",
    "windows",
    "entities",
    "card",
    "variables",
    "coordinates",
    "distances",
    "calendar",
    "drop",
    "max_rejected_share",
    "split",
)
"""The fields of the YAML form."""


def parse(body: Any) -> EventType:
    """Return the event type described by a mapping (as read from YAML or JSON).

    Raises EventTypeError listing every fault found, each with its field.
    """
    if not isinstance(body, Mapping):
        raise EventTypeError(f"event type: a mapping of fields is expected, not {kind(body)}")
    reader = Reader(body)
    timestamp = reader.columned("timestamp", "format")
    label = reader.columned("label", "delay_days", "fraud", "genuine", "known_at", "missing")
    known = {
        "name": reader.text("name", pattern=_NAME, allowed="lower-case letters, digits, '-' and '_'") or "",
        "description": reader.text("description", required=False) or "",
        "id": reader.text("id", required=False),
        "timestamp": timestamp.text("column", required=body.get("timestamp") is not None),
        "timestamp_format": _time_format(timestamp),
        "arrival": reader.text("arrival", required=False),
        "amount": reader.text("amount", required=False),
        "label": label.text("column") or "",
        "label_delay_days": label.integer("delay_days", 0, 0, _MOST_DELAY_DAYS),
        "label_fraud": label.values("fraud"),
        "label_genuine": label.values("genuine"),
        "label_known_at": label.text("known_at", required=False),
        "label_missing": label.choice("missing", model.MISSING_LABELS, "reject"),
        "window_mode": reader.choice("windows", model.WINDOW_MODES, "bucketed"),
        "entities": parts.entities(reader),
        "card": reader.text("card", required=False),
        "variables": parts.variables(reader),
        "coordinates": parts.coordinates(reader),
        "distances": parts.distances(reader),
        "calendar": reader.choices("calendar", model.CALENDAR),
        "drop": reader.texts("drop"),
        "max_rejected_share": reader.share("max_rejected_share", 0.0),
        "split": parts.split(reader),
    }
    reader.refuse_others(FIELDS)
    event_type = EventType(**known)
    if not reader.faults:
        check_meaning(event_type, reader)
    if reader.faults:
        raise EventTypeError("\n".join(reader.faults))
    return event_type


def _time_format(reader: Reader) -> str:
    pattern = reader.body.get("format")
    if not isinstance(pattern, str) or "%" not in pattern:
        return reader.choice("format", model.TIMESTAMP_FORMATS, "iso")
    fault = times.pattern_fault(pattern)
    if fault:
        reader.fault("format", f"{pattern!r}: {fault}")
    return pattern
