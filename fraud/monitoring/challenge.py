"""Champion against challenger from what an endpoint captured of both variants, joined with ground truth.

A transaction is known by its inferenceId, which is the event's own id where SageMaker allows it. Nothing is dropped
silently: what cannot be used is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fraud.evaluation.comparison import Answered, ComparisonError, Settings, compare_paired, compare_unpaired
from fraud.evaluation.curves import precision_recall
from fraud.monitoring.merging import GroundTruth
from fraud.monitoring.observations import binary
from fraud.monitoring.payloads import PayloadError, rows, select
from fraud.monitoring.records import Record, Records

# Answers to the same transactions are paired where at least this share of the challenger's has a champion's beside it.
_SHADOWED = 0.5


class Answer(NamedTuple):
    """One model's probability, with the amount that was sent (NaN where unknown)."""

    score: float
    amount: float
    time: datetime | None


@dataclass
class Sources:
    """Folders of captures of both variants and of ground truth, and the window [start, end) of inferences.

    `amount_at` is the position of the amount among the features sent, None where the event type has none. A
    transaction without a label counts as genuine where it is older than `genuine_before`: frauds are reported,
    genuine payments often are not.
    """

    champion: Path
    challenger: Path
    ground_truth: Path
    start: datetime | None = None
    end: datetime | None = None
    amount_at: int | None = None
    genuine_before: datetime | None = None
    counts: dict[str, Counter[str]] = field(default_factory=dict)


def compare_captures(sources: Sources, settings: Settings, mode: str = "auto") -> dict[str, Any]:
    """Compare what the two variants answered; raises ComparisonError where there is nothing to compare.

    `mode` is shadow (both answered the same transactions), ab (each its own) or auto (whichever the ids show). The
    result is the comparison's document with `window`, `counts` and `curves`.
    """
    truth = GroundTruth.read(Records(sources.ground_truth))
    champion, challenger = (_read(sources, who) for who in ("champion", "challenger"))
    for who, answers in (("champion", champion), ("challenger", challenger)):
        if not answers:
            raise ComparisonError(f"no answers of the {who} were captured in the window: {dict(sources.counts[who])}")
    shared = champion.keys() & challenger.keys()
    if mode == "auto":
        mode = "shadow" if len(shared) >= _SHADOWED * len(challenger) else "ab"
    if mode == "shadow":
        ids = [name for name in champion if name in shared]
        pools: Sequence[Sequence[str]] = (ids, ids)
        sources.counts["champion"]["not_compared"] = len(champion) - len(ids)
        sources.counts["challenger"]["not_compared"] = len(challenger) - len(ids)
    else:
        pools = (_beside(champion, challenger), list(challenger))
        sources.counts["champion"]["not_compared"] = len(champion) - len(pools[0])
    one, other = (
        _answered(ids, answers, truth.labels, sources, who)
        for ids, answers, who in zip(pools, (champion, challenger), ("champion", "challenger"), strict=True)
    )
    if not len(one.labels) or not len(other.labels):
        raise ComparisonError(
            "no labelled transactions to compare yet: labels come with `POST /labels`, or count what is unlabelled as "
            "genuine after some days"
        )
    document = (compare_paired if mode == "shadow" else compare_unpaired)(one, other, settings)
    times = [answer.time for answer in challenger.values() if answer.time]
    return {
        **document,
        "mode": mode,
        "window": {"first": _iso(min(times, default=None)), "last": _iso(max(times, default=None))},
        "counts": {who: dict(counts) for who, counts in sources.counts.items()} | {"labels": dict(truth.counts)},
        "curves": {
            who: precision_recall(side.labels, side.scores) for who, side in (("champion", one), ("challenger", other))
        },
    }


def _read(sources: Sources, who: str) -> dict[str, Answer]:
    records = Records(getattr(sources, who), sources.start, sources.end)
    answers = _answers(records, sources.amount_at, records.counts)
    sources.counts[who] = records.counts
    return answers


def _answers(records: Iterable[Record], amount_at: int | None, counts: Counter[str]) -> dict[str, Answer]:
    """Answers by inference id; the first one holds where a transaction was asked about twice."""
    answers: dict[str, Answer] = {}
    for record in records:
        if record.inference_id is None:
            counts["without_inference_id"] += 1
            continue
        try:
            probabilities = select(record.answer or {}, None)
            if len(probabilities) != 1:
                counts["batches"] += 1
                continue
            score = float(probabilities[0])
            if not 0 <= score <= 1:
                raise PayloadError("no probability")
            amount = _amount(record, amount_at)
        except (PayloadError, ValueError, TypeError, KeyError, AttributeError):
            counts["malformed"] += 1
            continue
        if record.inference_id in answers:
            counts["repeated"] += 1
            continue
        answers[record.inference_id] = Answer(score, amount, record.time)
    return answers


def _amount(record: Record, at: int | None) -> float:
    if at is None or record.request is None:
        return math.nan
    try:
        return float(rows(record.request)[0][at])
    except (IndexError, TypeError, ValueError):
        return math.nan


def _beside(champion: Mapping[str, Answer], challenger: Mapping[str, Answer]) -> list[str]:
    """The champion's transactions from the challenger's first to its last.

    Earlier ones saw other days; later ones may be those of the challenger itself, which has been promoted since.
    """
    times = [answer.time for answer in challenger.values() if answer.time]
    if not times:
        return list(champion)
    first, last = min(times), max(times)
    return [name for name, answer in champion.items() if not answer.time or first <= answer.time <= last]


def _answered(
    ids: Sequence[str], answers: Mapping[str, Answer], labels: Mapping[str, Any], sources: Sources, who: str
) -> Answered:
    """The labelled among `ids`, in their order."""
    known = {name: _label(labels[name]) if name in labels else math.nan for name in ids}
    counts, before = sources.counts[who], sources.genuine_before
    for name in ids:
        time = answers[name].time
        if name not in labels:
            if before is not None and time is not None and time < before:
                known[name] = 0.0
                counts["taken_as_genuine"] += 1
            else:
                counts["unlabelled"] += 1
        elif math.isnan(known[name]):
            counts["labels_unreadable"] += 1
    used = [name for name in ids if not math.isnan(known[name])]
    amounts = np.array([answers[name].amount for name in used], dtype=np.float64)
    without = int(np.isnan(amounts).sum())
    if without and sources.amount_at is not None:
        counts["without_amount"] = without
    return Answered(
        np.array([known[name] == 1 for name in used], dtype=bool),
        np.array([answers[name].score for name in used], dtype=np.float64),
        np.nan_to_num(amounts) if sources.amount_at is not None and without < len(used) else None,
    )


def _label(part: Any) -> float:
    try:
        (value,) = select(part, None)
    except (PayloadError, ValueError, TypeError, KeyError):
        return math.nan
    return float(binary([value])[0])


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(timezone.utc).isoformat() if moment else None
