"""The proposal as YAML: in the order of the shipped files, with the reasons beside."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

_WIDTH = 118


def write(body: dict[str, Any], comments: dict[str, str], dropped: dict[str, str], head: list[str], schema: str) -> str:
    """Return the file's text; `comments` stand above the key of their dotted path, `head` above everything."""
    lines = [f"# yaml-language-server: $schema={schema}", *(line for text in head for line in _comment(text, 0))]
    for key in _ORDER:
        if key in body:
            lines += _entry(key, body[key], comments, "", 0)
        if key in _ENDS_SECTION and lines[-1]:
            lines.append("")
    if dropped:
        lines += ["# Not used:", "drop:"]
        lines += [f"  - {_scalar(column)}  # {_plain(why)}" for column, why in dropped.items()]
        lines.append("")
    for key in ("max_rejected_share", "split"):
        if key in body:
            lines += _entry(key, body[key], comments, "", 0)
    return "\n".join(lines).rstrip() + "\n"


_ORDER = (
    *("name", "description", "id", "timestamp", "arrival", "amount", "label", "windows", "entities", "card"),
    *("variables", "coordinates", "distances", "calendar"),
)
_ENDS_SECTION = ("description", "label", "card", "variables", "distances", "calendar")


def _entry(key: str, value: Any, comments: dict[str, str], path: str, depth: int) -> Iterator[str]:
    here = f"{path}.{key}".lstrip(".")
    indent = "  " * depth
    if here in comments:
        yield from _comment(comments[here], depth)
    inside = [comment for name, comment in comments.items() if name.startswith(f"{here}.")]
    is_open = isinstance(value, dict) and (here.count(".") == 0 and key in ("entities", "variables", "coordinates"))
    if isinstance(value, dict) and (is_open or inside or path == "entities"):
        yield f"{indent}{_scalar(key)}:"
        for inner, item in value.items():
            yield from _entry(inner, item, comments, here, depth + 1)
        return
    line = f"{indent}{_scalar(key)}: {_flow(value)}"
    if len(line) <= _WIDTH or not isinstance(value, dict | list):
        yield line
    elif isinstance(value, dict):
        yield f"{indent}{_scalar(key)}:"
        for inner, item in value.items():
            yield from _entry(inner, item, {}, here, depth + 1)
    else:
        yield f"{indent}{_scalar(key)}:"
        yield from _wrapped([_flow(item) for item in value], indent + "  ")


def _wrapped(items: list[str], indent: str) -> Iterator[str]:
    """A list in brackets over several lines, broken between items."""
    line = f"{indent}["
    for number, item in enumerate(items):
        part = item + ("]" if number == len(items) - 1 else ",")
        if len(line) + len(part) > _WIDTH and line.strip(" ["):
            yield line.rstrip()
            line = f"{indent} "
        line += f"{part} "
    yield line.rstrip()


def _comment(text: str, depth: int) -> list[str]:
    indent = "  " * depth + "# "
    return textwrap.wrap(_plain(text), _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _plain(text: str) -> str:
    """A comment ends with its line: whatever a column's name holds."""
    return " ".join("".join(c if c.isprintable() else "?" for c in text).split())


def _flow(value: Any) -> str:
    """A value on one line, as it may stand in brackets."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text = yaml.safe_dump([value], default_style=style, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return text.strip()[1:-1]
