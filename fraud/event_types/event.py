"""One event as both engines, the rules and the API see it: typed values by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """An event of some type.

    `instant` is its time in whole microseconds since 1970 (UTC). `values` has every column of the event type but the
    label's: float for numbers, text for keys, categories, addresses and dates, bool for booleans, None where missing.
    """

    id: str
    instant: int
    values: Mapping[str, Any]
