"""Event types: YAML files that map a data set's columns to their meaning.

A new data set needs a new file and no code. See card-transactions.yaml in this folder for a commented one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from fraud.event_types.model import Entity, EventType, RandomSplit, TimeSplit, Variable, Window
from fraud.event_types.parsing import EventTypeError, parse, to_mapping

__all__ = [
    "Entity",
    "EventType",
    "EventTypeError",
    "RandomSplit",
    "TimeSplit",
    "Variable",
    "Window",
    "load",
    "match",
    "parse",
    "shipped",
    "to_mapping",
]

_FOLDER = Path(__file__).resolve().parent


def shipped() -> tuple[str, ...]:
    """Return the names of the event types that come with the project."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def load(name_or_path: str | Path) -> EventType:
    """Return a shipped event type by name, or the one in a YAML file.

    Raises EventTypeError if there is none, or naming the file and the fields at fault.
    """
    path = _FOLDER / f"{name_or_path}.yaml" if str(name_or_path) in shipped() else Path(name_or_path)
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise EventTypeError(
            f"{name_or_path}: neither a YAML file nor a shipped event type ({', '.join(shipped())})"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EventTypeError(f"{path}: not valid YAML: {error}") from None
    try:
        return parse(body)
    except EventTypeError as error:
        raise EventTypeError(f"{path}: {error}") from None


def match(columns: Iterable[str]) -> EventType | None:
    """Return the shipped event type whose columns are all among `columns`, the most specific if several."""
    there = set(columns)
    candidates = [event_type for event_type in map(load, shipped()) if there.issuperset(event_type.required_columns)]
    return max(candidates, key=lambda event_type: len(event_type.required_columns), default=None)
