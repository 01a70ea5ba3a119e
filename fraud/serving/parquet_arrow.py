"""Parquet files read by pyarrow, which AWS's XGBoost container has."""

from __future__ import annotations

import io

import numpy as np
import pyarrow
import pyarrow.parquet

ERRORS = (Exception,)


def described(file: io.BytesIO) -> tuple[dict[str, bool], int]:
    """Return the columns, True where they are numeric, and the number of rows, without reading them."""
    opened = pyarrow.parquet.ParquetFile(file)
    types = pyarrow.types
    numeric = (types.is_integer, types.is_floating, types.is_decimal, types.is_null)
    columns = {field.name: any(is_kind(field.type) for is_kind in numeric) for field in opened.schema_arrow}
    return columns, opened.metadata.num_rows


def read(file: io.BytesIO, names: list[str]) -> np.ndarray:
    """Return columns as numbers of shape (rows, columns), NaN where missing."""
    table = pyarrow.parquet.read_table(file, columns=names)
    columns = (table.column(name).cast(pyarrow.float64()).to_numpy() for name in names)
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
