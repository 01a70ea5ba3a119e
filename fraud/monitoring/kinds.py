"""Data types of texts, told as Deequ tells them (DataType and DataTypeHistogram), and their numbers as Spark casts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

UNKNOWN, FRACTIONAL, INTEGRAL, BOOLEAN, STRING = "Unknown", "Fractional", "Integral", "Boolean", "String"
KINDS = (FRACTIONAL, INTEGRAL, BOOLEAN, STRING)
NUMERIC = (INTEGRAL, FRACTIONAL)
# A blank may stand before the digits; nothing may stand after them.
_INTEGRAL = r"^[-+]? ?[0-9]+$"
_FRACTIONAL = r"^[-+]? ?[0-9]+(?:\.[0-9]+|(?:\.[0-9]+)?[Ee][-+]?[0-9]+)$"


def kinds_of(texts: pl.Series, likely: str = INTEGRAL) -> np.ndarray:
    """Return the place in KINDS of each text (uint8, shape (n,)); no nulls. `likely` is tried first."""
    # Most columns are of one kind: the regular expressions of the others are then not needed.
    kinds = np.full(len(texts), KINDS.index(STRING), np.uint8)
    left = np.arange(len(texts))
    patterns = ((INTEGRAL, _INTEGRAL), (FRACTIONAL, _FRACTIONAL))
    for kind, pattern in reversed(patterns) if likely == FRACTIONAL else patterns:
        matches = texts.str.contains(pattern).to_numpy()
        kinds[left[matches]] = KINDS.index(kind)
        if matches.all():
            return kinds
        if matches.any():
            left, texts = left[~matches], texts.filter(pl.Series(~matches))
    kinds[left[texts.is_in(["true", "false"]).to_numpy()]] = KINDS.index(BOOLEAN)
    return kinds


def inferred(counts: Mapping[str, int]) -> str:
    """Return the data type of a column of which `counts` present values are of each kind."""
    if not any(counts[kind] for kind in KINDS):
        return UNKNOWN
    numbers = counts[INTEGRAL] or counts[FRACTIONAL]
    if counts[STRING] or (counts[BOOLEAN] and numbers):
        return STRING
    if counts[BOOLEAN]:
        return BOOLEAN
    return FRACTIONAL if counts[FRACTIONAL] else INTEGRAL


def to_doubles(texts: pl.Series) -> pl.Series:
    """Cast texts of numeric kinds to Float64 as Spark does: a sign that stands off its digits gives null."""
    values = texts.cast(pl.Float64, strict=False)
    if values.null_count():
        values = texts.str.strip_chars().cast(pl.Float64, strict=False)
    return values


def to_longs(texts: pl.Series) -> pl.Series:
    """Cast texts of the kind Integral to Int64 as Spark does: what 64 bits cannot hold gives null."""
    values = texts.cast(pl.Int64, strict=False)
    if values.null_count():
        values = texts.str.strip_chars().cast(pl.Int64, strict=False)
    return values
