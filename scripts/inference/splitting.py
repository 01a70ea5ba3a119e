"""Choosing how the proposal divides events into train, validation and test."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from fraud.data.errors import DataError
from fraud.data.splits import SPLITS, assign_by_time, plan_by_time
from fraud.event_types import parse
from scripts.inference.draft import Draft

FEWEST_FRAUDS = 10
"""Of each split, for it to say anything."""
_SHARES = (0.5, 0.15, 0.2)


def choose_split(draft: Draft) -> None:
    """Prefer time with the platform's own days, then with longer ones; at random if frauds are too few for either."""
    random = {"method": "random", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 0}
    if draft.timestamp is None:
        draft.body["split"] = random
        draft.comments["split"] = "Without a timestamp there is no order of time to split by."
        return
    for split in ({"method": "time"}, _longer(draft)):
        frauds = _frauds(draft, split)
        if frauds and min(frauds) >= FEWEST_FRAUDS:
            draft.body["split"] = split
            if len(split) > 1:
                draft.comments["split"] = "Frauds are rare: the periods are long enough to hold some of them each."
            return
    draft.body["split"] = random
    draft.comments["split"] = (
        "Too few days or frauds for periods that follow each other: a split at random has more of them. Features "
        "look back alone, so that it gives no future away."
    )


def _longer(draft: Draft) -> dict:
    days = draft.span_days - 2 * draft.body["label"].get("delay_days", 0)
    lengths = [max(1, int(share * days)) for share in _SHARES]
    return {"method": "time"} | {f"{name}_days": length for name, length in zip(SPLITS, lengths, strict=True)}


def _frauds(draft: Draft, split: dict) -> list[int] | None:
    """Frauds in each split, estimated from the rows looked at; None if the days do not suffice."""
    event_type = parse({**draft.body, "split": split})
    label = pl.Series(draft.label.is_fraud)
    there = draft.instants.filter((label >= 0) & draft.instants.is_not_null())
    try:
        plan = plan_by_time(draft.instants.min().date(), there.max().date(), event_type, {})
    except DataError:
        return None
    if plan.test.end - plan.train.start < timedelta(days=3):
        return None
    names = assign_by_time(plan, draft.instants)
    every = len(draft.instants) / next(iter(draft.facts.values())).rows
    return [int(((names == name) & (label == 1)).sum() / every) for name in SPLITS]
