"""The columns of events that an entity's history is made of, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from fraud.event_types.model import EventType
from fraud.features.keys import counterparty_codes
from fraud.features.plan import AMOUNT_SCALE, EntityPlan


@dataclass(frozen=True)
class Rows:
    """One element an event, in order of arrival.

    `instants` and `known_at` (None where labels count after the delay) in microseconds, `amounts` in ten-thousandths,
    `counterparties` codes by column counted apart, `places` latitude and longitude by place.
    """

    instants: np.ndarray
    amounts: np.ndarray | None
    frauds: np.ndarray
    known_at: np.ndarray | None
    counterparties: tuple[np.ndarray, ...]
    places: tuple[tuple[np.ndarray, np.ndarray], ...]

    def take(self, rows: np.ndarray) -> Rows:
        """Return the rows at some positions."""
        return Rows(
            self.instants[rows],
            None if self.amounts is None else self.amounts[rows],
            self.frauds[rows],
            None if self.known_at is None else self.known_at[rows],
            tuple(codes[rows] for codes in self.counterparties),
            tuple((latitude[rows], longitude[rows]) for latitude, longitude in self.places),
        )


def rows_of(events: pl.DataFrame, event_type: EventType, plan: EntityPlan) -> Rows:
    """Return what the plan's entity needs of the events."""
    return Rows(
        instants=_microseconds(events[event_type.timestamp]),
        amounts=_scaled(events[event_type.amount]) if event_type.amount else None,
        frauds=(events[event_type.label].cast(pl.Int8) == 1).fill_null(False).to_numpy(),
        known_at=_known_at(events, event_type),
        counterparties=tuple(counterparty_codes(events[c], bucketed=plan.bucketed) for c in plan.entity.distinct),
        places=tuple((_floats(events[p.latitude]), _floats(events[p.longitude])) for p in plan.places),
    )


def _microseconds(times: pl.Series) -> np.ndarray:
    return times.cast(pl.Datetime("us")).to_physical().to_numpy()


def _known_at(events: pl.DataFrame, event_type: EventType) -> np.ndarray | None:
    if event_type.label_known_at is None:
        return None
    own = events[event_type.timestamp].cast(pl.Datetime("us"))
    # Without a time of its own, a label counts after the delay.
    return _microseconds(
        pl.select(pl.coalesce(events[event_type.label_known_at].cast(pl.Datetime("us")), own)).to_series()
    )


def _scaled(amounts: pl.Series) -> np.ndarray:
    return np.rint(_floats(amounts.fill_null(0.0)) * AMOUNT_SCALE).astype(np.int64)


def _floats(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
