"""What is known of one column after some of its rows: updated batch by batch, merged across files and processes.

Its size is bounded whatever the number of rows: 512 registers, a sketch of a few thousand numbers, five sums, and the
counts of values while there are few.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from fraud.monitoring import kinds
from fraud.monitoring.hyperloglog import HyperLogLog
from fraud.monitoring.kll import KllSketch
from fraud.monitoring.moments import Moments
from fraud.monitoring.xxhash64 import hash_texts, hash_words

CATEGORIES_LIMIT = 120
"""Most (estimated) distinct values of a column whose values are counted one by one; Deequ's own limit."""
_NATIVE = {pl.Float32: np.int32, pl.Float64: np.int64, pl.Int64: np.int64, pl.UInt32: np.int64, pl.UInt64: np.int64}


@dataclass
class ColumnState:
    """The statistics of one column so far.

    `counts` has the present values of each kind. `histogram` is None once there are more than CATEGORIES_LIMIT
    distinct values, `sketch` and `moments` speak of finite numbers alone. `infinite`, `not_numbers` and `uncastable`
    count numbers that are left out: infinities, NaN of typed columns (counted as missing), and digits that no number
    of 64 bits holds.
    """

    name: str
    rows: int = 0
    missing: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(kinds.KINDS, 0))
    distinct: HyperLogLog = field(default_factory=HyperLogLog)
    histogram: dict[str, int] | None = field(default_factory=dict)
    moments: Moments = field(default_factory=Moments)
    sketch: KllSketch = field(default_factory=KllSketch)
    low: float = np.inf
    high: float = -np.inf
    negative: int = 0
    infinite: int = 0
    not_numbers: int = 0
    uncastable: int = 0

    def update(self, series: pl.Series) -> None:
        """Add the next rows: texts as they stand in a CSV file, or values of a typed column."""
        self.rows += len(series)
        if series.dtype.is_float():
            self.not_numbers += int(series.is_nan().sum() or 0)
            series = series.fill_nan(None)
        present = series.drop_nulls()
        self.missing += len(series) - len(present)
        if not len(present):
            return
        if series.dtype.is_numeric() and not series.dtype.is_decimal():
            self._update_numbers(present)
        elif series.dtype == pl.Boolean:
            texts = present.cast(pl.String)
            self._see(texts, lambda _: hash_words(present.cast(pl.Int32).to_numpy()), kinds.BOOLEAN)
        else:
            self._update_texts(_texts(present))

    def merge(self, other: ColumnState) -> None:
        """Add the rows of another state of this column, as Spark and Deequ merge partitions."""
        self.rows += other.rows
        self.missing += other.missing
        for kind, count in other.counts.items():
            self.counts[kind] += count
        self.distinct.merge(other.distinct)
        if self.histogram is not None and other.histogram is not None:
            for value, count in other.histogram.items():
                self.histogram[value] = self.histogram.get(value, 0) + count
        else:
            self.histogram = None
        self._forget_many()
        self.moments.merge(other.moments)
        self.sketch.merge(other.sketch)
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.negative += other.negative
        self.infinite += other.infinite
        self.not_numbers += other.not_numbers
        self.uncastable += other.uncastable

    @property
    def kind(self) -> str:
        """The data type as Deequ infers it: one of KINDS or Unknown."""
        return kinds.inferred(self.counts)

    def _update_texts(self, texts: pl.Series) -> None:
        of = self._see(texts, hash_texts, None)
        # A column with one text that is no number has no numbers for good.
        if self.kind not in kinds.NUMERIC:
            return
        whole = kinds.to_longs(texts) if of == kinds.INTEGRAL else None
        values = whole.cast(pl.Float64) if whole is not None else kinds.to_doubles(texts)
        if values.null_count():
            self.uncastable += values.null_count()
            present = values.is_not_null()
            values, whole = values.filter(present), whole.filter(present) if whole is not None else None
        self._add(values.to_numpy(), whole.to_numpy() if whole is not None else None)

    def _update_numbers(self, numbers: pl.Series) -> None:
        native = _NATIVE.get(type(numbers.dtype), np.int32)
        bits = numbers.to_numpy()
        whole = None
        if numbers.dtype.is_float():
            # Spark hashes -0.0 as 0.0.
            bits = (bits + 0.0).view(native)
        else:
            bits = bits.astype(native)
            whole = bits.astype(np.int64)
        self._see(numbers, lambda _: hash_words(bits), kinds.FRACTIONAL if whole is None else kinds.INTEGRAL)
        if numbers.dtype == pl.UInt64 and (whole < 0).any():
            # Spark has no such type; as a signed number the sum would be another one.
            whole = None
        self._add(numbers.cast(pl.Float64).to_numpy(), whole)

    def _see(self, values: pl.Series, hashes: Callable[[pl.Series], np.ndarray], kind: str | None) -> str | None:
        """Count kinds and distinct values; return the kind of all of them, None where they differ."""
        weights = None
        if kind is None and self.histogram is not None:
            counted = values.value_counts(name="count")
            values, weights = counted[values.name], counted["count"].to_numpy()
            for value, count in zip(values.to_list(), weights.tolist(), strict=True):
                self.histogram[value] = self.histogram.get(value, 0) + count
        elif kind == kinds.BOOLEAN and self.histogram is not None:
            for value, count in values.value_counts(name="count").iter_rows():
                self.histogram[value] = self.histogram.get(value, 0) + count
        elif kind is not None and kind != kinds.BOOLEAN:
            self.histogram = None
        if kind is not None:
            self.counts[kind] += len(values)
        else:
            each = np.bincount(kinds.kinds_of(values, self.kind), weights, minlength=len(kinds.KINDS))
            for name, count in zip(kinds.KINDS, each.tolist(), strict=True):
                self.counts[name] += int(count)
            kind = kinds.KINDS[int(each.argmax())] if (each > 0).sum() == 1 else None
        self.distinct.update(hashes(values))
        self._forget_many()
        return kind

    def _add(self, values: np.ndarray, whole: np.ndarray | None) -> None:
        finite = np.isfinite(values)
        if not finite.all():
            self.infinite += int((~finite).sum())
            values, whole = values[finite], None
        if len(values):
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
            self.negative += int((values < 0).sum())
            self.moments.update(values, whole)
            self.sketch.update(values)

    def _forget_many(self) -> None:
        if self.histogram is not None and len(self.histogram) > 1 and self.distinct.estimate() > CATEGORIES_LIMIT:
            self.histogram = None


def _texts(values: pl.Series) -> pl.Series:
    """Values of a typed column that is no number, as texts: lists and structures in JSON, bytes in hexadecimal."""
    if values.dtype == pl.String:
        return values
    if values.dtype == pl.Binary:
        return values.bin.encode("hex")
    if values.dtype.is_nested():
        texts = [json.dumps(_plain(value), default=str, ensure_ascii=False) for value in values]
        return pl.Series(values.name, texts, dtype=pl.String)
    if values.dtype == pl.Duration:
        return values.dt.to_string("polars")
    return values.cast(pl.String)


def _plain(value: Any) -> Any:
    return value.to_list() if isinstance(value, pl.Series) else value
