"""Captured records with their labels: merged before, or joined here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from training_code.monitoring.settings import Settings

if TYPE_CHECKING:
    from fraud.monitoring.observations import Attributes
    from fraud.monitoring.records import Record

_EXPLAINED = {
    "malformed": "records that cannot be understood",
    "truncated_files": "files that end in the middle",
    "outside_window": "records outside the window",
    "unmatched": "captured records without a label",
    "labels_unknown": "labels of events that were not captured in the window",
    "labels_duplicate": "labels given twice",
    "labels_conflicting": "labels that contradict an earlier one; the last holds",
    "labels_malformed": "lines of ground truth that cannot be understood",
    "labels_not_understood": "labels that are no label of this problem",
}


def labelled_records(settings: Settings, counts: Counter[str]) -> Iterator[Record]:
    """Yield the window's records that have a label; `counts` is complete after the iteration."""
    from fraud.monitoring.merging import GroundTruth
    from fraud.monitoring.records import Records

    captured = Records(settings.source, settings.start, settings.end)
    folder = settings.folder("ground_truth_source")
    given = Records(folder) if folder is not None else None
    truth = GroundTruth.read(given, settings.end) if given is not None else GroundTruth()
    yield from truth.join(captured)
    counts.update(captured.counts)
    counts.update(truth.counts)
    if given is not None:
        counts["labels_malformed"] += given.counts["malformed"]
        counts["truncated_files"] += given.counts["truncated_files"]


def explain(counts: Counter[str]) -> None:
    """Print what was left out, and why."""
    for name, meaning in _EXPLAINED.items():
        if counts[name]:
            print(f"{counts[name]} {meaning}", flush=True)


def attributes_of(settings: Settings) -> Attributes:
    """Return where records have what, from the environment."""
    from fraud.monitoring.observations import Attributes

    given = settings.environment.get
    return Attributes(
        inference=given("inference_attribute") or None,
        probability=given("probability_attribute") or None,
        ground_truth=given("ground_truth_attribute") or None,
        features=given("features_attribute") or None,
    )
