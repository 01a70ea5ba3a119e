"""Labels that cannot be right: what a poisoned or broken label file looks like before a model learns from it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fraud.event_types.model import EventType

LEAST_EVENTS = 50
LEAST_DAYS = 35
"""Frauds come in bursts that end when somebody notices: nobody is defrauded most of the time for so long."""
SHARE, SHARE_WHERE_FRAUD_IS_COMMON, COMMON = 0.65, 0.95, 0.02
"""Turning over the labels of an entity that was attacked itself for a while leaves it a share of frauds below 1. Where
more than COMMON of all events are frauds, honest entities come near that, attacked one time after the other."""
WITHDRAWN_SHARE, LEAST_WITHDRAWN = 0.05, 10
"""Some frauds turn out to be none; so many at once, and so large a part of those that were known, do not."""


def implausible_labels(events: pl.DataFrame, event_type: EventType) -> list[str]:
    """Return a sentence for each entity some of whose values have mostly frauds, in number and over weeks.

    A gate that compares models on a hold-out cannot see this: the hold-out's labels are wrong in the same way, so that
    the model that learnt them looks better. Labels turned from fraud to genuine cannot be told from one file alone:
    see `withdrawn_frauds`.
    """
    label, time = pl.col(event_type.label), event_type.timestamp
    labelled = events.filter(label.is_not_null())
    rate = labelled[event_type.label].mean()
    if time is None or rate is None or rate >= 0.5:
        return []
    return list(_sentences(labelled, event_type, SHARE if rate <= COMMON else SHARE_WHERE_FRAUD_IS_COMMON))


def withdrawn_frauds(known: int, withdrawn: int) -> list[str]:
    """Return a sentence if too many of the frauds that the deployed model has learnt are now said to be genuine."""
    if withdrawn < LEAST_WITHDRAWN or withdrawn <= WITHDRAWN_SHARE * known:
        return []
    return [
        f"{withdrawn:,} of {known:,} known frauds are now labelled genuine, at most {WITHDRAWN_SHARE:.0%} are "
        "believed; check where these labels come from"
    ]


def _sentences(labelled: pl.DataFrame, event_type: EventType, least: float) -> Iterator[str]:
    label, time = pl.col(event_type.label), event_type.timestamp
    for entity in event_type.entities:
        values = (
            labelled.lazy()
            .filter(pl.col(entity.column).is_not_null())
            .group_by(entity.column)
            .agg(events=pl.len(), share=label.cast(pl.Float64).mean(), span=pl.col(time).max() - pl.col(time).min())
            .filter(
                pl.col("events") >= LEAST_EVENTS,
                pl.col("share") >= least,
                pl.col("span") >= pl.duration(days=LEAST_DAYS),
            )
            .collect()
        )
        if len(values):
            yield (
                f"column {event_type.label}: {len(values):,} value(s) of {entity.column} have frauds in at least "
                f"{least:.0%} of {values['events'].sum():,} events over {LEAST_DAYS} days or more; check where these "
                "labels come from"
            )
