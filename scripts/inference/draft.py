"""What is known of a data set's columns while an event type is made of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from fraud.data.errors import DataError
from scripts.inference.facts import Facts


@dataclass(frozen=True)
class Forced:
    """Roles that the operator names: columns, and the entities' names with their columns."""

    id: str | None = None
    timestamp: str | None = None
    timestamp_format: str | None = None
    amount: str | None = None
    label: str | None = None
    fraud: tuple[str, ...] = ()
    delay_days: int | None = None
    entities: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()


@dataclass
class Label:
    """The label: its column, and the values that mean fraud and genuine (empty: 1 and 0)."""

    column: str
    fraud: tuple[str, ...]
    genuine: tuple[str, ...]
    is_fraud: np.ndarray
    """1, 0, or -1 without a label, for each row looked at."""


@dataclass
class Draft:
    """Columns with their facts, the roles found so far, and what is dropped and why.

    `body` is the event type as `fraud.event_types.parse` reads it, `comments` say why by dotted path, `notes` are for
    the operator.
    """

    facts: dict[str, Facts]
    forced: Forced
    body: dict = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    label: Label | None = None
    timestamp: Facts | None = None
    instants: pl.Series | None = None
    """The events' times as Datetime in microseconds."""

    def use(self, column: str, role: str) -> None:
        """Note that a column has a role."""
        self.used.setdefault(column, role)

    def drop(self, column: str, why: str) -> None:
        """Note that a column is not used."""
        if column not in self.used:
            self.dropped.setdefault(column, why)

    def free(self) -> Iterator[Facts]:
        """Yield the columns that have no role yet."""
        for name, facts in list(self.facts.items()):
            if name not in self.used and name not in self.dropped:
                yield facts

    def best(self, score: Callable[[Facts], int]) -> Facts | None:
        """Return the free column of the highest score above 0, the first of several; None if none has one."""
        scored = [(score(facts), facts) for facts in self.free()]
        highest, facts = max(scored, key=lambda pair: pair[0], default=(0, None))
        return facts if highest > 0 else None

    def named(self, column: str, option: str) -> Facts:
        """Return the facts of a column that the operator named; raise DataError if there is none."""
        if column in self.facts:
            return self.facts[column]
        close = difflib.get_close_matches(column.lower(), [name.lower() for name in self.facts], 1)
        hint = next((f"; is it {name!r}?" for name in self.facts if close and name.lower() == close[0]), "")
        raise DataError(f"{option}: there is no column {column!r}{hint} Present: {', '.join(map(repr, self.facts))}")

    @cached_property
    def span_days(self) -> float:
        """Days from the first to the last event; 0 without times."""
        if self.instants is None:
            return 0.0
        return (self.instants.max() - self.instants.min()).total_seconds() / 86_400

    def determined(self, column: str, by: str, tolerance: float = 0.02) -> bool:
        """Whether values of `by` have one value of `column` each, but for a share of them."""
        pairs = pl.DataFrame({"by": self.facts[by].texts, "is": self.facts[column].texts}).drop_nulls()
        if not len(pairs):
            return False
        return pairs.n_unique() <= (1 + tolerance) * pairs["by"].n_unique()
