"""Reads records of traffic one by one: what an endpoint captured, ground truth, or both merged into one line.

The lines are Model Monitor's: captureData and groundTruthData, each part with data and encoding, and eventMetadata
with eventId, inferenceId and inferenceTime. Nothing is dropped silently: what cannot be used is counted.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Part = Mapping[str, Any]
"""{"data": text, "encoding": CSV | JSON | BASE64, "observedContentType": …}"""
_HOUR = re.compile(r"(\d{4})/(\d\d)/(\d\d)/(\d\d)(?:/|$)")
CHALLENGER = "challenger"
"""The variant beside the champion's; captures lie below <endpoint>/<variant>/."""
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Record:
    """One line. `time` is the inference's, None where the line has none; `folder` is relative to the source."""

    event_id: str
    inference_id: str | None
    time: datetime | None
    request: Part | None
    answer: Part | None
    truth: Part | None
    folder: Path
    body: Mapping[str, Any]

    @property
    def hour(self) -> datetime | None:
        """The hour of the folder YYYY/MM/DD/HH that the line lies in."""
        match = _HOUR.search(self.folder.as_posix())
        try:
            return datetime(*map(int, match.groups()), tzinfo=timezone.utc) if match else None
        except ValueError:
            return None


@dataclass
class Records:
    """The lines of all .jsonl and .jsonl.gz files below a folder, in the order of their paths.

    Where `start` and `end` are given, captures outside of [start, end) are counted and left out. `counts` is complete
    after the iteration: records, malformed, outside_window and truncated_files.
    """

    folder: Path
    start: datetime | None = None
    end: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Record]:
        for path in sorted(self.folder.rglob("*.jsonl*")) if self.folder.is_dir() else ():
            if path.is_file() and not of_challenger(path, self.folder):
                yield from self._file(path)

    def _file(self, path: Path) -> Iterator[Record]:
        folder = path.parent.relative_to(self.folder)
        for line in self._lines(path):
            if not line.strip():
                continue
            self.counts["records"] += 1
            try:
                record = _record(json.loads(line), folder)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self.counts["malformed"] += 1
                continue
            if self._outside(record):
                self.counts["outside_window"] += 1
            else:
                yield record

    def _lines(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as plain:
            compressed = plain.peek(2)[:2] == _GZIP  # type: ignore[attr-defined]
            try:
                yield from gzip.GzipFile(fileobj=plain) if compressed else plain
            except (EOFError, gzip.BadGzipFile, OSError, ValueError):
                # What came before the break has been read.
                self.counts["truncated_files"] += 1

    def _outside(self, record: Record) -> bool:
        if record.time is None or (record.request is None and record.answer is None):
            return False
        return bool((self.start and record.time < self.start) or (self.end and record.time >= self.end))


def of_challenger(path: Path, folder: Path) -> bool:
    """Whether a file below `folder` holds what a challenger captured: monitors watch the champion."""
    return CHALLENGER in path.relative_to(folder).parts[:-1]


def _record(body: Any, folder: Path) -> Record:
    capture = body.get("captureData") or {}
    metadata = body["eventMetadata"]
    truth = body.get("groundTruthData")
    request, answer = capture.get("endpointInput"), capture.get("endpointOutput")
    if request is None and answer is None and truth is None:
        raise ValueError("neither captureData nor groundTruthData")
    for part in (request, answer, truth):
        if part is not None and not {"data", "encoding"} <= set(part):
            raise ValueError("a part without data or encoding")
    inference = metadata.get("inferenceId")
    return Record(
        event_id=str(metadata.get("eventId") or inference or ""),
        inference_id=str(inference) if inference not in (None, "") else None,
        time=_time(metadata.get("inferenceTime")),
        request=request,
        answer=answer,
        truth=truth,
        folder=folder,
        body=body,
    )


def _time(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
