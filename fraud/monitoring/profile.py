"""Describes the columns of a data set as Model Monitor's statistics.json does.

Distinct values are counted exactly, where AWS estimates them with HyperLogLog++; buckets and sketches are exact
too (see `distribution`). All other figures are AWS's to the last bit for files of one Spark partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from fraud.monitoring import moments
from fraud.monitoring.distribution import kll_distribution

CATEGORIES_LIMIT = 120
"""Most distinct values of a text column that is described value by value."""
VERSION = 0.0
_INTEGRAL = r"^[+-]?\d+$"
# Clients written with numpy or JSON send a missing value so; AWS knows only the empty field.
_MISSING = ("", "nan", "null", "none")


@dataclass(frozen=True)
class ColumnProfile:
    """One column.

    `inferred_type` is Integral, Fractional, String or Unknown (nothing present). `kinds` counts present values
    that are Integral, Fractional and String. `ordered` holds the finite numbers in rising order, `categories`
    counts of the distinct texts where there are few.
    """

    name: str
    inferred_type: str
    present: int
    missing: int
    kinds: Mapping[str, int]
    distinct: int
    ordered: np.ndarray = field(repr=False)
    mean: float = 0.0
    sum: float = 0.0
    deviation: float = 0.0
    categories: Mapping[str, int] | None = None

    @property
    def completeness(self) -> float:
        """Share of rows with a value; 1 for a column without rows."""
        rows = self.present + self.missing
        return self.present / rows if rows else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the column's entry in statistics.json."""
        common = {"num_present": self.present, "num_missing": self.missing}
        if self.inferred_type in ("Integral", "Fractional"):
            return {
                "name": self.name,
                "inferred_type": self.inferred_type,
                "numerical_statistics": {
                    "common": common,
                    "mean": self.mean,
                    "sum": self.sum,
                    "std_dev": self.deviation,
                    "min": float(self.ordered[0]),
                    "max": float(self.ordered[-1]),
                    "approximate_num_distinct_values": self.distinct,
                    "completeness": self.completeness,
                    "distribution": {"kll": kll_distribution(self.ordered)},
                },
            }
        statistics: dict[str, Any] = {
            "common": common,
            "distinct_count": float(self.distinct),
            "completeness": self.completeness,
        }
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
    return Profile(len(frame), tuple(_column(series) for series in frame))


def _column(series: pl.Series) -> ColumnProfile:
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        return _numbers(series)
    return _texts(series.cast(pl.String))


def _numbers(series: pl.Series) -> ColumnProfile:
    integral = not series.dtype.is_float()
    present = series.cast(pl.Float64).fill_nan(None).drop_nulls()
    finite = present.filter(present.is_finite())
    numeric = "Integral" if integral else "Fractional"
    kinds = {"Integral": 0, "Fractional": 0, "String": len(present) - len(finite)}
    kinds[numeric] = len(finite)
    return _describe(series.name, len(series), present, finite.to_numpy(), kinds, None)


def _texts(series: pl.Series) -> ColumnProfile:
    stripped = series.str.strip_chars()
    present = stripped.filter(~stripped.str.to_lowercase().is_in(_MISSING).fill_null(True))
    numbers = present.cast(pl.Float64, strict=False)
    finite = numbers.is_finite().fill_null(False)
    integral = int(present.str.contains(_INTEGRAL).sum())
    numeric = int(finite.sum())
    kinds = {"Integral": integral, "Fractional": numeric - integral, "String": len(present) - numeric}
    return _describe(series.name, len(series), present, numbers.filter(finite).to_numpy(), kinds, present)


def _describe(
    name: str,
    rows: int,
    present: pl.Series,
    values: np.ndarray,
    kinds: Mapping[str, int],
    texts: pl.Series | None,
) -> ColumnProfile:
    if not len(present):
        inferred = "Unknown"
    elif kinds["String"]:
        inferred = "String"
    else:
        inferred = "Fractional" if kinds["Fractional"] else "Integral"
    distinct = present.n_unique() if len(present) else 0
    categories = None
    if inferred == "String" and texts is not None and distinct <= CATEGORIES_LIMIT:
        counts = texts.value_counts().sort("count", texts.name, descending=[True, False])
        categories = dict(counts.iter_rows())
    numeric = inferred in ("Integral", "Fractional")
    total = moments.total(values) if numeric else 0.0
    return ColumnProfile(
        name=name,
        inferred_type=inferred,
        present=len(present),
        missing=rows - len(present),
        kinds=kinds,
        distinct=distinct,
        ordered=np.sort(values),
        mean=total / len(values) if numeric else 0.0,
        sum=total,
        deviation=moments.standard_deviation(values) if numeric else 0.0,
        categories=categories,
    )
