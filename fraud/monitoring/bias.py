"""Bias in Clarify's documents: analysis.json by facet and segment, and its violations against a baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fraud.monitoring import bias_metrics as metrics
from fraud.monitoring.facets import segments
from fraud.monitoring.java_numbers import java

VERSION = "1.0"
STAGES = {"pre_training_bias_metrics": "Pre-training", "post_training_bias_metrics": "Post-Training"}
FLIP_TEST_ROWS = 5000
"""The Flip Test compares each row with all others: of more rows it takes this many, evenly spread."""
CLOUDWATCH_INFINITY = 2.348543e108
Facet = tuple[str, Sequence[Any]]
"""A column's name and the values or thresholds that are set apart (none: each value)."""
Segment = tuple[str, str, np.ndarray]
"""A facet's name, the segment's value in words, and booleans of shape (n,) that mark its rows."""


@dataclass(frozen=True)
class BiasData:
    """What bias is computed of.

    `columns` are the features by name, values as they came; `labels` and, where there are any, `predictions` are
    booleans of shape (n,), true for the positive outcome. `positive` and `label` are as the reports name them.
    """

    columns: Mapping[str, Sequence[Any]]
    labels: np.ndarray
    predictions: np.ndarray | None
    label: str
    positive: str
    group: np.ndarray | None = None


