"""Distinct values estimated as Spark does: HyperLogLog++ with 512 registers (a relative deviation of 5 %).

Register contents, bias correction and rounding follow Spark's HyperLogLogPlusPlusHelper, so that the same values give
the same estimate, whatever order they come in and however they were split.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from functools import cache
from pathlib import Path

import numpy as np

PRECISION = 9
REGISTERS = 1 << PRECISION
_ALPHA_M2 = (0.7213 / (1.0 + 1.079 / REGISTERS)) * REGISTERS * REGISTERS
_LINEAR_COUNTING_LIMIT = 400.0
_NEIGHBOURS = 6


class HyperLogLog:
    """A mergeable estimate of the number of distinct values."""

    def __init__(self, registers: np.ndarray | None = None) -> None:
        self.registers = np.zeros(REGISTERS, np.uint8) if registers is None else registers

    def update(self, hashes: np.ndarray) -> None:
        """Add values by their hashes (uint64, shape (n,))."""
        index = (hashes >> np.uint64(64 - PRECISION)).astype(np.int64)
        rest = (hashes << np.uint64(PRECISION)) | np.uint64(1 << (PRECISION - 1))
        # Scattering into a table of what was seen is faster than a maximum for each register.
        seen = np.zeros((REGISTERS, 64), bool)
        seen[index, _leading_zeros(rest) + 1] = True
        highest = np.where(seen.any(axis=1), 63 - seen[:, ::-1].argmax(axis=1), 0)
        np.maximum(self.registers, highest.astype(np.uint8), out=self.registers)

    def merge(self, other: HyperLogLog) -> None:
        """Add the values that another estimate has seen; exact."""
        np.maximum(self.registers, other.registers, out=self.registers)

    def estimate(self) -> int:
        """Return the estimated number of distinct values."""
        inverse = 0.0
        for register in self.registers.tolist():
            inverse += 1.0 / _shifted(register)
        empty = int((self.registers == 0).sum())
        if empty:
            linear = REGISTERS * math.log(REGISTERS / empty)
            if linear <= _LINEAR_COUNTING_LIMIT:
                return math.floor(linear + 0.5)
        raw = _ALPHA_M2 / inverse
        if raw < 5.0 * REGISTERS:
            raw -= _bias(raw)
        return math.floor(raw + 0.5)


def _shifted(register: int) -> int:
    """1 << register in Java's 32-bit arithmetic, which Spark uses here: 31 gives a negative number."""
    value = 1 << (register & 31)
    return value - (1 << 32) if value == 1 << 31 else value


def _leading_zeros(words: np.ndarray) -> np.ndarray:
    high = (words >> np.uint64(32)).astype(np.float64)
    low = (words & np.uint64(0xFFFFFFFF)).astype(np.float64)
    # frexp's exponent of a whole number is its length in bits; 32 bits are exact in a double.
    return np.where(high > 0, 32 - np.frexp(high)[1], 64 - np.frexp(low)[1])


def _bias(estimate: float) -> float:
    raw, bias = _tables()
    nearest = bisect_left(raw, estimate)
    low = max(nearest - _NEIGHBOURS + 1, 0)
    high = min(low + _NEIGHBOURS, len(raw))
    while high < len(raw) and (estimate - raw[high]) ** 2 < (estimate - raw[low]) ** 2:
        low += 1
        high += 1
    total = 0.0
    for value in bias[low:high]:
        total += value
    return total / (high - low)


@cache
def _tables() -> tuple[list[float], list[float]]:
    tables = json.loads(Path(__file__).with_name("hyperloglog_p9.json").read_text(encoding="utf-8"))
    return tables["raw"], tables["bias"]
