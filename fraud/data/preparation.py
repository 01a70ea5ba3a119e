"""From raw files to the three splits that training, tuning and evaluation read."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from fraud.data.cleaning import REASON
from fraud.data.reading import FILE, ROW
from fraud.data.splits import SPLITS, cards, known_fraud_cards
from fraud.data.validation import CheckedData, ValidationReport, check
from fraud.event_types.model import EventType
from fraud.features import schema as reserved
from fraud.features.batch import compute
from fraud.features.catalogue import schema_of
from fraud.features.schema import SCHEMA_FILE
from fraud.features.stream import stream

SPLIT_FILE = "data.parquet"
REPORT_FILE = "prepare.json"
REJECTED_FILE = "rejected.parquet"
MOST_IN_MEMORY = 4_000_000
"""Features of more events than these are computed through the disk, in memory that does not grow with them."""


@dataclass(frozen=True)
class PreparationOptions:
    """Days wished at most for each split (None: the default), and the share of rows that may be rejected."""

    train_days: int | None = None
    validation_days: int | None = None
    test_days: int | None = None
    max_rejected_share: float | None = None


def prepare(
    paths: Sequence[str | Path],
    event_type: EventType,
    output: Path,
    options: PreparationOptions | None = None,
    now: datetime | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Write train/, validation/, test/, schema/ and report/ below `output`; return the report.

    Raises DataError, before anything is written, if the data cannot be used. Files appear under their names
    only when all of them are complete.
    """
    options = options or PreparationOptions()
    clock = _Clock(log)
    with clock("read and check"):
        days = {name: getattr(options, f"{name}_days") for name in SPLITS}
        report, data = check(paths, event_type, days=days, max_rejected_share=options.max_rejected_share, now=now)
        report.raise_if_invalid()
    for warning in report.warnings:
        log(f"warning: {warning}")
    with clock("features"):
        table = _feature_table(data, event_type)
    pending = _Pending(output)
    try:
        with clock("write"):
            for name in SPLITS:
                part = table.filter(pl.col("__split") == name).drop("__split")
                if name != "test":
                    part = part.drop(reserved.KNOWN_FRAUD_CARD)
                part.write_parquet(pending.path(name, SPLIT_FILE), statistics=True)
            schema_of(event_type).save(pending.path("schema", SCHEMA_FILE))
            if len(data.cleaned.rejected):
                rejected = data.cleaned.rejected.select(
                    pl.col(FILE).alias("file"), pl.col(ROW).alias("row"), pl.col(REASON).alias("reason")
                )
                rejected.write_parquet(pending.path("report", REJECTED_FILE))
        summary = _summary(report, table, data, event_type, clock.seconds)
        text = json.dumps(summary, indent=2) + "\n"
        pending.path("report", REPORT_FILE).write_text(text, encoding="utf-8")
        pending.publish()
    except BaseException:
        pending.discard()
        raise
    return summary


def _feature_table(data: CheckedData, event_type: EventType) -> pl.DataFrame:
    """Return reserved columns, features and __split of the rows that belong to a split."""
    events = data.cleaned.events
    keep = data.split.is_not_null()
    nothing = pl.lit(None)
    text = pl.col(event_type.id).cast(pl.String) if event_type.id else pl.row_index().cast(pl.String)
    card = cards(events, event_type)
    columns = [
        pl.col(event_type.label).cast(pl.Int8).alias(reserved.LABEL),
        text.alias(reserved.ID),
        (pl.col(event_type.timestamp) if event_type.timestamp else nothing)
        .cast(pl.Datetime("us"))
        .alias(reserved.TIMESTAMP),
        (nothing if card is None else pl.lit(card)).cast(pl.String).alias(reserved.CARD),
        (pl.col(event_type.amount) if event_type.amount else nothing).cast(pl.Float64).alias(reserved.AMOUNT),
    ]
    table = events.select(columns).with_columns(data.split.alias("__split"))
    if data.plan:
        known = known_fraud_cards(events, event_type, data.plan)
    else:
        known = pl.Series([False]).new_from_index(0, len(events))
    table = table.with_columns(known.alias(reserved.KNOWN_FRAUD_CARD)).filter(keep)
    return table.hstack(_features(events, event_type, keep).get_columns())


def _features(events: pl.DataFrame, event_type: EventType, keep: pl.Series) -> pl.DataFrame:
    """Return the features of the rows to keep; those of many events go through the disk part by part."""
    if len(events) <= MOST_IN_MEMORY:
        return compute(events, event_type, keep)
    kept, first = [], 0
    with tempfile.TemporaryDirectory(prefix="features-") as scratch:
        for _, features in stream(events.lazy(), event_type, Path(scratch)):
            kept.append(features.filter(keep.slice(first, len(features))))
            first += len(features)
    return pl.concat(kept)


def _summary(
    report: ValidationReport,
    table: pl.DataFrame,
    data: CheckedData,
    event_type: EventType,
    seconds: dict[str, float],
) -> dict[str, Any]:
    time_column, label = pl.col(reserved.TIMESTAMP), pl.col(reserved.LABEL)
    parts = {}
    for name in SPLITS:
        rows = table.filter(pl.col("__split") == name)
        first, last = rows.select(time_column.min(), time_column.max().alias("last")).row(0)
        parts[name] = {
            "rows": len(rows),
            "frauds": rows.select(label.cast(pl.Int64).sum()).item(),
            "start": first and first.isoformat(),
            "end": last and last.isoformat(),
        }
    test = table.filter(pl.col("__split") == "test")
    parts["test"]["known_fraud_card_rows"] = int(test[reserved.KNOWN_FRAUD_CARD].sum())
    body = report.to_json()
    for key in ("split_rows", "split_frauds", "errors"):
        del body[key]
    return {
        **body,
        "split_method": event_type.split.method,
        "splits": parts,
        "label_delay_days": event_type.label_delay_days,
        "warm_up_days": data.plan.warm_up_days if data.plan else None,
        "features": len(schema_of(event_type).features),
        "seconds": {step: round(value, 3) for step, value in seconds.items()},
    }


class _Clock:
    """Times the steps: `with clock("features"): …`."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._log = log
        self._step, self._start = "", 0.0

    def __call__(self, step: str) -> _Clock:
        self._step = step
        return self

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.seconds[self._step] = time.monotonic() - self._start
        if kind is None:
            self._log(f"{self._step}: {self.seconds[self._step]:.1f} s")


class _Pending:
    """Files under temporary names in their final folders, which may be mounts of their own."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._files: list[tuple[Path, Path]] = []

    def path(self, folder: str, name: str) -> Path:
        final = self._output / folder / name
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{name}.partial")
        self._files.append((temporary, final))
        return temporary

    def publish(self) -> None:
        for temporary, final in self._files:
            temporary.replace(final)

    def discard(self) -> None:
        for temporary, _ in self._files:
            temporary.unlink(missing_ok=True)
