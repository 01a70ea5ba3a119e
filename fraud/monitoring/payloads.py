"""Reads values out of the parts of a record: columns of CSV, or what a JMESPath finds in JSON and JSON lines."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from typing import Any

from fraud.monitoring.records import Part


class PayloadError(ValueError):
    """A part cannot be understood, or does not have what was asked for."""


def select(part: Part, attribute: str | None) -> list[Any]:
    """Return one value for each row of a part.

    `attribute` is a column's number (the rows being flattened), or a JMESPath, applied to the JSON document or to each
    JSON line; None takes the first column, of this platform's answers the probability.
    """
    if attribute is None or attribute.isdigit():
        at = int(attribute or 0)
        try:
            return [row[at] for row in rows(part)]
        except IndexError:
            raise PayloadError(f"column {at} is not there") from None
    if _is_csv(part):
        raise PayloadError(f"{attribute!r} is no column number, and the data is CSV")
    found = [value for document in _documents(part) for value in _listed(_search(attribute, document))]
    if None in found or not found:
        raise PayloadError(f"{attribute!r} finds nothing")
    return found


def rows(part: Part, attribute: str | None = None) -> list[list[Any]]:
    """Return a part's rows, flattened; `attribute` is a JMESPath of the rows, or of each JSON line's row."""
    if _is_csv(part):
        return [row for row in csv.reader(io.StringIO(_text(part))) if row]
    documents = _documents(part)
    if attribute is None:
        return [row for document in documents for row in _unfold(document)]
    return [row for document in documents for row in _unfold(_search(attribute, document))]


def _text(part: Part) -> str:
    data, encoding = part["data"], part["encoding"]
    if not isinstance(data, str):
        raise PayloadError("the data is no text")
    if encoding in ("CSV", "JSON"):
        return data
    if encoding != "BASE64":
        raise PayloadError(f"encoding {encoding!r} is unknown")
    try:
        return base64.b64decode(data, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise PayloadError(str(error)) from None


def _is_csv(part: Part) -> bool:
    if part["encoding"] == "BASE64":
        return "json" not in str(part.get("observedContentType") or "")
    return part["encoding"] == "CSV"


def _documents(part: Part) -> list[Any]:
    text = _text(part)
    try:
        return [json.loads(text)]
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise PayloadError(f"no JSON ({error})") from None


def _search(attribute: str, document: Any) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(attribute, document)
    except JMESPathError as error:
        raise PayloadError(f"{attribute!r}: {error}") from None


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    return [item for part in value for item in _listed(part)]


def _unfold(value: Any) -> list[list[Any]]:
    """Rows of a document: {"instances": [[…]]}, {"predictions": [{"probability": …}]}, lists, or one object."""
    if isinstance(value, dict):
        for key in ("predictions", "instances"):
            if isinstance(value.get(key), list):
                return [_row(item) for item in value[key]]
        return [_row(value)]
    if isinstance(value, list) and value and all(isinstance(item, (list, dict)) for item in value):
        return [_row(item) for item in value]
    return [_row(value)]


def _row(value: Any) -> list[Any]:
    # The platform's answers say more than the probability: score, reasons, the model.
    if isinstance(value, dict):
        return [value["probability"]] if "probability" in value else [leaf for v in value.values() for leaf in _row(v)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _row(item)]
    return [value]
