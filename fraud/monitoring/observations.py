"""From joined records to what quality and bias are computed of: predictions, probabilities, labels and features."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud.monitoring.payloads import PayloadError, rows, select
from fraud.monitoring.records import Record

_POSITIVE = frozenset({"1", "true", "t", "yes", "y", "fraud", "positive"})
_NEGATIVE = frozenset({"0", "false", "f", "no", "n", "genuine", "legit", "legitimate", "negative"})


@dataclass(frozen=True)
class Attributes:
    """Where a record has what: numbers of columns, or JMESPaths; None for the first column."""

    inference: str | None = None
    probability: str | None = None
    ground_truth: str | None = None
    features: str | None = None

    @property
    def has_inference(self) -> bool:
        """Whether records say the predicted label itself; a probability is read where asked for, or else alone."""
        return self.inference is not None

    @property
    def has_probability(self) -> bool:
        """Whether records say a probability."""
        return self.probability is not None or self.inference is None


@dataclass(frozen=True)
class Observations:
    """Rows in the order in which they were captured.

    `labels` and `predictions` are texts as they came; `probabilities` float64 of shape (rows,), NaN where a text was
    no number. `predictions` or `probabilities` is None where the records do not say them, `features` where not asked.
    """

    labels: list[Any]
    predictions: list[Any] | None
    probabilities: np.ndarray | None
    features: list[list[Any]] | None

    def __len__(self) -> int:
        return len(self.labels)


def observe(
    records: Iterable[Record],
    attributes: Attributes,
    counts: Counter[str],
    *,
    features: bool,
    only: int | None = None,
) -> Observations:
    """Read records; one that cannot be understood, or whose parts differ in their rows, counts as malformed.

    Of the features, where they are asked for, `only` keeps one column, None where a row has no such column.
    """
    labels: list[Any] = []
    predictions: list[Any] = []
    probabilities: list[Any] = []
    table: list[list[Any]] = []
    for record in records:
        try:
            if record.answer is None or record.truth is None or (features and record.request is None):
                raise PayloadError("a part is missing")
            truth = select(record.truth, attributes.ground_truth)
            columns = [truth]
            if attributes.has_inference:
                columns.append(select(record.answer, attributes.inference))
            if attributes.has_probability:
                columns.append(select(record.answer, attributes.probability))
            sent = rows(record.request, attributes.features) if features and record.request is not None else truth
            if len({len(sent), *map(len, columns)}) != 1:
                raise PayloadError("labels, answers and rows differ in number")
        except (PayloadError, TypeError, KeyError, AttributeError, ValueError):
            counts["malformed"] += 1
            continue
        labels += truth
        if attributes.has_inference:
            predictions += columns[1]
        if attributes.has_probability:
            probabilities += columns[-1]
        if features:
            table += sent if only is None else [[row[only] if only < len(row) else None] for row in sent]
    return Observations(
        labels,
        predictions if attributes.has_inference else None,
        numbers(probabilities) if attributes.has_probability else None,
        table if features else None,
    )


def numbers(values: Sequence[Any]) -> np.ndarray:
    """Return float64 of shape (n,); what is no finite number is NaN."""
    return np.array([_number(value) for value in values], dtype=np.float64)


def binary(values: Sequence[Any]) -> np.ndarray:
    """Return 1 for fraud, 0 for genuine, NaN for what is neither, of shape (n,)."""
    known = {value: _binary(value) for value in set(map(str, values))}
    return np.array([known[str(value)] for value in values], dtype=np.float64)


def texts(values: Sequence[Any]) -> list[str]:
    """Return labels as texts, so that 1, 1.0 and "1" are the same class."""
    return [_class_name(value) for value in values]


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _binary(value: str) -> float:
    word = _class_name(value).lower()
    return 1.0 if word in _POSITIVE else 0.0 if word in _NEGATIVE else math.nan


def _class_name(value: Any) -> str:
    text = str(value).strip()
    number = _number(text)
    return str(int(number)) if number.is_integer() else text
