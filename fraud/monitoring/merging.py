"""Joins ground truth to captured records, as Model Monitor's merge job does: by inferenceId, else by eventId.

A label may come late, twice, or for an event that was never captured, and labels of one event may contradict each
other: the last one, in the order of the files' paths, holds, and all of it is counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from fraud.monitoring.records import Part, Record


@dataclass
class GroundTruth:
    """Labels by the id that they were given for, and what was odd about them."""

    labels: dict[str, Part] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, records: Iterable[Record], end: datetime | None = None) -> GroundTruth:
        """Collect the labels of records; those that lie in folders of hours from `end` on are counted as late."""
        truth = cls()
        for record in records:
            if record.truth is None or not record.event_id:
                truth.counts["labels_malformed"] += 1
                continue
            truth.counts["labels"] += 1
            if end is not None and record.hour is not None and record.hour >= end:
                truth.counts["labels_late"] += 1
            known = truth.labels.get(record.event_id)
            if known is not None:
                same = known["data"] == record.truth["data"]
                truth.counts["labels_duplicate" if same else "labels_conflicting"] += 1
            truth.labels[record.event_id] = record.truth
        return truth

    def join(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records that have a label, with it; count those that have none.

        After the iteration, `counts` also has matched, unmatched (captured, no label) and labels_unknown (a label,
        but no such capture in the window).
        """
        for record in records:
            if record.truth is not None:
                # Merged before.
                self.counts["matched"] += 1
                yield record
                continue
            ids = [name for name in (record.inference_id, record.event_id) if name]
            found = next((name for name in ids if name in self.labels), None)
            if found is None:
                self.counts["unmatched"] += 1
                continue
            self._seen.add(found)
            self.counts["matched"] += 1
            yield replace(record, truth=self.labels[found])
        self.counts["labels_unknown"] = len(self.labels) - len(self._seen)


def merged_line(record: Record) -> str:
    """Return a joined record as one line of JSON, in the layout of Model Monitor's merge job."""
    body = {
        "eventVersion": record.body.get("eventVersion", "0"),
        "groundTruthData": record.truth,
        "captureData": record.body.get("captureData"),
        "eventMetadata": record.body.get("eventMetadata"),
    }
    return json.dumps(body, ensure_ascii=False) + "\n"
