"""What is replayed, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass

from fraud.backtest.history import History
from fraud.event_types import EventType


@dataclass(frozen=True)
class Replay:
    """A history with the event type it is of, and a line for each thing that a reader should know."""

    history: History
    event_type: EventType
    facts: dict[str, str]
    notes: tuple[str, ...]
