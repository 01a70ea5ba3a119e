"""Describes the columns of a data set as Model Monitor's statistics.json does.

Equal to AWS's figures where docs/monitoring-statistics.md says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from fraud.monitoring import kinds
from fraud.monitoring.column import ColumnState
from fraud.monitoring.kll import KllSketch
from fraud.monitoring.scala_order import histogram_orders

VERSION = 0.0
NULL_VALUE = "NullValue"
"""What Deequ's histograms call a missing value."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column.

    `inferred_type` is Integral, Fractional, String or Unknown (nothing present). `kinds` counts present values by
    kind, Boolean among them. `categories` counts distinct values, missing ones as NullValue, where a column of texts
    has few of them; their order is AWS's. `low` and `high` bound the finite numbers that `sketch` describes;
    `anomalies` counts what numeric statistics leave out.
    """

    name: str
    inferred_type: str
    present: int
    missing: int
    kinds: Mapping[str, int]
    distinct: int
    numbers: int = 0
    negative: int = 0
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    sum: float = 0.0
    deviation: float = 0.0
    sketch: KllSketch = field(default_factory=KllSketch, repr=False)
    categories: Mapping[str, int] | None = None
    anomalies: Mapping[str, int] = field(default_factory=dict)

    @property
    def completeness(self) -> float:
        """Share of rows with a value; 1 for a column without rows."""
        rows = self.present + self.missing
        return self.present / rows if rows else 1.0

    @property
    def is_numeric(self) -> bool:
        """Whether the column has numeric statistics."""
        return self.inferred_type in kinds.NUMERIC

    def to_json(self) -> dict[str, Any]:
        """Return the column's entry in statistics.json."""
        common = {"num_present": self.present, "num_missing": self.missing}
        if self.is_numeric:
            statistics: dict[str, Any] = {"common": common}
            if self.numbers:
                statistics |= {
                    "mean": self.mean,
                    "sum": self.sum,
                    "std_dev": self.deviation,
                    "min": self.low,
                    "max": self.high,
                }
            statistics |= {
                "approximate_num_distinct_values": self.distinct,
                "completeness": self.completeness,
            }
            if self.numbers:
                statistics["distribution"] = {"kll": self.sketch.to_json()}
            return {"name": self.name, "inferred_type": self.inferred_type, "numerical_statistics": statistics}
        statistics = {"common": common, "distinct_count": float(self.distinct), "completeness": self.completeness}
        if self.categories is not None:
            buckets = [{"value": value, "count": count} for value, count in self.categories.items()]
            statistics["distribution"] = {"categorical": {"buckets": buckets}}
        return {"name": self.name, "inferred_type": self.inferred_type, "string_statistics": statistics}


@dataclass(frozen=True)
class Profile:
    """A data set: its number of rows and its columns in order."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def to_json(self) -> dict[str, Any]:
        """Return statistics.json."""
        return {
            "version": VERSION,
            "dataset": {"item_count": self.rows},
            "features": [column.to_json() for column in self.columns],
        }


def profile(frame: pl.DataFrame) -> Profile:
    """Describe a frame whose columns are numbers, or texts as they came in a CSV file."""
    states = [ColumnState(name) for name in frame.columns]
    for state, series in zip(states, frame, strict=True):
        state.update(series)
    return describe(states, len(frame))


def describe(states: Iterable[ColumnState], rows: int) -> Profile:
    """Return the profile of columns in their order, once all rows are seen."""
    states = list(states)
    histograms = {}
    for state in states:
        # Deequ counts all columns of few values in one pass; the order depends on all of them.
        if state.histogram:
            null = {NULL_VALUE: state.missing} if state.missing else {}
            histograms[state.name] = {**state.histogram, **null}
    orders = histogram_orders(histograms)
    columns = []
    for state in states:
        counts = histograms.get(state.name)
        columns.append(_column(state, {value: counts[value] for value in orders[state.name]} if counts else None))
    return Profile(rows, tuple(columns))


def _column(state: ColumnState, categories: Mapping[str, int] | None) -> ColumnProfile:
    kind = state.kind
    numeric = kind in kinds.NUMERIC
    anomalies = {
        "infinite": state.infinite if numeric else 0,
        "not_numbers": state.not_numbers,
        "out_of_range": state.uncastable if numeric else 0,
    }
    count, total = state.moments.count, state.moments.sum(kind == kinds.INTEGRAL)
    described = numeric and count > 0
    return ColumnProfile(
        name=state.name,
        # AWS documents no type for true and false.
        inferred_type=kinds.STRING if kind == kinds.BOOLEAN else kind,
        present=state.rows - state.missing,
        missing=state.missing,
        kinds=dict(state.counts),
        distinct=state.distinct.estimate(),
        numbers=count if described else 0,
        negative=state.negative if described else 0,
        low=state.low if described else 0.0,
        high=state.high if described else 0.0,
        mean=total / count if described else 0.0,
        sum=total if described else 0.0,
        deviation=state.moments.deviation() if described else 0.0,
        sketch=state.sketch if described else KllSketch(),
        categories=None if numeric else categories,
        anomalies={name: number for name, number in anomalies.items() if number},
    )