def analyse_bias(data: BiasData, facets: Sequence[Facet]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return (analysis.json, one row of plain rates for each segment)."""
    parted = part(data, facets)
    return analyse_segments(data, parted), [_rates(name, value, facet, data) for name, value, facet in parted]


def part(data: BiasData, facets: Sequence[Facet]) -> list[Segment]:
    """Return the segments of the facets' columns."""
    return [
        (name, value, facet) for name, wanted in facets for value, facet in segments(name, data.columns[name], wanted)
    ]


def analyse_segments(data: BiasData, parted: Sequence[Segment]) -> dict[str, Any]:
    """Return analysis.json of segments."""
    document: dict[str, Any] = {"version": VERSION}
    stages = {"pre_training_bias_metrics": metrics.PRE_TRAINING}
    if data.predictions is not None:
        stages = {"post_training_bias_metrics": metrics.POST_TRAINING, **stages}
    for stage in stages:
        document[stage] = {"label": data.label, "facets": {}, "label_value_or_threshold": data.positive}
    neighbours = _Neighbours(data)
    for name, value, facet in parted:
        computed = _computed(facet, data, partial(neighbours.flip_test, name, facet))
        for stage, described in stages.items():
            entry = {
                "value_or_threshold": value,
                "metrics": [_entry(metric, text, computed[metric]) for metric, text in described.items()],
            }
            document[stage]["facets"].setdefault(name, []).append(entry)
    return document


def bias_violations(analysis: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return AWS's violations: metrics that are farther from fairness than the baseline's.

    Fairness is 0, and 1 for disparate impact. What either side could not compute is not compared.
    """
    found = []
    for stage in ("post_training_bias_metrics", "pre_training_bias_metrics"):
        before = {(facet, value, name): number for facet, value, name, number in bias_values(baseline, stage)}
        for facet, value, name, number in bias_values(analysis, stage):
            allowed = before.get((facet, value, name))
            if allowed is None or distance(name, number) <= distance(name, allowed):
                continue
            text = f"Metric value {java(number)} doesn't meet the baseline constraint requirement {java(allowed)}"
            found.append(
                {
                    "constraint_check_type": "bias_drift_check",
                    "description": text,
                    "facet": facet,
                    "facet_value": value,
                    "metric_name": name,
                }
            )
    return found


def bias_values(document: Mapping[str, Any], stage: str) -> Iterator[tuple[str, str, str, float]]:
    """Yield (facet, segment, metric, value) of a document's stage; metrics without a value are left out.

    ValueError where the document is not Clarify's.
    """
    try:
        for facet, entries in document.get(stage, {}).get("facets", {}).items():
            for entry in entries:
                for metric in entry["metrics"]:
                    if metric.get("value") is not None:
                        yield facet, entry["value_or_threshold"], metric["name"], float(metric["value"])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"bias report: {stage} is not in Clarify's layout ({error})") from None


def bias_lines(document: Mapping[str, Any], dimensions: Mapping[str, str], timestamp: str) -> Iterator[dict[str, Any]]:
    """Yield one metric a line for CloudWatch, with Clarify's names and dimensions."""
    for stage, title in STAGES.items():
        body = document.get(stage, {})
        for facet, value, name, number in bias_values(document, stage):
            named = {
                **dimensions,
                "BiasStage": title,
                "Label": body["label"],
                "LabelValue": body["label_value_or_threshold"],
                "Facet": facet,
                "FacetValue": value,
            }
            published = math.copysign(CLOUDWATCH_INFINITY, number) if math.isinf(number) else number
            yield {
                "MetricName": f"bias_metric_{name}",
                "Timestamp": timestamp,
                "Dimensions": [{"Name": key, "Value": text} for key, text in named.items()],
                "Value": published,
            }


def _computed(facet: np.ndarray, data: BiasData, flip_test: Callable[[], float]) -> dict[str, Callable[[], float]]:
    labels, predictions = data.labels, data.predictions

    def guarded(compute: Callable[[], float]) -> Callable[[], float]:
        def run() -> float:
            metrics.require_groups(facet)
            return compute()

        return run

    found = {
        "CI": lambda: metrics.class_imbalance(facet),
        "DPL": lambda: metrics.positive_difference(facet, labels),
        "CDDL": lambda: metrics.conditional_disparity(facet, labels, data.group),
        **{key: partial(_divergence, key, facet, labels) for key in _DIVERGENCES},
    }
    if predictions is not None:
        found |= {
            "DPPL": lambda: metrics.positive_difference(facet, predictions),
            "DI": lambda: metrics.disparate_impact(facet, predictions),
            "CDDPL": lambda: metrics.conditional_disparity(facet, predictions, data.group),
            "GE": lambda: metrics.generalized_entropy(labels, predictions),
            "FT": flip_test,
        }
        found |= {key: partial(_of_confusion, key, facet, labels, predictions) for key in _CONFUSION}
    return {key: guarded(compute) for key, compute in found.items()}


_DIVERGENCES = ("KL", "JS", "LP", "TVD", "KS")
_CONFUSION = ("AD", "DAR", "DCA", "DCR", "DRR", "RD", "SD", "TE")


def _divergence(key: str, facet: np.ndarray, labels: np.ndarray) -> float:
    return metrics.divergences(facet, labels)[key]()


def _of_confusion(key: str, facet: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> float:
    return metrics.confusion_metrics(facet, labels, predictions)[key]


def _entry(name: str, description: str, compute: Callable[[], float]) -> dict[str, Any]:
    try:
        value = compute()
    except metrics.BiasError as error:
        return {"name": name, "description": description, "value": None, "error": str(error)}
    # As Clarify does: JSON has no infinity.
    return {"name": name, "description": description, "value": value if math.isfinite(value) else java(value)}


class _Neighbours:
    """Rows and numbers for the Flip Test, which all segments share."""

    def __init__(self, data: BiasData) -> None:
        self._data = data
        total = len(data.labels)
        few = np.linspace(0, total - 1, FLIP_TEST_ROWS).round().astype(int)
        self._rows = np.arange(total) if total <= FLIP_TEST_ROWS else np.unique(few)
        self._columns: dict[str, np.ndarray] = {}

    def flip_test(self, name: str, facet: np.ndarray) -> float:
        """FT of a segment of the facet `name`, by all columns but the facet's."""
        inside = facet[self._rows]
        metrics.require_groups(inside)
        columns = [self._column(other) for other in self._data.columns if other != name]
        features = np.column_stack(columns) if columns else None
        return metrics.flip_test(inside, self._data.predictions[self._rows], features)

    def _column(self, name: str) -> np.ndarray:
        if name not in self._columns:
            values = self._data.columns[name]
            self._columns[name] = _filled([values[at] for at in self._rows.tolist()])
        return self._columns[name]


def _filled(values: Sequence[Any]) -> np.ndarray:
    """Numbers, with the median where one is missing: nearest neighbours know no missing values."""
    try:
        numbers = np.array([np.nan if v is None or v == "" else float(v) for v in values], dtype=np.float64)
    except (TypeError, ValueError):
        raise metrics.BiasError("FlipTest does not support non-numeric columns") from None
    numbers[~np.isfinite(numbers)] = np.nan
    present = numbers[~np.isnan(numbers)]
    return np.where(np.isnan(numbers), np.median(present) if len(present) else 0.0, numbers)


def _rates(name: str, value: str, facet: np.ndarray, data: BiasData) -> dict[str, Any]:
    """Return what people ask about a segment; None where there is nothing to take a share of."""
    labels = data.labels[facet]
    row: dict[str, Any] = {"facet": name, "value": value, "rows": len(labels), "positives": int(labels.sum())}
    row["positive_rate"] = _mean(labels)
    if data.predictions is not None:
        said = data.predictions[facet]
        row["selection_rate"] = _mean(said)
        row["true_positive_rate"] = _mean(said[labels])
        row["false_positive_rate"] = _mean(said[~labels])
        row["precision"] = _mean(labels[said])
        row["others_selection_rate"] = _mean(data.predictions[~facet])
        row["others_true_positive_rate"] = _mean(data.predictions[~facet & data.labels])
        row["others_false_positive_rate"] = _mean(data.predictions[~facet & ~data.labels])
    return row


def _mean(flags: np.ndarray) -> float | None:
    return float(flags.mean()) if len(flags) else None


def distance(name: str, value: float) -> float:
    """How far a metric is from fairness, which is 0, and 1 for disparate impact."""
    return abs(value - 1) if name == "DI" else abs(value)
