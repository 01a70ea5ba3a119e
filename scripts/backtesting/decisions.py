"""Stored decisions as a history: of the table itself, or of its export to S3."""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import struct
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fraud.backtest.history import UNKNOWN, of_decisions
from fraud.event_types import EventType
from fraud.event_types.payload import PayloadError, parse_event
from fraud.features.catalogue import features_of
from inference_code.scoring.store import plain
from scripts.backtesting.replay import Replay
from scripts.retraining.discovery import outputs_of
from scripts.retraining.errors import InputError, OperatorError
from scripts.ruling.platform import event_type_of
from scripts.scoring.options import clients_of, prefix_of

Say = Callable[[str], None]
_DAY_US = 86_400_000_000
_LABELS = {"fraud": 1, "genuine": 0}


def stored(options: argparse.Namespace, say: Say) -> Replay:
    """Decisions of the table, or of DynamoDB's export to S3, with the features and scores they were made with."""
    event_type = event_type_of(options)
    say(f"Event type {event_type.name}; reading decisions of {options.decisions} …")
    if options.model:
        raise InputError("--model: stored decisions have the scores they were made with")
    items = _table(options) if options.decisions == "table" else _export(Path(options.decisions))
    size = struct.Struct(f"<{len(features_of(event_type))}d")
    rows: list[tuple[Any, ...]] = []
    skipped = 0
    first, last = options.first, options.last
    for item in items:
        try:
            row = _decision(plain(item), event_type, size)
        except (KeyError, ValueError, struct.error, PayloadError):
            # Decided for an event type of other columns or features, or still under way.
            skipped += 1
            continue
        if _within(row[0].instant, first, last):
            rows.append(row)
    if options.days and rows:
        newest = max(row[0].instant for row in rows)
        rows = [row for row in rows if row[0].instant > newest - options.days * _DAY_US]
    if not rows:
        raise InputError(f"--decisions {options.decisions}: no decision of event type {event_type.name} in this time")
    newest = max(row[0].instant for row in rows)
    delay = event_type.label_delay_days * _DAY_US
    # Who has not complained after the delay has nothing to complain about.
    known = [(*row[:4], 0 if row[4] is None and row[0].instant + delay <= newest else row[4]) for row in rows]
    history = of_decisions(known, event_type)
    notes = [f"left out: {skipped:,} decisions of other columns or features, or not completed"] if skipped else []
    unknown = int((history.labels == UNKNOWN).sum())
    if unknown:
        notes.append(
            f"{unknown:,} decisions of the last {event_type.label_delay_days} days have no label yet: they count as "
            "reviews, and neither as fraud nor as genuine"
        )
    facts = {"data": f"decisions of {options.decisions}", "event type": event_type.name, "model": "as decided"}
    return Replay(history, event_type, facts, tuple(notes))


def _decision(item: dict[str, Any], event_type: EventType, size: struct.Struct) -> tuple[Any, ...]:
    event = parse_event(event_type, json.loads(item["event"]), item["instant"])
    answer = json.loads(item["answer"])
    label = item.get("label")
    return event, size.unpack(item["features"]), answer["score"], answer["probability"], _LABELS.get(label)


def _within(instant: int, first: datetime | None, last: datetime | None) -> bool:
    moment = datetime.fromtimestamp(instant / 1_000_000, timezone.utc).replace(tzinfo=None)
    return (first is None or moment >= first) and (last is None or moment < last)


def _table(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    clients = clients_of(options)
    table = outputs_of(clients, f"{prefix_of(options)}-storage").get("DecisionsTableName")
    if table is None:
        raise OperatorError("the platform has no decisions table: deploy it with scoring.enabled: true")
    for page in clients.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


def _export(path: Path) -> Iterator[dict[str, Any]]:
    """Items of the files that DynamoDB's ExportTableToPointInTime wrote (DYNAMODB_JSON), packed or not."""
    found = sorted([*path.rglob("*.json.gz"), *path.rglob("*.json")]) if path.is_dir() else [path]
    found = [file for file in found if "manifest" not in file.name]
    if not found or not found[0].exists():
        raise InputError(f"--decisions {path}: `table`, or a folder of a DynamoDB export (*.json.gz), is needed")
    for file in found:
        try:
            with (
                gzip.open(file, "rt", encoding="utf-8")
                if file.suffix == ".gz"
                else file.open(encoding="utf-8") as lines
            ):
                for line in lines:
                    if line.strip():
                        yield _binary(json.loads(line)["Item"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: is no file of a DynamoDB export: {type(error).__name__}: {error}") from error


def _binary(item: dict[str, Any]) -> dict[str, Any]:
    """An item as boto3 gives it: bytes in place of their base64 text."""
    return {
        name: {"B": base64.b64decode(attribute["B"])} if "B" in attribute else attribute
        for name, attribute in item.items()
    }
