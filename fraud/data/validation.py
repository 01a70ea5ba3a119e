"""All checks of raw data in one place: run before a job starts, and again where the data are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from fraud.data import splits
from fraud.data.cleaning import REASON, Cleaned, clean
from fraud.data.errors import DataError
from fraud.data.label_quality import implausible_labels
from fraud.data.reading import FILE, ROW, find_files
from fraud.event_types.model import EventType


@dataclass
class ValidationReport:
    """What was found. `errors` is empty if the data can be used; each entry names column and remedy.

    `implausible` are sentences on labels that should not be learnt before somebody has looked at them.
    """

    event_type: str
    files: int = 0
    rows: int = 0
    accepted: int = 0
    labelled: int = 0
    frauds: int = 0
    first: datetime | None = None
    last: datetime | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    split_rows: dict[str, int] = field(default_factory=dict)
    split_frauds: dict[str, int] = field(default_factory=dict)
    implausible: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the data can be used."""
        return not self.errors

    def raise_if_invalid(self) -> None:
        """Raise DataError with all errors, one a line."""
        if self.errors:
            raise DataError("\n".join(self.errors))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; times are ISO 8601 texts."""
        body = asdict(self)
        for key in ("first", "last"):
            body[key] = body[key] and body[key].isoformat()
        return body


@dataclass(frozen=True)
class CheckedData:
    """Clean events in order of arrival, the split of each (null: history only) and the plan (None: random)."""

    cleaned: Cleaned
    split: pl.Series
    plan: splits.TimePlan | None


def validate_files(
    paths: Sequence[str | Path],
    event_type: EventType,
    *,
    days: dict[str, int | None] | None = None,
    max_rejected_share: float | None = None,
    now: datetime | None = None,
) -> ValidationReport:
    """Check files (or folders of files) of an event type; faults are in the report's `errors`, never raised.

    `days` are the most days wished for "train", "validation" and "test"; `max_rejected_share` replaces the
    event type's; `now` (UTC) is the latest time believed.
    """
    return check(paths, event_type, days=days, max_rejected_share=max_rejected_share, now=now)[0]


def check(
    paths: Sequence[str | Path],
    event_type: EventType,
    *,
    days: dict[str, int | None] | None = None,
    max_rejected_share: float | None = None,
    now: datetime | None = None,
) -> tuple[ValidationReport, CheckedData | None]:
    """Like `validate_files`, with the data as well; they are None if the report has errors."""
    report = ValidationReport(event_type.name)
    try:
        files = find_files(paths)
        report.files = len(files)
        cleaned = clean(files, event_type, now)
        _check_rows(report, cleaned, files, event_type, max_rejected_share)
        if report.errors:
            return report, None
        plan, split = _split(cleaned.events, event_type, days or {})
    except DataError as error:
        report.errors += str(error).splitlines()
        return report, None
    report.warnings += plan.warnings if plan else ()
    _check_splits(report, cleaned.events, split, event_type, plan)
    report.implausible = implausible_labels(cleaned.events, event_type)
    report.warnings += report.implausible
    return report, None if report.errors else CheckedData(cleaned, split, plan)


def _check_rows(
    report: ValidationReport,
    cleaned: Cleaned,
    files: Sequence[Path],
    event_type: EventType,
    max_rejected_share: float | None,
) -> None:
    events, label = cleaned.events, event_type.label
    report.rejected = cleaned.rejected_by_reason
    report.accepted, report.rows = len(events), len(events) + len(cleaned.rejected)
    report.frauds, report.labelled = int(events[label].sum() or 0), len(events) - events[label].null_count()
    if event_type.timestamp and len(events):
        report.first, report.last = events[event_type.timestamp].min(), events[event_type.timestamp].max()
    if not report.rows:
        report.errors.append(f"{files[0].name}: the data hold no row; give at least a few days of events")
        return
    share = event_type.max_rejected_share if max_rejected_share is None else max_rejected_share
    faults = [_describe(reason, count, cleaned, files) for reason, count in report.rejected.items()]
    if len(cleaned.rejected) > share * report.rows:
        allowed = "none is allowed" if share == 0 else f"at most {share:.2%} are allowed"
        report.errors += [f"{fault} ({allowed}: max_rejected_share)" for fault in faults]
    else:
        report.warnings += [f"left out: {fault}" for fault in faults]
    if not report.errors and report.frauds in (0, report.labelled):
        only = "genuine events (0)" if report.frauds == 0 else "frauds (1)"
        report.errors.append(f"column {label}: only {only}; both classes are needed, check the label column")


def _describe(reason: str, count: int, cleaned: Cleaned, files: Sequence[Path]) -> str:
    rule = cleaned.rules[reason]
    first = cleaned.rejected.row(cleaned.rejected[REASON].index_of(reason), named=True)
    where = f"{files[first[FILE]].name}, row {first[ROW] + 1}"
    return f"column {rule.column}: {rule.fault} in {count:,} row(s), first in {where}; {rule.remedy}"


def _split(
    events: pl.DataFrame, event_type: EventType, days: dict[str, int | None]
) -> tuple[splits.TimePlan | None, pl.Series]:
    label = events[event_type.label]
    if event_type.split.method == "random":
        return None, splits.assign_at_random(event_type.split, label)
    time = events[event_type.timestamp]
    # What comes after the last label can neither be learnt from nor be tested on.
    last = time.filter(label.is_not_null()).max()
    plan = splits.plan_by_time(time.min().date(), last.date(), event_type, days)
    return plan, splits.assign_by_time(plan, time, label)


def _check_splits(
    report: ValidationReport,
    events: pl.DataFrame,
    split: pl.Series,
    event_type: EventType,
    plan: splits.TimePlan | None,
) -> None:
    frame = pl.DataFrame({"split": split, "label": events[event_type.label].cast(pl.Int64)})
    counted = frame.group_by("split").agg(pl.len().alias("rows"), pl.col("label").sum().alias("frauds"))
    found = {name: (rows, frauds) for name, rows, frauds in counted.rows()}
    for name in splits.SPLITS:
        rows, frauds = found.get(name, (0, 0))
        report.split_rows[name], report.split_frauds[name] = rows, frauds
        if frauds in (0, rows):
            period = getattr(plan, name) if plan else None
            when = f" from {period.start} to {period.end - splits.ONE_DAY}" if period else ""
            report.errors.append(
                f"column {event_type.label}: the {name} split{when} has {rows:,} event(s) and {frauds:,} fraud(s); "
                "both classes are needed: give more data or other days to the split"
            )
