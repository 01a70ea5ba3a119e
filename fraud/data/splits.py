"""How events are divided into train, validation and test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from fraud.data.errors import DataError
from fraud.event_types.model import EventType, RandomSplit
from fraud.features.keys import key_column

SPLITS = ("train", "validation", "test")
DEFAULT_DAYS = {"train": 28, "validation": 7, "test": 7}
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """Days from `start` up to, not including, `end`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days


@dataclass(frozen=True)
class TimePlan:
    """Three periods with the label delay between them, and what had to give way for lack of days."""

    train: Period
    validation: Period
    test: Period
    warm_up_days: int
    warnings: tuple[str, ...] = ()


def plan_by_time(first: date, last: date, event_type: EventType, wished: dict[str, int | None]) -> TimePlan:
    """Place the periods at the end of the data, which run from `first` to `last` (both included).

    Days that the event type states are kept or refused; those of `wished` (keys of SPLITS) and the defaults
    are the most taken, and shrink when the data are short. What remains before train warms the features up.
    Raises DataError saying how many days are needed.
    """
    total, delay = (last - first).days + 1, event_type.label_delay_days
    stated = {name: getattr(event_type.split, f"{name}_days") for name in SPLITS}
    days = {name: stated[name] or wished.get(name) or DEFAULT_DAYS[name] for name in SPLITS}
    least = sum(stated[name] or 1 for name in SPLITS) + 2 * delay
    if total < least:
        parts = " + ".join(f"{stated[name] or 1} {name}" for name in SPLITS)
        raise DataError(
            f"column {event_type.timestamp}: the data span {total} day(s), at least {least} are needed "
            f"({parts} + twice the label delay of {delay}); add older data or lower the event type's days"
        )
    usable = total - 2 * delay
    warnings = []
    wanted = dict(days)
    for name in ("test", "validation"):
        if not stated[name]:
            days[name] = max(1, min(days[name], usable // 5))
    rest = usable - days["test"] - days["validation"]
    history = event_type.history_days
    if not stated["train"]:
        days["train"] = max(1, min(days["train"], rest - min(history, rest // 3)))
    elif rest < days["train"]:
        spare = days["train"] - rest
        for name in ("test", "validation"):
            if not stated[name]:
                give = min(spare, days[name] - 1)
                days[name], spare = days[name] - give, spare - give
        rest = days["train"]
    shorter = [f"{name} {days[name]} instead of {wanted[name]}" for name in SPLITS if days[name] < wanted[name]]
    needed = sum(wanted.values()) + 2 * delay + history
    if shorter:
        warnings.append(f"days of {', '.join(shorter)}: the data span {total} days, {needed} would be needed")
    warm_up = rest - days["train"]
    if warm_up < history:
        warnings.append(
            f"features of the first training days look back {warm_up} of {history} days; {needed} days of data "
            "would give them all"
        )
    end = last + ONE_DAY
    test = Period(end - days["test"] * ONE_DAY, end)
    validation_end = test.start - delay * ONE_DAY
    validation = Period(validation_end - days["validation"] * ONE_DAY, validation_end)
    train_end = validation.start - delay * ONE_DAY
    train = Period(train_end - days["train"] * ONE_DAY, train_end)
    return TimePlan(train, validation, test, warm_up, tuple(warnings))


def assign_by_time(plan: TimePlan, instants: pl.Series, labels: pl.Series | None = None) -> pl.Series:
    """Return for each instant (Datetime) the name of its split, or null outside all three and without a label."""
    expression = pl.lit(None, pl.String)
    for name in SPLITS:
        period = getattr(plan, name)
        inside = (pl.col("t") >= period.start) & (pl.col("t") < period.end)
        expression = pl.when(inside).then(pl.lit(name)).otherwise(expression)
    names = pl.DataFrame({"t": instants}).select(expression.alias("split")).to_series()
    return names if labels is None else _labelled(names, labels)


def assign_at_random(split: RandomSplit, labels: pl.Series) -> pl.Series:
    """Return for each row the name of its split: each class is shared out alike, the same for a seed.

    Rows without a label are in none.
    """
    generator = np.random.default_rng(split.seed)
    values = labels.to_numpy()
    names = np.zeros(len(values), dtype=np.int8)
    for value in (0, 1):
        rows = generator.permutation(np.flatnonzero(values == value))
        bounds = np.rint(np.cumsum([split.train, split.validation]) * len(rows)).astype(int)
        for number, part in enumerate(np.split(rows, bounds)):
            names[part] = number
    split_names = pl.Series("split", names).replace_strict(dict(enumerate(SPLITS)), return_dtype=pl.String)
    return _labelled(split_names, labels)


def _labelled(names: pl.Series, labels: pl.Series) -> pl.Series:
    return pl.select(pl.when(labels.is_not_null()).then(names).alias("split")).to_series()


def cards(events: pl.DataFrame, event_type: EventType) -> pl.Series | None:
    """Return the key of each event's card, or None if the event type names none."""
    entity = next((entity for entity in event_type.entities if entity.name == event_type.card), None)
    return None if entity is None else key_column(events[entity.column], entity.derive)


def known_fraud_cards(events: pl.DataFrame, event_type: EventType, plan: TimePlan) -> pl.Series:
    """Return for each event whether its card was known to be defrauded before the event's day.

    Known on day d are frauds of days before d less the label delay; those earlier than the event type's
    `known_fraud_days` before the last day known at the test's start are forgotten (the card was replaced).
    """
    time = event_type.timestamp
    card = cards(events, event_type)
    if card is None:
        return pl.Series("known", [False]).new_from_index(0, len(events))
    column = "__card"
    events = events.with_columns(card.alias(column))
    delay = timedelta(days=event_type.label_delay_days)
    since = plan.test.start - delay - timedelta(days=event_type.split.known_fraud_days)
    frauds = (
        events.lazy()
        .filter((pl.col(event_type.label) == 1) & (pl.col(time) >= since))
        .group_by(column)
        .agg(pl.col(time).min().dt.date().alias("__first_fraud"))
    )
    known = (pl.col("__first_fraud") < pl.col(time).dt.date() - delay).fill_null(False)
    joined = events.lazy().select(column, time).join(frauds, on=column, how="left", maintain_order="left")
    return joined.select(known.alias("known")).collect().to_series()
