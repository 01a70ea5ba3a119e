"""Event types: YAML files that map a data set's columns to their meaning.

A new data set needs a new file and no code. docs/event-types.md is the reference; card-transactions.yaml in this
folder is a commented example, and scripts/infer_event_type.py proposes a file from data.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fraud.cards import holds_card_number
from fraud.event_types.event import Event
from fraud.event_types.mapping import to_mapping
from fraud.event_types.model import Entity, EventType, Place, RandomSplit, TimeSplit, Variable, Window
from fraud.event_types.parsing import parse
from fraud.event_types.reader import EventTypeError

__all__ = [
    "Entity",
    "Event",
    "EventType",
    "EventTypeError",
    "Place",
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
    """Return a shipped event type by name, or the one in a YAML (or JSON) file.

    Raises EventTypeError if there is none, or naming the file and the fields at fault.
    """
    # The scoring function reads JSON by `parse` and has no yaml.
    import yaml

    path = _FOLDER / f"{name_or_path}.yaml" if str(name_or_path) in shipped() else Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            if holds_card_number(line):
                raise EventTypeError(f"{path}: line {number} holds a card number, which would be stored with the model")
        body = yaml.safe_load(text)
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
