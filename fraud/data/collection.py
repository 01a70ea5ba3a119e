"""The next training set: what the champion was trained on, and what was decided since and is known by now."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from fraud.data.decided import as_in_files, decision_of, frame_of, is_open, rows_of, schema_of
from fraud.data.errors import DataError
from fraud.data.label_quality import implausible_labels, withdrawn_frauds
from fraud.data.labels import UNKNOWN
from fraud.data.reading import find_files, scan
from fraud.event_types.model import EventType

FILE = "collected.parquet"
BATCH = 50_000
"""Decisions in memory at a time."""


@dataclass(frozen=True)
class CollectionOptions:
    """`now` (UTC) decides which label delays are over; the window ends with the newest event.

    `accept_labels` states that somebody has looked at labels that seem implausible.
    """

    now: datetime
    window_days: int
    minimum_new_labelled: int = 0
    minimum_new_frauds: int = 0
    accept_labels: bool = False


@dataclass
class CollectionReport:
    """What was found; `new` is what the champion's data do not hold, or held with another label."""

    sufficient: bool = True
    reasons: list[str] = field(default_factory=list)
    decisions: int = 0
    open: int = 0
    """Decisions whose label delay is not over."""
    foreign: int = 0
    """Decisions on events of another type."""
    unreadable: int = 0
    """Items that are no decisions."""
    previous: int = 0
    outside_window: int = 0
    rows: int = 0
    frauds: int = 0
    new_labelled: int = 0
    new_frauds: int = 0
    withdrawn_frauds: int = 0
    """Frauds of the champion's data that are now said to be genuine."""
    implausible: list[str] = field(default_factory=list)
    first_day: str | None = None
    newest_day: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)


def collect(
    items: Iterable[dict[str, Any]],
    previous: Path,
    event_type: EventType,
    output: Path,
    options: CollectionOptions,
    log: Callable[[str], None] = lambda _: None,
) -> CollectionReport:
    """Write `output` (a parquet file) and return what it holds; nothing is written where the data do not suffice.

    `items` are decisions in DynamoDB JSON, `previous` the folder of the champion's data. Raises DataError.
    """
    report = CollectionReport()
    with tempfile.TemporaryDirectory() as folder:
        decided = _spill(_closed(items, event_type, options.now, report), event_type, Path(folder), report, log)
        earlier = _earlier(previous, event_type)
        merged = _windowed(_merge(decided, earlier, event_type), event_type, options, report)
        _count(merged, event_type, report)
        earlier_frauds = _withdrawn(decided, earlier, event_type, report)
        report.implausible = [
            *_implausible(merged, event_type),
            *withdrawn_frauds(earlier_frauds, report.withdrawn_frauds),
        ]
        _judge(report, options)
        if report.sufficient:
            kept = merged.filter("__inside").select(schema_of(event_type).keys())
            output.parent.mkdir(parents=True, exist_ok=True)
            partial = output.with_name(f".{output.name}.partial")
            as_in_files(kept, event_type).sink_parquet(partial)
            partial.replace(output)
    return report


def _closed(
    items: Iterable[dict[str, Any]], event_type: EventType, now: datetime, report: CollectionReport
) -> Iterator[dict[str, Any]]:
    for item in items:
        report.decisions += 1
        try:
            decision = decision_of(item)
        except ValueError:
            report.unreadable += 1
            continue
        if is_open(decision, event_type, now):
            report.open += 1
        else:
            yield decision


def _spill(
    decisions: Iterator[dict[str, Any]],
    event_type: EventType,
    folder: Path,
    report: CollectionReport,
    log: Callable[[str], None],
) -> pl.LazyFrame:
    """The decisions' rows, kept on disk: a table may hold more than memory does."""
    parts = [frame_of([], event_type).lazy()]
    for number, some in enumerate(iter(lambda: list(islice(decisions, BATCH)), [])):
        rows, foreign = rows_of(some, event_type)
        report.foreign += foreign
        part = folder / f"{number:06d}.parquet"
        frame_of(rows, event_type).write_parquet(part)
        parts.append(pl.scan_parquet(part))
        log(f"{report.decisions:,} decisions read")
    return pl.concat(parts)


def _earlier(previous: Path, event_type: EventType) -> pl.LazyFrame:
    """The champion's data, typed as decisions are."""
    schema = schema_of(event_type)
    if not previous.is_dir() or not any(path.is_file() for path in previous.rglob("*")):
        raise DataError(f"{previous}: the data set that the deployed model was trained on is empty or gone")
    frame = scan(find_files([previous]), event_type)
    label = pl.col(event_type.label)
    return frame.select(pl.col(name).cast(kind) for name, kind in schema.items()).with_columns(
        # A value that means neither stays without meaning.
        pl.when(label == UNKNOWN).then(None).otherwise(label).alias(event_type.label)
    )


