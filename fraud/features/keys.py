"""Entities and counterparties as integers, by the same texts that the online engine compares."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from fraud.features.distinct import register_of
from fraud.features.values import entity_key


def key_column(column: pl.Series, derive: str | None) -> pl.Series:
    """Return the keys of an entity, made of its column's values; null where there is none."""
    if derive is None:
        return column
    return map_unique(column.cast(pl.String), lambda text: entity_key(text, derive), pl.String)


def grouped(column: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the column's values value by value, ascending within each, and how many each has.

    The order of the values is any; a missing value is one of its own.
    """
    frame = pl.DataFrame({"key": column}).with_row_index("at", 0)
    groups = frame.filter(pl.col("key").is_not_null()).group_by("key").agg("at")["at"]
    missing = frame.filter(pl.col("key").is_null())["at"].to_numpy()
    order = groups.explode().drop_nulls().to_numpy()
    counts = groups.list.len().cast(pl.Int64).to_numpy()
    if not len(missing):
        return order, counts
    return np.concatenate([order, missing]), np.concatenate([counts, np.ones(len(missing), dtype=np.int64)])


def counterparty_codes(column: pl.Series, *, bucketed: bool) -> np.ndarray:
    """Return what tells counterparties apart in a window: their register, or a code of their own; -1 for none."""
    if bucketed:
        codes = map_unique(column.cast(pl.String), register_of, pl.Int64)
    else:
        codes = column.rank("dense").cast(pl.Int64)
    return codes.fill_null(-1).to_numpy()


def map_unique(column: pl.Series, function: Callable, dtype: type[pl.DataType]) -> pl.Series:
    """Return function(value) for each value of the column, called once for each different one; null stays null."""
    unique = column.drop_nulls().unique()
    if not len(unique):
        return pl.Series(column.name, [None] * len(column), dtype=dtype)
    mapped = pl.Series([function(value) for value in unique.to_list()], dtype=dtype)
    return column.replace_strict(unique, mapped, default=None, return_dtype=dtype)
