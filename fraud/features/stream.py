"""The batch engine for events that do not fit into memory: parts of whole entities go through the disk.

What is needed at once is bounded by ROWS_AT_ONCE, whatever the number of events, as long as no single entity has more.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from fraud.event_types.model import EventType
from fraud.features.batch import declared_types, entity_columns
from fraud.features.keys import key_column
from fraud.features.plain_batch import plain_columns
from fraud.features.plan import EntityPlan, plans_of

ROWS_AT_ONCE = 1_000_000
_ROW, _PART = "__stream_row", "__stream_part"
_ROW_GROUP = 65_536


def stream(
    events: pl.LazyFrame,
    event_type: EventType,
    scratch: Path,
    float_type: type[pl.DataType] = pl.Float32,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield events and their features, batch by batch in order of arrival; the features are those of `batch.compute`.

    `events` are as for `batch.compute`, but lazy, and read three times. `scratch` is a folder for intermediate files
    (as large as events and features, uncompressed), which are removed as soon as they are used up.
    """
    events = events.with_row_index(_ROW)
    parts = -(-events.select(pl.len()).collect(engine="streaming").item() // rows_at_once)
    plans, declared = plans_of(event_type), declared_types(event_type, float_type)
    folders = {plan.name: scratch / f"entity-{number}" for number, plan in enumerate(plans)}
    try:
        for number, batch in enumerate(_batches(events, rows_at_once)):
            for plan in plans:
                _deal_out(batch, event_type, plan, parts, folders[plan.name], f"{number:06d}.parquet")
        for plan in plans:
            for part in sorted(folders[plan.name].glob("part-*")):
                _compute_part(part, event_type, plan, declared)
        for batch in _batches(events, rows_at_once):
            columns = {
                name: values.cast(declared[name]).alias(name) for name, values in plain_columns(batch, event_type)
            }
            for folder in folders.values():
                columns |= _collected(folder, batch[_ROW])
            yield batch.drop(_ROW), pl.DataFrame([columns[name] for name in declared])
    finally:
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def _batches(events: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    for batch in events.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming"):
        # What a batch may be longer by is the engine's own matter.
        yield from batch.iter_slices(rows)


def _deal_out(
    batch: pl.DataFrame, event_type: EventType, plan: EntityPlan, parts: int, folder: Path, name: str
) -> None:
    """Append a batch to the parts that hold its entities; an event without one may lie in any."""
    key = key_column(batch[plan.entity.column], plan.entity.derive)
    part = pl.coalesce(pl.lit(key).hash(), pl.col(_ROW).cast(pl.UInt64)) if key.null_count() else pl.lit(key).hash()
    pieces = batch.select(_ROW, *_needed(event_type, plan), (part % parts).alias(_PART))
    for (number,), piece in pieces.partition_by(_PART, as_dict=True, include_key=False).items():
        target = folder / f"part-{number:06d}"
        target.mkdir(parents=True, exist_ok=True)
        piece.write_parquet(target / name, compression="lz4", statistics=False)


def _needed(event_type: EventType, plan: EntityPlan) -> Sequence[str]:
    places = [column for place in plan.places for column in (place.latitude, place.longitude)]
    roles = (event_type.timestamp, event_type.amount, event_type.label, event_type.label_known_at)
    return list(dict.fromkeys(filter(None, (plan.entity.column, *roles, *plan.entity.distinct, *places))))


def _compute_part(part: Path, event_type: EventType, plan: EntityPlan, declared: dict[str, type[pl.DataType]]) -> None:
    """Replace a part's events by their features, in order of arrival."""
    # Files are named in the order of the batches.
    events = pl.concat([pl.read_parquet(file) for file in sorted(part.glob("*.parquet"))])
    shutil.rmtree(part)
    features = pl.DataFrame([events[_ROW], *entity_columns(events, event_type, plan, None, declared).values()])
    features.write_parquet(part.with_suffix(".parquet"), compression="lz4", row_group_size=_ROW_GROUP)


def _collected(folder: Path, rows: pl.Series) -> dict[str, pl.Series]:
    """An entity's features of the rows, which follow each other, from all parts."""
    inside = pl.col(_ROW).is_between(rows[0], rows[-1])
    found = pl.scan_parquet(folder / "part-*.parquet").filter(inside).collect().sort(_ROW).drop(_ROW)
    return {column.name: column for column in found.get_columns()}