def _merge(decided: pl.LazyFrame, earlier: pl.LazyFrame, event_type: EventType) -> pl.LazyFrame:
    """Both, with `__new`; a decision takes the place of the same event in the earlier data, for its label."""
    key = _key(event_type)
    decided = decided.unique(subset=key, keep="last", maintain_order=True)
    known = earlier.select(*key, pl.col(event_type.label).alias("__label"), pl.lit(True).alias("__known"))
    known = known.unique(subset=key, keep="last")
    marked = decided.join(known, on=key, how="left", nulls_equal=True, maintain_order="left")
    is_new = pl.col("__known").is_null() | (pl.col("__label").ne_missing(pl.col(event_type.label)))
    kept = earlier.join(decided.select(key), on=key, how="anti", nulls_equal=True, maintain_order="left")
    return pl.concat(
        [
            kept.with_columns(pl.lit(False).alias("__new"), pl.lit(True).alias("__earlier")),
            marked.with_columns(is_new.alias("__new"), pl.col("__known").is_not_null().alias("__earlier")).drop(
                "__label", "__known"
            ),
        ],
        how="vertical",
    )


def _key(event_type: EventType) -> list[str]:
    """Columns that tell which event it is."""
    return [event_type.id] if event_type.id else [name for name in schema_of(event_type) if name != event_type.label]


def _windowed(
    merged: pl.LazyFrame, event_type: EventType, options: CollectionOptions, report: CollectionReport
) -> pl.LazyFrame:
    """The rows with `__inside`: of the window that ends with the newest event, all where the type has no time."""
    time = event_type.timestamp
    newest = merged.select(pl.col(time).max()).collect(engine="streaming").item() if time else None
    if newest is None:
        return merged.with_columns(pl.lit(True).alias("__inside"))
    first = newest.date() - timedelta(days=options.window_days - 1)
    report.first_day, report.newest_day = first.isoformat(), newest.date().isoformat()
    return merged.with_columns((pl.col(time).dt.date() >= first).fill_null(False).alias("__inside"))


def _count(windowed: pl.LazyFrame, event_type: EventType, report: CollectionReport) -> None:
    inside, fraud = pl.col("__inside"), pl.col(event_type.label) == 1
    new = pl.col("__new") & inside
    counts = windowed.select(
        previous=pl.col("__earlier").sum(),
        outside_window=(~inside).sum(),
        rows=inside.sum(),
        frauds=(fraud & inside).sum(),
        new_labelled=new.sum(),
        new_frauds=(new & fraud).sum(),
    )
    for name, value in counts.collect(engine="streaming").row(0, named=True).items():
        setattr(report, name, int(value or 0))


def _withdrawn(decided: pl.LazyFrame, earlier: pl.LazyFrame, event_type: EventType, report: CollectionReport) -> int:
    """Count the known frauds that a decision calls genuine; returns how many were known."""
    key = _key(event_type)
    frauds = earlier.filter(pl.col(event_type.label) == 1).select(key).unique()
    genuine = decided.unique(subset=key, keep="last", maintain_order=True).filter(pl.col(event_type.label) == 0)
    withdrawn = frauds.join(genuine.select(key), on=key, how="semi", nulls_equal=True)
    known, report.withdrawn_frauds = (
        int(frame.select(pl.len()).collect(engine="streaming").item()) for frame in (frauds, withdrawn)
    )
    return known


def _implausible(windowed: pl.LazyFrame, event_type: EventType) -> list[str]:
    columns = {entity.column for entity in event_type.entities} | {event_type.label, event_type.timestamp}
    inside = windowed.filter("__inside").select(sorted(columns - {None}))
    return implausible_labels(inside.collect(engine="streaming"), event_type)


def _judge(report: CollectionReport, options: CollectionOptions) -> None:
    for what, found, least in (
        ("new events have a known outcome", report.new_labelled, options.minimum_new_labelled),
        ("of the new events are frauds", report.new_frauds, options.minimum_new_frauds),
    ):
        if found < least:
            report.reasons.append(f"{found:,} {what}, {least:,} are needed")
    if not options.accept_labels:
        report.reasons += report.implausible
    report.sufficient = not report.reasons
    if report.reasons and report.open:
        report.reasons.append(f"{report.open:,} decisions still wait for the end of the label delay")
