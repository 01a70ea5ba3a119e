"""Sum, mean and standard deviation with the rounding of Spark, which Model Monitor's figures come from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LONG = 1 << 64


@dataclass
class Moments:
    """Mergeable moments of a column.

    `total` is added value by value, as Spark adds doubles; `whole` is the sum of whole numbers as Spark adds longs,
    None once a value was none. `mean` and `squares` are Spark's CentralMomentAgg: equal to the last bit for the rows
    of one partition.
    """

    count: int = 0
    total: float = 0.0
    whole: int | None = 0
    mean: float = 0.0
    squares: float = 0.0

    def update(self, values: np.ndarray, whole: np.ndarray | None) -> None:
        """Add float64 values of shape (n,) in the order of the rows; `whole` has them as int64 where they are."""
        if not len(values):
            return
        # numpy's own sum adds pairwise, which rounds differently.
        self.total = float(np.add.accumulate(np.r_[self.total, values])[-1])
        if whole is None:
            self.whole = None
        elif self.whole is not None:
            self.whole += int(whole.sum(dtype=np.int64))
        count, mean, squares = float(self.count), self.mean, self.squares
        # The recurrence has no closed form that rounds alike: it is the one loop over values in Python.
        for value in values.tolist():
            count += 1.0
            delta = value - mean
            step = delta / count
            mean += step
            squares += delta * (delta - step)
        self.count, self.mean, self.squares = self.count + len(values), mean, squares

    def merge(self, other: Moments) -> None:
        """Add another column's moments as Spark merges two partitions."""
        count = self.count + other.count
        if not count:
            return
        delta = other.mean - self.mean
        step = delta / count
        self.mean += step * other.count
        self.squares += other.squares + delta * step * self.count * other.count
        self.total += other.total
        self.whole = None if self.whole is None or other.whole is None else self.whole + other.whole
        self.count = count

    def sum(self, whole: bool) -> float:
        """Return the sum; of whole numbers with Java's overflow."""
        if not whole or self.whole is None:
            return self.total
        return float((self.whole + _LONG // 2) % _LONG - _LONG // 2)

    def deviation(self) -> float:
        """Return the population standard deviation; NaN for no values."""
        return math.sqrt(self.squares / self.count) if self.count else math.nan
