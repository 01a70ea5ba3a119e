"""Past events as rules see them, with what turned out about each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from fraud.decisions import variables_of
from fraud.decisions.thresholds import UNITS
from fraud.decisions.variables import SCORE_NAMES, Variable
from fraud.event_types.event import Event
from fraud.event_types.model import EventType
from fraud.features.batch import compute
from fraud.features.catalogue import features_of
from fraud.models.scoring import score

UNKNOWN = -1
"""In place of a label or a score that there is none of."""
_TYPES = {"number": pl.Float64, "text": pl.String, "boolean": pl.Boolean}


@dataclass(frozen=True)
class History:
    """Events in order of arrival; arrays of shape (events,).

    `variables` has a column for each variable that rules refer to, null where it has no value. `labels` are 1 for
    fraud, 0 for genuine, UNKNOWN; `amounts` whole ten-thousandths; `days` numbers from 0, `first_day` the day 0 (None
    without times, and then there is one day); `scores` 0 to 1000 or UNKNOWN, None where nothing was scored.
    """

    variables: pl.DataFrame
    labels: np.ndarray
    amounts: np.ndarray
    days: np.ndarray
    first_day: date | None = None
    scores: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def number_of_days(self) -> int:
        """Days from the first to the last, those without an event too."""
        return int(self.days.max()) + 1 if len(self) else 0

    def with_scores(self, probabilities: np.ndarray) -> History:
        """Return the history with a model's probabilities, float64 of shape (events,), and the scores of them."""
        points = scores_of(probabilities)
        columns = {"score": points.astype(np.float64), "probability": probabilities}
        there = [pl.Series(name, columns[name]).fill_nan(None) for name in SCORE_NAMES]
        scored = np.where(np.isnan(probabilities), UNKNOWN, np.nan_to_num(points)).astype(np.int64)
        return replace(self, variables=self.variables.with_columns(there), scores=scored)


def of_events(events: pl.DataFrame, event_type: EventType, keep: pl.Series | None = None) -> tuple[History, np.ndarray]:
    """Return the history of events that files hold, and their features (float64, (events, features)).

    `events` are as `fraud.data.cleaning` returns them; with `keep` the others count as what came before alone.
    Features are those of the batch engine, which the online engine agrees with to the last bit.
    """
    features = compute(events, event_type, keep, pl.Float64)
    kept = events if keep is None else events.filter(keep)
    times = kept[event_type.timestamp] if event_type.timestamp else None
    history = _history(kept, features, event_type, kept[event_type.label], times)
    return history, features.cast(pl.Float64).to_numpy()


def of_decisions(
    decided: Iterable[tuple[Event, Sequence[float], int | None, float | None, int | None]], event_type: EventType
) -> History:
    """Return the history of decisions: (event, features, score, probability, label) of each; None where unknown.

    Features and scores are those that the decisions were made with.
    """
    rows = sorted(decided, key=lambda row: row[0].instant)
    columns = [variable.key for variable in variables_of(event_type).values() if variable.source == "column"]
    events = pl.DataFrame(
        {name: pl.Series([row[0].values.get(name) for row in rows], strict=False) for name in columns}
    )
    names = [feature.name for feature in features_of(event_type)]
    values = np.array([row[1] for row in rows], dtype=np.float64).reshape(len(rows), len(names))
    features = pl.DataFrame(values, schema=[(name, pl.Float64) for name in names])
    labels = pl.Series([row[4] for row in rows], dtype=pl.Int8)
    times = pl.Series([row[0].instant for row in rows], dtype=pl.Int64).cast(pl.Datetime("us"))
    history = _history(events, features, event_type, labels, times if event_type.timestamp else None)
    if all(row[2] is None for row in rows):
        return history
    scores = {name: pl.Series(name, [row[2 + n] for row in rows], pl.Float64) for n, name in enumerate(SCORE_NAMES)}
    points = scores["score"].fill_null(UNKNOWN).cast(pl.Int64).to_numpy()
    return replace(history, variables=history.variables.with_columns(scores.values()), scores=points)


def scores_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the score of each probability (float64, NaN where there is none), to the point as the endpoint does."""
    distinct, place = np.unique(probabilities, return_inverse=True)
    points = [float("nan") if value != value else float(score(value)) for value in distinct.tolist()]
    return np.array(points, dtype=np.float64)[place]


def _history(
    events: pl.DataFrame,
    features: pl.DataFrame,
    event_type: EventType,
    labels: pl.Series,
    times: pl.Series | None,
) -> History:
    variables = [_values(variable, events, features) for variable in variables_of(event_type).values()]
    amounts = np.zeros(len(events), dtype=np.int64)
    if event_type.amount:
        numbers = events[event_type.amount].cast(pl.Float64).fill_null(0.0).to_numpy()
        amounts = np.rint(numbers * UNITS).astype(np.int64)
    days, first = np.zeros(len(events), dtype=np.int64), None
    if times is not None and len(events):
        dates = times.dt.date()
        first = dates.min()
        days = (dates - first).dt.total_days().to_numpy().astype(np.int64)
    known = labels.fill_null(UNKNOWN).cast(pl.Int8).to_numpy()
    return History(pl.DataFrame(variables), known, amounts, days, first)


def _values(variable: Variable, events: pl.DataFrame, features: pl.DataFrame) -> pl.Series:
    kind: Any = _TYPES[variable.type]
    if variable.source == "feature":
        values = features.to_series(int(variable.key))
    elif variable.source == "column" and variable.key in events.columns:
        values = events[str(variable.key)]
    else:
        values = pl.Series([None], dtype=kind).new_from_index(0, len(events))
    if variable.type == "text" and values.dtype == pl.Date:
        values = values.dt.to_string("%Y-%m-%d")
    values = values.cast(kind).alias(variable.name)
    return values.fill_nan(None) if variable.type == "number" else values


def window(
    events: pl.DataFrame, event_type: EventType, first: datetime | None, last: datetime | None
) -> pl.Series | None:
    """Return which events are replayed: from `first` up to, not including, `last`; None for all.

    Without `first`, those too early for their features to know as much as later ones are left out, where that leaves
    at least half of the time.
    """
    if event_type.timestamp is None or not len(events):
        return None
    times = events[event_type.timestamp]
    if first is None:
        start, end = times.min(), times.max()
        warm = start + timedelta(days=event_type.history_days)
        first = warm if warm <= start + (end - start) / 2 else start
    keep = times >= first
    return keep & (times < last) if last else keep


MakeScores = Callable[[np.ndarray], np.ndarray]
"""From features (float64, (events, features)) to probabilities (float64, (events,))."""
