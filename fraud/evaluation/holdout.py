"""The hold-out as arrays: labels, days, cards and amounts of the rows that models are compared on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fraud.features import schema as columns

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class HoldOut:
    """Arrays of shape (rows,).

    `labels` is bool, True for fraud. `days` holds day numbers from 0; `cards` holds card numbers from 0, or is
    None where the event type has no card, and then each row is reviewed by itself. `amounts` is None where the
    event type has none. `start` and `end` are the first and last timestamp in ISO 8601.
    """

    labels: np.ndarray
    days: np.ndarray
    cards: np.ndarray | None = None
    amounts: np.ndarray | None = None
    start: str | None = None
    end: str | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.labels)

    @property
    def frauds(self) -> int:
        """Number of frauds."""
        return int(self.labels.sum())

    @property
    def number_of_days(self) -> int:
        """Days with at least one row."""
        return int(self.days.max()) + 1 if self.rows else 0

    @property
    def units(self) -> np.ndarray:
        """What an analyst reviews and the bootstrap redraws: the row's card, or the row itself."""
        return np.arange(self.rows) if self.cards is None else self.cards

    def summary(self) -> dict[str, object]:
        """Size and window, for reports."""
        size = {"rows": self.rows, "frauds": self.frauds, "start": self.start, "end": self.end}
        return size | {"days": self.number_of_days}


def without_known_cards(frame: pl.DataFrame) -> pl.DataFrame:
    """Drop rows of cards already known as defrauded before their day: a bank has blocked those."""
    import polars as pl

    if columns.KNOWN_FRAUD_CARD not in frame.columns:
        return frame
    return frame.filter(~pl.col(columns.KNOWN_FRAUD_CARD).fill_null(False))


def holdout(frame: pl.DataFrame) -> HoldOut:
    """Build the hold-out of a prepared split, which must hold the reserved columns."""
    labels = frame[columns.LABEL].to_numpy() == 1
    days = np.zeros(len(frame), dtype=np.int64)
    start = end = None
    moments = frame[columns.TIMESTAMP] if columns.TIMESTAMP in frame.columns else None
    if moments is not None and len(frame) and not moments.null_count():
        days = _codes(moments.dt.date())
        start, end = moments.min().isoformat(), moments.max().isoformat()
    cards = amounts = None
    if columns.CARD in frame.columns and frame[columns.CARD].null_count() < len(frame):
        cards = _codes(frame[columns.CARD])
    if columns.AMOUNT in frame.columns and frame[columns.AMOUNT].null_count() < len(frame):
        amounts = frame[columns.AMOUNT].cast(float).fill_null(0.0).to_numpy()
    return HoldOut(labels, days, cards, amounts, start, end)


def _codes(values: pl.Series) -> np.ndarray:
    """Numbers from 0 in the order of the values; a row without a value gets a number of its own."""
    codes = values.rank("dense").to_numpy().astype(np.float64)
    absent = np.isnan(codes)
    codes[absent] = np.nanmax(codes) + 1 + np.arange(absent.sum())
    return codes.astype(np.int64) - 1
