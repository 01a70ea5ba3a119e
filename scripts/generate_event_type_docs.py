"""Write the editors' JSON Schema of event types, and the generated tables of docs/event-types.md.

Usage: python -m scripts.generate_event_type_docs [--check]   (--check: exit 1 if a file is out of date)
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from fraud import event_types
from fraud.event_types.columns import payload_columns
from fraud.event_types.model import Window
from fraud.event_types.payload import parse_event
from fraud.features.batch import compute
from fraud.features.catalogue import features_of
from fraud.features.thresholds import MICROSECONDS, span_of
from scripts.event_type_example import bookings
from scripts.event_type_schema import build
from scripts.inference.proposal import propose

REPOSITORY = Path(__file__).resolve().parent.parent
SCHEMA = REPOSITORY / "fraud" / "event_types" / "event-type.schema.json"
PAGE = REPOSITORY / "docs" / "event-types.md"
DOCUMENTED = "card-transactions"
_WINDOWS = ("10m", "1h", "6h", "1d", "7d", "30d", "90d")
_TIMES = ("2024-03-01 09:59", "2024-03-01 10:01", "2024-03-01 10:30", "2024-03-02 09:59", "2024-03-02 10:15")
_SECTIONS = ("timestamp", "label", "entities", "variables", "coordinates", "split")


def rendered() -> dict[Path, str]:
    """Return each file's text as it should be."""
    schema = build()
    tables = {"keys": keys(schema), "features": features(), "widths": widths(), "modes": modes(), **worked_example()}
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in tables.items():
        page = fill(page, f"generated: {name}", lines)
    return {SCHEMA: json.dumps(schema, indent=2) + "\n", PAGE: page}


def fill(page: str, mark: str, lines: list[str]) -> str:
    """Return the page with `lines` between a mark and its end."""
    text = "\n".join(["", *lines, ""])
    pattern = re.compile(rf"(<!-- {re.escape(mark)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{PAGE.name}: there is no mark <!-- {mark} -->")
    return pattern.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def keys(schema: dict[str, Any]) -> list[str]:
    """Return the table of every key, from the schema's descriptions."""
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, inner in schema["properties"].items():
        required = "required" if name in schema["required"] else ""
        lines.append(_row(name, inner, required))
        if name in _SECTIONS:
            lines += list(_inside(name, inner))
    return lines


def features() -> list[str]:
    """Return the table of the features of one shipped event type."""
    lines = ["| feature | type | meaning |", "|---|---|---|"]
    for feature in features_of(event_types.load(DOCUMENTED)):
        lines.append(f"| `{feature.name}` | {feature.type} | {feature.description} |")
    return lines


def widths() -> list[str]:
    """Return the table of some windows and their buckets."""
    lines = ["| window | bucket | buckets | reaches back |", "|---|---|---|---|"]
    for text in _WINDOWS:
        seconds = int(text[:-1]) * {"m": 60, "h": 3600, "d": 86_400}[text[-1]]
        span = span_of(Window(text, seconds), "bucketed")
        width = span.width // MICROSECONDS
        lines.append(f"| {text} | {_time(width)} | {span.buckets} | {_time(seconds - width)} to {_time(seconds)} |")
    return lines


def modes() -> list[str]:
    """Return the table of one card's events in one day, counted both ways."""
    body = {
        "name": "example",
        "timestamp": "at",
        "label": "fraud",
        "entities": {"card": {"column": "card", "windows": ["1d"], "aggregates": ["count"]}},
    }
    events = pl.DataFrame({"at": [datetime.fromisoformat(text) for text in _TIMES], "card": "a", "fraud": 0})
    sliding = event_types.parse({**body, "windows": "sliding"})
    counts = [compute(events, kind)["card_count_1d"] for kind in (sliding, replace(sliding, window_mode="bucketed"))]
    lines = ["| event | `card_count_1d`, sliding | `card_count_1d`, bucketed (hours) |", "|---|---|---|"]
    return lines + [f"| {time} | {one} | {other} |" for time, one, other in zip(_TIMES, *counts, strict=True)]


def worked_example() -> dict[str, list[str]]:
    """Return the blocks of the worked example: the file's first lines, the proposal, and an event of the API."""
    frame = bookings()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "hotel-bookings.csv"
        frame.write_csv(file)
        proposal = propose(file, "hotel-bookings", schema="fraud/event_types/event-type.schema.json")
        head = file.read_text(encoding="utf-8").splitlines()[:4]
    row, payload = frame.row(7, named=True), {}
    for name, column in payload_columns(proposal.event_type).items():
        payload[name] = row[name] == "yes" if column.kind == "boolean" else row[name]
    parse_event(proposal.event_type, payload)
    shown = json.dumps(payload).replace(', "ip"', ',\n "ip"').replace(', "check_in"', ',\n "check_in"')
    return {
        "head": ["```text", *head, "```"],
        "proposal": ["```yaml", *proposal.text.splitlines(), "```"],
        "payload": ["```json", *shown.splitlines(), "```"],
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` compare them."""
    late = []
    for path, text in rendered().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        late.append(path.name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    if late and "--check" in arguments:
        print(f"{', '.join(late)} out of date: run python -m scripts.generate_event_type_docs", file=sys.stderr)
        return 1
    return 0


def _inside(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """Rows of the keys below one."""
    path = {"entities": "entities.<name>", "variables": "variables.<column>", "coordinates": "coordinates.<name>"}
    body = schema
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        body = schema["additionalProperties"]
    body = next((part for part in body.get("anyOf", ()) if part.get("type") == "object"), body)
    if name == "variables":
        yield f"| `{path[name]}` | a type, or a mapping of the keys below | | What the column holds. |"
    for key, inner in body["properties"].items():
        required = "required" if key in body.get("required", ()) else ""
        yield _row(f"{path.get(name, name)}.{key}", inner, required)


def _row(path: str, schema: dict[str, Any], required: str) -> str:
    default = schema.get("default", "")
    shown = f"`{json.dumps(default) if not isinstance(default, str) else default}`" if default != "" else required
    return f"| `{path}` | {_value(schema)} | {shown} | {schema['description'].replace('|', '/')} |"


def _value(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return _listed(schema["enum"])
    options = schema.get("anyOf")
    if options and "enum" in options[0]:
        return f"{_listed(options[0]['enum'])}, or a pattern"
    if options:
        return "a column, or a mapping of the keys below"
    if schema.get("type") == "array":
        inner = schema["items"]
        if "enum" in inner:
            return f"list of {_listed(inner['enum'])}"
        words = {"string": "texts", "array": "pairs"}
        kind = inner["type"]
        return f"list of {words[kind] if isinstance(kind, str) else 'texts, integers or booleans'}"
    if schema.get("type") in ("integer", "number"):
        kind = "whole number" if schema["type"] == "integer" else "number"
        return f"{kind} from {schema['minimum']} to {schema['maximum']}"
    if schema.get("pattern", "").startswith("^(?!__)"):
        return "a column"
    return {"boolean": "`true` or `false`", "object": "a mapping", "string": "text"}[schema["type"]]


def _listed(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _time(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
