"""Every threshold of the score at once: what is at or above it, and what stopping that costs and saves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraud.backtest.history import UNKNOWN, History
from fraud.backtest.results import Totals
from fraud.decisions.thresholds import HIGHEST, Tally


@dataclass(frozen=True)
class Sweep:
    """What is at or above each threshold from 0 to HIGHEST + 1: arrays of shape (HIGHEST + 2,), whole numbers.

    Amounts are in ten-thousandths; `busiest_day` is the most events on a day.
    """

    events: np.ndarray
    frauds: np.ndarray
    genuine: np.ndarray
    fraud_amount: np.ndarray
    genuine_amount: np.ndarray
    busiest_day: np.ndarray

    def at(self, threshold: int) -> Totals:
        """Return the totals of the events at or above a threshold."""
        names = ("events", "frauds", "genuine", "fraud_amount", "genuine_amount")
        return Totals(*(int(getattr(self, name)[threshold]) for name in names))


def tally(history: History) -> Tally:
    """Count a history's events by their score; those without one are left out."""
    scored = _scored(history)
    scores, labels, amounts = history.scores[scored], history.labels[scored], history.amounts[scored]
    by_day = _by_day(history)
    return Tally(
        frauds=_count(scores[labels == 1]),
        genuine=_count(scores[labels == 0]),
        fraud_amount=_sum(scores[labels == 1], amounts[labels == 1]),
        genuine_amount=_sum(scores[labels == 0], amounts[labels == 0]),
        unknown=_count(scores[labels == UNKNOWN]),
        daily=[{int(score): int(day[score]) for score in np.flatnonzero(day)} for day in by_day],
        days=max(history.number_of_days, 1),
    )


def sweep(history: History, counted: Tally) -> Sweep:
    """Return what is at or above each threshold; `counted` is the history's tally."""
    sums = {
        name: _from_above(np.array(getattr(counted, name), dtype=np.int64))
        for name in ("frauds", "genuine", "fraud_amount", "genuine_amount")
    }
    events = sums["frauds"] + sums["genuine"] + _from_above(np.array(counted.unknown, dtype=np.int64))
    daily = np.array([_from_above(day) for day in _by_day(history)]).reshape(-1, HIGHEST + 2)
    busiest = daily.max(axis=0) if len(daily) else np.zeros(HIGHEST + 2, dtype=np.int64)
    return Sweep(events=events, busiest_day=busiest, **sums)


def _scored(history: History) -> np.ndarray:
    if history.scores is None:
        raise ValueError("the history has no scores")
    return history.scores != UNKNOWN


def _by_day(history: History) -> np.ndarray:
    """Events by day and score, of shape (days, HIGHEST + 1)."""
    scored = _scored(history)
    place = history.days[scored] * (HIGHEST + 1) + history.scores[scored]
    size = history.number_of_days * (HIGHEST + 1)
    return np.bincount(place, minlength=size).reshape(-1, HIGHEST + 1)


def _count(scores: np.ndarray) -> list[int]:
    return np.bincount(scores, minlength=HIGHEST + 1).tolist()


def _sum(scores: np.ndarray, amounts: np.ndarray) -> list[int]:
    # bincount adds floats, which are not exact.
    result = np.zeros(HIGHEST + 1, dtype=np.int64)
    np.add.at(result, scores, amounts)
    return result.tolist()


def _from_above(counts: np.ndarray) -> np.ndarray:
    return np.r_[np.cumsum(counts[::-1])[::-1], 0]
