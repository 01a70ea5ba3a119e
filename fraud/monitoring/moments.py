"""Sum, mean and standard deviation with the rounding of Spark, which Model Monitor's figures come from."""

from __future__ import annotations

import math

import numpy as np

SEQUENTIAL_LIMIT = 200_000
"""Longest column whose deviation is computed value by value; Spark would split a longer file anyway."""


def total(values: np.ndarray) -> float:
    """Sum of values of shape (n,), added one after the other as Spark does; 0 for none."""
    # numpy's own sum adds pairwise, which rounds differently.
    return float(np.add.accumulate(values)[-1]) if len(values) else 0.0


def standard_deviation(values: np.ndarray) -> float:
    """Population standard deviation of values of shape (n,); NaN for none.

    Up to SEQUENTIAL_LIMIT values this is Spark's CentralMomentAgg, equal to the last bit; beyond, two passes.
    """
    if len(values) > SEQUENTIAL_LIMIT:
        return float(np.std(values))
    count = mean = squares = 0.0
    for value in values.tolist():
        count += 1.0
        delta = value - mean
        step = delta / count
        mean += step
        squares += delta * (delta - step)
    return math.sqrt(squares / count) if count else math.nan
