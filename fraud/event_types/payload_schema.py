"""The JSON Schema of an event type's payloads."""

from __future__ import annotations

from typing import Any

from fraud.event_types import limits, times
from fraud.event_types.columns import Column, payload_columns
from fraud.event_types.model import EventType


def json_schema(event_type: EventType) -> dict[str, Any]:
    """Return a JSON Schema (2020-12) that accepts what `parse_event` accepts.

    Only keywords that draft 4 has as well are used, so that API Gateway reads it without `$schema`.
    """
    columns = payload_columns(event_type)
    categories = {variable.column: list(variable.values) for variable in event_type.variables if variable.values}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event_type.name,
        "description": event_type.description or f"An event of type {event_type.name}",
        "type": "object",
        "properties": {
            name: _property(column, event_type.timestamp_format, categories.get(name, []))
            for name, column in columns.items()
        },
        "required": list(columns),
        "additionalProperties": False,
    }


def _property(column: Column, timestamp_format: str, values: list[str]) -> dict[str, Any]:
    text = ", ".join(column.roles)
    if values:
        text += f": {', '.join(values)}; others count alike"
    schema = {"description": text[:1].upper() + text[1:], **_value(column, timestamp_format)}
    if not column.required:
        kinds = schema["type"]
        schema["type"] = [*(kinds if isinstance(kinds, list) else [kinds]), "null"]
    elif "string" in schema["type"]:
        schema.setdefault("minLength", 1)
    return schema


def _value(column: Column, timestamp_format: str) -> dict[str, Any]:
    if column.kind in limits.BOUNDS:
        lowest, highest = limits.BOUNDS[column.kind]
        return {"type": "number", "minimum": lowest, "maximum": highest}
    if column.kind == "boolean":
        return {"type": "boolean"}
    if column.kind == "time":
        return _time(timestamp_format)
    if column.kind == "date":
        return {"type": "string", "pattern": times.DATE_PATTERN}
    integer = {"type": ["string", "integer"], "minimum": -limits.LARGEST_INTEGER, "maximum": limits.LARGEST_INTEGER}
    if column.kind == "id":
        # A negative number would begin with a sign.
        return {**integer, "minimum": 0, "pattern": limits.ID_PATTERN, "maxLength": limits.LONGEST_ID}
    return {**integer, "maxLength": limits.longest_text(column.kind)}


def _time(form: str) -> dict[str, Any]:
    if form == "iso":
        return {"type": "string", "pattern": times.ISO_PATTERN, "maxLength": 40}
    if form in times.EPOCH_UNITS:
        unit = times.EPOCH_UNITS[form]
        return {"type": "number", "minimum": times.EARLIEST // unit + 1, "maximum": times.LATEST // unit}
    return {"type": "string", "minLength": 1, "description": f"A time as {form} (UTC)"}
