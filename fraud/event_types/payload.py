"""Events as the API takes them: JSON objects, checked and typed as the event type says.

Depends on the standard library alone: the scoring function reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fraud.event_types.columns import id_field, payload_columns
from fraud.event_types.event import Event
from fraud.event_types.model import EventType
from fraud.event_types.payload_schema import json_schema
from fraud.event_types.values import Refused, value_reader

__all__ = ["Event", "Fault", "PayloadError", "PayloadReader", "json_schema", "parse_event"]

_MAY_BE_EMPTY = ("key", "category", "email", "ip", "text")
"""Kinds whose empty texts count as missing, as they do in files."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a field of a payload; the message never repeats a value."""

    field: str
    message: str


class PayloadError(ValueError):
    """A payload is no event of its type; `faults` has every fault found."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(
            "; ".join(f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults)
        )
        self.faults = faults


def parse_event(event_type: EventType, payload: Any, received: int | None = None) -> Event:
    """Return the event that a payload (parsed JSON) describes.

    Every column must be there, null where a value is missing; id, timestamp, amount and card are needed. `received`
    (microseconds since 1970) is the instant of events whose type has no timestamp. Raises PayloadError.
    """
    return _reader(event_type).parse(payload, received)


class PayloadReader:
    """Parses payloads of one event type."""

    def __init__(self, event_type: EventType) -> None:
        self.event_type = event_type
        columns = payload_columns(event_type)
        form = event_type.timestamp_format
        self._id, self._time = id_field(event_type), event_type.timestamp
        self._fields = [
            (name, column.required, "" if column.kind in _MAY_BE_EMPTY else None, value_reader(column, form))
            for name, column in columns.items()
        ]
        self._names = columns.keys()

    def parse(self, payload: Any, received: int | None = None) -> Event:
        """See `parse_event`."""
        if not isinstance(payload, Mapping):
            raise PayloadError((Fault("", "a JSON object is expected"),))
        faults, values = [], {}
        for name, required, empty, read in self._fields:
            value = payload.get(name)
            if value is None or value == empty:
                values[name] = None
                if required:
                    faults.append(Fault(name, "a value is needed"))
                elif name not in payload:
                    faults.append(Fault(name, "missing; give null where there is no value"))
                continue
            try:
                values[name] = read(value)
            except Refused as refused:
                faults.append(Fault(name, str(refused)))
        if len(payload) > len(self._fields) or faults:
            faults += [Fault(shown_name(name), "unknown field") for name in payload if name not in self._names]
        if faults:
            raise PayloadError(tuple(faults))
        instant = self._instant(values, received)
        return Event(values[self._id], instant, values)

    def _instant(self, values: dict[str, Any], received: int | None) -> int:
        if self._time is None:
            if received is None:
                raise ValueError(f"event type {self.event_type.name} has no timestamp: give `received`")
            return received
        return values.pop(self._time)


@lru_cache(16)
def _reader(event_type: EventType) -> PayloadReader:
    return PayloadReader(event_type)


def shown_name(name: Any) -> str:
    """Return a field's name as an answer may repeat it.

    It is the sender's: a long one, or one of digits, could be anything, a card number too.
    """
    text = str(name)
    return text if len(text) <= 64 and not re.search(r"[0-9]{6}", text) and text.isprintable() else "(a field)"
