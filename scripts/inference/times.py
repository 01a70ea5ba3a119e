"""Finding the event's time, and the columns that repeat it or speak of its label and arrival."""

from __future__ import annotations

import numpy as np
import polars as pl

from fraud.data.errors import DataError
from fraud.data.typed import typed
from fraud.event_types import times
from fraud.event_types.model import TIMESTAMP_FORMATS
from scripts.inference import names
from scripts.inference.draft import Draft
from scripts.inference.facts import Facts

NO_TIMESTAMP = (
    "no timestamp found: without one, events have no order and entities no past, so no features of history are "
    "proposed. Name it: --timestamp COLUMN, or --timestamp COLUMN=FORMAT (iso, epoch_seconds, epoch_milliseconds, "
    "epoch_days, '%d/%m/%Y %H:%M' …)"
)
_UNITS = {
    "epoch_hours": ("step", "hours"),
    "epoch_days": ("days", "day"),
    "epoch_seconds": ("time", "seconds", "dt", "ts"),
}
_MOST_MISSING = 0.02
_MOST_OF_THEM = 0.95
_REPEATS = 0.9999


def find_timestamp(draft: Draft) -> None:
    """Find the event's time; without one the draft gets a note."""
    forced = draft.forced.timestamp
    if forced is not None:
        facts = draft.named(forced, "--timestamp")
        form = draft.forced.timestamp_format or _likely_format(facts)
    else:
        facts = draft.best(_score)
        if facts is None:
            draft.notes.append(NO_TIMESTAMP + _relative(draft))
            return
        form = facts.time_format
    draft.timestamp = facts
    draft.instants = _instants(facts, form)
    draft.use(facts.name, "timestamp")
    draft.body["timestamp"] = facts.name if form == "iso" else {"column": facts.name, "format": form}


def find_other_times(draft: Draft) -> None:
    """Give the other columns of times their roles: arrival of event and label, or none."""
    if draft.timestamp is None:
        for facts in draft.free():
            if facts.form in ("time", "date"):
                draft.drop(facts.name, "a time, but the events have no timestamp to measure it from")
        return
    for facts in draft.free():
        if _repeats_time(facts, draft.instants):
            draft.drop(facts.name, f"repeats {draft.timestamp.name} in another form")
        elif facts.form in ("time", "date"):
            _place(facts, draft)


def _place(facts: Facts, draft: Draft) -> None:
    after = _share_after(facts, draft)
    same_format = facts.time_format == _format(draft)
    if names.has(facts.name, names.KNOWLEDGE_WORDS):
        if facts.unique < 2:
            draft.drop(facts.name, "the same in each row: it does not say when a label was known")
        elif same_format and after >= _MOST_OF_THEM and "known_at" not in draft.body["label"]:
            draft.body["label"]["known_at"] = facts.name
            draft.use(facts.name, "known_at")
        else:
            draft.drop(facts.name, "by its name it belongs to the label: not known when the event is scored")
    elif names.has(facts.name, names.ARRIVAL_WORDS):
        if same_format and facts.missing == 0 and after >= _MOST_OF_THEM and "arrival" not in draft.body:
            draft.body["arrival"] = facts.name
            draft.use(facts.name, "arrival")
        else:
            draft.drop(facts.name, "a time of arrival, but not one later than the event in each row")
    elif facts.form == "time" and after >= _MOST_OF_THEM:
        draft.drop(facts.name, "later than the event: not known when it is scored")
    elif not facts.may_be_date:
        draft.drop(facts.name, "a time in no form that the type date reads (1999-12-31)")


def _score(facts: Facts) -> int:
    score = names.weight(facts.name, names.TIME_WEIGHTS)
    if facts.form == "time":
        score += 3
    elif facts.form == "number":
        if not facts.time_format or score <= 0:
            return 0
    elif facts.form != "date":
        return 0
    if facts.unique < 2 or facts.missing > _MOST_MISSING:
        return 0
    return score


def _likely_format(facts: Facts) -> str:
    if facts.form in ("time", "date"):
        return facts.time_format
    if facts.form == "number":
        return facts.time_format or "epoch_seconds"
    raise DataError(
        f"--timestamp: column {facts.name!r} holds no times that are recognised; state their form: "
        f"--timestamp {facts.name}=FORMAT, one of {', '.join(TIMESTAMP_FORMATS)}, or a pattern such as '%d/%m/%Y %H:%M'"
    )


def _instants(facts: Facts, form: str) -> pl.Series:
    fault = times.pattern_fault(form) if "%" in form else None if form in TIMESTAMP_FORMATS else "unknown"
    if fault:
        allowed = ", ".join(TIMESTAMP_FORMATS)
        raise DataError(f"--timestamp: format {form!r}: {fault}; allowed are {allowed}, or a pattern with %Y, %m, %d")
    read_as = typed(facts.name, facts.raw.dtype, "time", form)
    instants = facts.raw.to_frame().select(read_as.values).to_series()
    if instants.null_count() > 0.5 * len(instants):
        raise DataError(f"--timestamp: column {facts.name!r} cannot be read as {form}")
    return instants


def _share_after(facts: Facts, draft: Draft) -> float:
    """Share of the values that are not before their event."""
    if facts.form not in ("time", "date"):
        return 0.0
    both = pl.DataFrame({"event": draft.instants, "other": facts.values.cast(pl.Datetime("us"))}).drop_nulls()
    return both.select((pl.col("other") >= pl.col("event")).mean()).item() or 0.0


def _repeats_time(facts: Facts, instants: pl.Series) -> bool:
    """Whether a column rises evenly with the event's time: the same instants, or seconds or days of them."""
    if facts.form not in ("number", "time", "date") or facts.unique < 2:
        return False
    values = facts.values if facts.form == "number" else facts.values.cast(pl.Datetime("us")).to_physical()
    both = pl.DataFrame({"event": instants.to_physical(), "other": values}).drop_nulls().cast(pl.Float64)
    if (
        len(both) < 20
        or facts.missing > _MOST_MISSING
        or names.has(facts.name, names.ARRIVAL_WORDS | names.KNOWLEDGE_WORDS)
    ):
        return False
    event, other = (column.to_numpy() for column in both.get_columns())
    if not event.std() or not other.std():
        return False
    # Days of a span are stairs beside its seconds: over few days they rise less evenly.
    least = min(_REPEATS, 1 - 1 / max(facts.unique, 2) ** 2)
    return np.corrcoef(event, other)[0, 1] >= least


def _relative(draft: Draft) -> str:
    """A column that may count time from the first event, and how to say so."""
    for facts in draft.free():
        found = next((form for form, some in _UNITS.items() if names.has(facts.name, some)), None)
        if found and facts.form == "number" and facts.unique > 1 and facts.values.min() >= 0:
            return f". Column {facts.name} may count time from some first event: --timestamp {facts.name}={found}"
    return ""


def _format(draft: Draft) -> str:
    body = draft.body["timestamp"]
    return body["format"] if isinstance(body, dict) else "iso"
