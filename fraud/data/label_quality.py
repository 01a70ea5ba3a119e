"""Labels that cannot be right: what a poisoned or broken label file looks like before a model learns from it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fraud.event_types.model import EventType

LEAST_EVENTS = 50
LEAST_DAYS = 35
"""Frauds come in bursts that end when somebody notices: nobody is defrauded every single time for so long."""
SHARE = 0.95


def implausible_labels(events: pl.DataFrame, event_type: EventType) -> list[str]:
    """Return a sentence for each entity some of whose values have nothing but frauds, in number and over weeks.

    A gate that compares models on a hold-out cannot see this: the hold-out's labels are wrong in the same way, so that
    the model that learnt them looks better. Labels turned from fraud to genuine cannot be told from the file alone.
    """
    label, time = pl.col(event_type.label), event_type.timestamp
    labelled = events.filter(label.is_not_null())
    if time is None or labelled[event_type.label].mean() is None or labelled[event_type.label].mean() >= 0.5:
        return []
    return list(_sentences(labelled, event_type, label, time))


def _sentences(labelled: pl.DataFrame, event_type: EventType, label: pl.Expr, time: str) -> Iterator[str]:
    for entity in event_type.entities:
        values = (
            labelled.lazy()
            .filter(pl.col(entity.column).is_not_null())
            .group_by(entity.column)
            .agg(events=pl.len(), share=label.cast(pl.Float64).mean(), span=pl.col(time).max() - pl.col(time).min())
            .filter(
                pl.col("events") >= LEAST_EVENTS,
                pl.col("share") >= SHARE,
                pl.col("span") >= pl.duration(days=LEAST_DAYS),
            )
            .collect()
        )
        if len(values):
            yield (
                f"column {event_type.label}: {len(values):,} value(s) of {entity.column} have frauds in at least "
                f"{SHARE:.0%} of {values['events'].sum():,} events over {LEAST_DAYS} days or more; check where these "
                "labels come from, or state that they are right (--accept-labels)"
            )
