"""The statistics of a data set after some of its rows, in columns that may come and go from file to file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from fraud.monitoring.column import ColumnState
from fraud.monitoring.moments import Moments
from fraud.monitoring.profile import Profile, describe


@dataclass
class TableState:
    """Columns by name, in the order in which they appeared; a column that a batch lacks has missing values there."""

    rows: int = 0
    columns: dict[str, ColumnState] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str]) -> TableState:
        """Return the state of a data set without rows whose columns are known."""
        return cls(0, {name: ColumnState(name) for name in names})

    def update(self, frame: pl.DataFrame) -> None:
        """Add a batch of rows."""
        for name in frame.columns:
            self._column(name).update(frame[name])
        self.rows += len(frame)
        self._fill()

    def update_all(self, frames: Iterator[pl.DataFrame]) -> TableState:
        """Add batches one after the other; return this state."""
        for frame in frames:
            self.update(frame)
        return self

    def merge(self, other: TableState) -> None:
        """Add the rows of another state, which come after these."""
        for name, state in other.columns.items():
            if self.rows:
                self._column(name).merge(state)
            else:
                # Spark adds the first partition to empty sums; Deequ starts with the first partition's sketch.
                sums = Moments()
                sums.merge(state.moments)
                state.moments = sums
                self.columns[name] = state
        self.rows += other.rows
        self._fill()

    def describe(self) -> Profile:
        """Return the profile of the rows seen."""
        return describe(self.columns.values(), self.rows)

    def _column(self, name: str) -> ColumnState:
        if name not in self.columns:
            self.columns[name] = ColumnState(name, rows=self.rows, missing=self.rows)
        return self.columns[name]

    def _fill(self) -> None:
        for state in self.columns.values():
            state.missing += self.rows - state.rows
            state.rows = self.rows
