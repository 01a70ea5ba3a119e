"""Replays events one by one through the online engine and compares every feature with the batch engine's, bit by bit.

Usage: python -m benchmarks.check_agreement FILE [--event-type NAME] [--windows bucketed|sliding] [--rows N]
       [--late SHARE] [--shuffle SHARE] [--duplicates SHARE] [--ties SHARE] [--permute] [--seed N]
What the options disturb is drawn at random by --seed; the exit code is 1 if any value differs.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from rich.progress import track

from fraud.data.reading import scan
from fraud.event_types import EventType, load, match
from fraud.event_types.event import Event
from fraud.features.batch import compute
from fraud.features.catalogue import features_of
from fraud.features.online import OnlineEngine, ProfileKey

LABEL_ARRIVAL = "label_arrival"


def replay(
    events: pl.DataFrame, event_type: EventType, stored: Mapping[ProfileKey, bytes] | None = None
) -> Iterator[list[float]]:
    """Yield the online engine's features of each event, in the order given; labels arrive at their time.

    `stored` are the profiles of what came before.
    """
    engine = OnlineEngine(event_type)
    profiles: dict[ProfileKey, bytes] = dict(stored or {})
    pending: list[tuple[int, int, int, ProfileKey]] = []
    for number, (event, is_fraud, arrival) in enumerate(_events(events, event_type)):
        while pending and pending[0][0] <= event.instant:
            known, _, instant, key = heapq.heappop(pending)
            profiles[key] = engine.apply_label(key.entity, profiles[key], instant, known, 1)
        advanced = engine.advance(event, profiles)
        profiles |= advanced.profiles
        for key, clock in advanced.clocks.items() if is_fraud else ():
            heapq.heappush(pending, (engine.known_from(clock, arrival), number, event.instant, key))
        yield advanced.features


def _events(events: pl.DataFrame, event_type: EventType) -> Iterator[tuple[Event, bool, int | None]]:
    numbers = {event_type.amount} | {v.column for v in event_type.variables if v.type == "number"}
    numbers |= {column for place in event_type.coordinates for column in (place.latitude, place.longitude)}
    booleans = {v.column for v in event_type.variables if v.type == "boolean"}
    others = {event_type.label, event_type.timestamp, event_type.label_known_at, event_type.arrival}
    columns = {}
    for name in event_type.required_columns:
        if name not in others:
            kind = pl.Float64 if name in numbers else pl.Boolean if name in booleans else pl.String
            columns[name] = events[name].cast(kind).to_list()
    instants = events[event_type.timestamp].cast(pl.Datetime("us")).to_physical().to_list()
    frauds = (events[event_type.label].cast(pl.Int8) == 1).fill_null(False).to_list()
    arrivals = [None] * len(events)
    if event_type.label_known_at:
        arrivals = events[event_type.label_known_at].cast(pl.Datetime("us")).to_physical().to_list()
    for row in range(len(events)):
        values = {name: column[row] for name, column in columns.items()}
        yield Event(str(row), instants[row], values), frauds[row], arrivals[row]


def differences(events: pl.DataFrame, event_type: EventType) -> dict[str, int]:
    """Return for each feature the number of events whose 64 bits differ between the engines."""
    batch = compute(events, event_type, float_type=pl.Float64)
    names = [feature.name for feature in features_of(event_type)]
    online = np.empty((len(events), len(names)))
    rows = replay(events, event_type)
    for number, features in enumerate(track(rows, "replay", total=len(events), transient=True)):
        online[number] = features
    differing = {}
    for position, name in enumerate(names):
        expected = batch[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        found = online[:, position]
        same = (expected.view(np.int64) == found.view(np.int64)) | (np.isnan(expected) & np.isnan(found))
        differing[name] = int((~same).sum())
    return differing


def disturbed(
    events: pl.DataFrame,
    event_type: EventType,
    late: float = 0,
    shuffle: float = 0,
    duplicates: float = 0,
    ties: float = 0,
    seed: int = 0,
) -> tuple[pl.DataFrame, EventType]:
    """Return events and event type with shares of labels late, arrivals out of order, copies and equal timestamps."""
    random = np.random.default_rng(seed)
    time_column = event_type.timestamp
    if ties:
        whole_hours = pl.lit(pl.Series(random.random(len(events)) < ties))
        time = pl.col(time_column)
        events = events.with_columns(pl.when(whole_hours).then(time.dt.truncate("1h")).otherwise(time))
        events = events.sort(time_column, maintain_order=True)
    if duplicates:
        # A copy arrives right after its original, as an event of its own.
        times = 1 + (random.random(len(events)) < duplicates)
        events = events[np.repeat(np.arange(len(events)), times)]
    size = len(events)
    if late:
        instants = events[time_column].cast(pl.Datetime("us")).to_physical().to_numpy()
        delays = np.where(random.random(size) < late, random.integers(0, 40 * 86_400_000_000, size), 0)
        arrival = pl.Series(LABEL_ARRIVAL, instants + delays).cast(pl.Datetime("us"))
        events, event_type = events.with_columns(arrival), replace(event_type, label_known_at=LABEL_ARRIVAL)
    if shuffle:
        jumps = np.where(random.random(size) < shuffle, random.integers(0, 2_000, size), 0)
        events = events[np.argsort(np.arange(size) + jumps, kind="stable")]
    return events, event_type


def permuted(events: pl.DataFrame, event_type: EventType, seed: int) -> pl.DataFrame:
    """Return the events with entities, amounts and labels dealt out anew among the instants, column by column."""
    random = np.random.default_rng(seed)
    columns = {entity.column for entity in event_type.entities} | {event_type.amount, event_type.label}
    return events.with_columns(
        events[column].gather(random.permutation(len(events))) for column in sorted(filter(None, columns))
    )


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--event-type")
    parser.add_argument("--windows", choices=("bucketed", "sliding"), default="bucketed")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--late", type=float, default=0.0, help="share of labels that arrive up to 40 days late")
    parser.add_argument("--shuffle", type=float, default=0.0, help="share of events that arrive out of order")
    parser.add_argument("--duplicates", type=float, default=0.0, help="share of events that come twice")
    parser.add_argument("--ties", type=float, default=0.0, help="share of events at the beginning of their hour")
    parser.add_argument("--permute", action="store_true", help="deal out entities, amounts and labels anew")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    columns = pl.scan_parquet(options.file).collect_schema().names()
    event_type = load(options.event_type) if options.event_type else match(columns)
    event_type = replace(event_type, window_mode=options.windows)
    events = scan([options.file], event_type).collect().sort(event_type.timestamp, maintain_order=True)
    events = events.head(options.rows or len(events))
    if options.permute:
        events = permuted(events, event_type, options.seed)
    shares = {name: getattr(options, name) for name in ("late", "shuffle", "duplicates", "ties")}
    events, event_type = disturbed(events, event_type, **shares, seed=options.seed)
    started = time.monotonic()
    found = differences(events, event_type)
    for name, count in found.items():
        if count:
            print(f"{name}: {count} of {len(events)} differ")
    values = len(events) * len(found)
    print(
        f"{sum(found.values())} of {values:,} values differ: {len(events):,} events, {options.windows} windows, "
        f"{time.monotonic() - started:.0f} s"
    )
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
