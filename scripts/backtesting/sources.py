"""What a backtest replays: files of events or stored decisions; and the rule sets that decide them anew."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from fraud.backtest.history import of_events, window
from fraud.data.cleaning import Cleaned, clean
from fraud.data.errors import DataError
from fraud.data.reading import find_files
from fraud.decisions import RuleError, RuleSet, compile_rules, default_ruleset
from fraud.event_types import EventType
from inference_code.scoring.rule_table import RULESET, list_name
from scripts.backtesting.decisions import stored
from scripts.backtesting.models import learnt_until, model_of
from scripts.backtesting.replay import Replay
from scripts.retraining.errors import InputError
from scripts.retraining.selection import choose
from scripts.ruling import files
from scripts.ruling.platform import body, book_of, ruleset_of

Say = Callable[[str], None]


def replay(options: argparse.Namespace, say: Say) -> Replay:
    """Return the history that the options name; raises InputError."""
    return stored(options, say) if options.decisions else _from_files(options, say)


def ruleset(text: str, options: argparse.Namespace, event_type: EventType) -> tuple[RuleSet, str]:
    """Return a rule set and its name: a file, a version's number, `active` or `starter`.

    Of stored versions the lists are those in force, as in the scoring function.
    """
    if text == "starter":
        return default_ruleset(), "the platform's own rules"
    if text != "active" and not text.isdigit():
        read = files.read(Path(text))
        with _explained(text, read.conditions):
            compile_rules(read.ruleset, event_type)
        return read.ruleset, Path(text).name
    book = book_of(options)
    version = int(text) if text.isdigit() else book.active(RULESET)
    if not version:
        return default_ruleset(), "the platform's own rules (no version is in force)"
    found = ruleset_of(book, version)
    in_force = {name: book.active(list_name(name)) for name in found.lists}
    lists = {name: tuple(body(book, list_name(name), number)) for name, number in in_force.items() if number}
    found = replace(found, lists={**found.lists, **lists})
    with _explained(f"version {version}", {}):
        compile_rules(found, event_type)
    return found, f"version {version}" + (" (in force)" if text == "active" else "")


@contextmanager
def _explained(source: str, conditions: dict[str, files.Condition]) -> Iterator[None]:
    """Turns faults of conditions into a message that names their places."""
    try:
        yield
    except RuleError as error:
        raise InputError(files.described(source, error, conditions)) from error


def _from_files(options: argparse.Namespace, say: Say) -> Replay:
    if not options.data.exists():
        raise InputError(f"--data {options.data}: there is no such file or folder.")
    event_type = choose(options.data, options.event_type)
    say(f"Event type {event_type.name}; reading {options.data} …")
    try:
        cleaned = clean(find_files([options.data]), event_type)
    except DataError as error:
        raise InputError(str(error)) from error
    notes = _rejected(cleaned)
    events = cleaned.events
    package = model_of(options, event_type, say)
    learnt = learnt_until(package)
    first, last = _moments(options, events, event_type)
    if first is None and learnt and event_type.timestamp and learnt < events[event_type.timestamp].max():
        # What a model has learnt from it knows too well.
        first = learnt + timedelta(microseconds=1)
    keep = window(events, event_type, first, last)
    rows = len(events) if keep is None else int(keep.sum())
    if not rows:
        raise InputError("no event is left to replay: look at --from, --to and --days")
    say(f"Features of {rows:,} events, {len(events) - rows:,} more as their past …")
    history, features = of_events(events, event_type, keep)
    facts = {"data": str(options.data), "event type": event_type.name}
    if package is not None:
        say("Scores …")
        # Models are trained on 32-bit floats, and so does the endpoint read what it is asked.
        history = history.with_scores(package.fraud_probability(features.astype(np.float32)))
        facts["model"] = f"{options.model} ({package.metadata['algorithm']})"
        if learnt is None:
            notes.append("the model may have learnt from some of these events: its results can be flattered")
        elif history.first_day and learnt.date() >= history.first_day and learnt > _start(events, event_type, keep):
            notes.append(f"the model has learnt from events until {learnt:%Y-%m-%d}: results before are flattered")
    return Replay(history, event_type, facts, tuple(notes))


def _start(events: Any, event_type: EventType, keep: Any) -> datetime:
    times = events[event_type.timestamp]
    return times.min() if keep is None else times.filter(keep).min()


def _rejected(cleaned: Cleaned) -> list[str]:
    return [
        f"left out: {count:,} rows, column {cleaned.rules[reason].column}: {cleaned.rules[reason].fault}"
        for reason, count in cleaned.rejected_by_reason.items()
    ]


def _moments(
    options: argparse.Namespace, events: Any, event_type: EventType
) -> tuple[datetime | None, datetime | None]:
    first, last = options.first, options.last
    if event_type.timestamp is None:
        if first or last or options.days:
            raise InputError(f"--from, --to and --days: event type {event_type.name} has no times")
        return None, None
    if options.days:
        first = (last or events[event_type.timestamp].max()) - timedelta(days=options.days)
    return first, last
