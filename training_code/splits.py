"""Reads a prepared split from its parquet files into arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from fraud.features import schema as columns
from fraud.features.schema import FeatureSchema
from fraud.models import Split


class SplitError(ValueError):
    """A split is absent, unreadable or does not fit the schema; the message names column and remedy."""


@dataclass(frozen=True)
class PreparedSplit:
    """A split: `frame` with the reserved columns, and its features as `Split`."""

    name: str
    frame: pl.DataFrame
    data: Split

    @property
    def start(self) -> str | None:
        """Timestamp of the first row in ISO 8601, or None without timestamps."""
        return _moment(self.frame, "min")

    @property
    def end(self) -> str | None:
        """Timestamp of the last row in ISO 8601, or None without timestamps."""
        return _moment(self.frame, "max")

    def summary(self) -> dict[str, object]:
        """Rows, frauds and window, for reports."""
        frauds = int(np.sum(self.data.labels == 1))
        return {"rows": len(self.frame), "frauds": frauds, "start": self.start, "end": self.end}


def read_split(folder: Path, schema: FeatureSchema, name: str) -> PreparedSplit:
    """Read all parquet files of a folder; raise SplitError naming what is missing or wrong."""
    files = sorted(Path(folder).rglob("*.parquet"))
    if not files:
        raise SplitError(f"{name}: no parquet file in {folder}; the prepare job writes data.parquet there")
    try:
        frame = pl.concat([pl.read_parquet(file) for file in files])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SplitError(f"{name}: {files[0].name} cannot be read ({error}); run prepare again") from None
    if columns.LABEL not in frame.columns:
        raise SplitError(f"{name}: column {columns.LABEL} is missing; run prepare again")
    if frame.is_empty():
        raise SplitError(f"{name}: no rows; choose longer periods or check the timestamps")
    return PreparedSplit(name, frame, Split(matrix(frame, schema, name), _labels(frame, name)))


def matrix(frame: pl.DataFrame, schema: FeatureSchema, name: str) -> np.ndarray:
    """Return float32 features of shape (rows, features) in schema order, NaN for null; name absent columns."""
    missing = [feature for feature in schema.feature_names if feature not in frame.columns]
    if missing:
        raise SplitError(
            f"{name}: feature column(s) {', '.join(missing)} of the model's schema are missing; "
            "prepare the data with the event type the model was trained for"
        )
    features = frame.select(schema.feature_names)
    textual = [column for column, kind in features.schema.items() if not (kind.is_numeric() or kind == pl.Boolean)]
    if textual:
        raise SplitError(f"{name}: feature column(s) {', '.join(textual)} are not numeric; run prepare again")
    return np.ascontiguousarray(features.cast(pl.Float32).fill_null(float("nan")).to_numpy())


def _labels(frame: pl.DataFrame, name: str) -> np.ndarray:
    labels = frame[columns.LABEL]
    if labels.null_count() or not labels.is_in([0, 1]).all():
        raise SplitError(f"{name}: column {columns.LABEL} must hold 0 and 1 only; run prepare again")
    return labels.to_numpy().astype(np.int8)


def _moment(frame: pl.DataFrame, which: str) -> str | None:
    if columns.TIMESTAMP not in frame.columns:
        return None
    moment = getattr(frame[columns.TIMESTAMP], which)()
    return None if moment is None else moment.isoformat()
