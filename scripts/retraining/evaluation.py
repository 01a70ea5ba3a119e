"""Read a run's evaluation.json for people: metrics side by side and the gate's verdict."""

import math
from dataclasses import dataclass

LABELS = {
    "auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score (lower is better)",
    "ece": "calibration error (lower is better)",
}


@dataclass(frozen=True)
class MetricRow:
    """One metric of both models; None where a model or a figure is missing. Intervals are (low, high)."""

    name: str
    candidate: float | None
    candidate_interval: tuple[float, float] | None
    champion: float | None
    champion_interval: tuple[float, float] | None
    difference: float | None
    difference_interval: tuple[float, float] | None

    @property
    def label(self) -> str:
        """The metric's name in words."""
        return LABELS.get(self.name, self.name.replace("_", " "))


@dataclass(frozen=True)
class Verdict:
    """What the gate said and why."""

    passed: bool
    reasons: tuple[str, ...]
    metric: str | None = None


def metric_rows(evaluation: dict) -> list[MetricRow]:
    """The metrics in the order of the file; metrics that were computed for no model are left out."""
    names = dict.fromkeys(
        name for who in ("candidate", "champion") for name in _part(evaluation, who).get("metrics", {})
    )
    rows = []
    for name in names:
        figures = [
            figure
            for who in ("candidate", "champion", "difference")
            for figure in (_value(evaluation, who, name), _interval(evaluation, who, name))
        ]
        row = MetricRow(name, *figures)
        if row.candidate is not None or row.champion is not None:
            rows.append(row)
    return rows


def gate(evaluation: dict) -> Verdict | None:
    """The gate's verdict, None where there is none."""
    found = evaluation.get("gate")
    if not found:
        return None
    return Verdict(bool(found["passed"]), tuple(found.get("reasons", ())), found.get("metric"))


def _part(evaluation: dict, who: str) -> dict:
    return evaluation.get(who) or {}


def _value(evaluation: dict, who: str, name: str) -> float | None:
    value = _part(evaluation, who).get("metrics", {}).get(name)
    # Files written by others than the platform's own jobs may hold NaN.
    return None if value is None or math.isnan(value) else float(value)


def _interval(evaluation: dict, who: str, name: str) -> tuple[float, float] | None:
    interval = _part(evaluation, who).get("intervals", {}).get(name)
    return (float(interval["low"]), float(interval["high"])) if interval else None
