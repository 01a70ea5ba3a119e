"""Model quality: predictions against the labels that came, with Model Monitor's metrics and a fraud team's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_code.monitoring import challenger, labelled
from training_code.monitoring.baseline import check_object
from training_code.monitoring.results import Outcome, write_json, write_metrics, write_violations
from training_code.monitoring.settings import AnalysisError, Settings
from training_code.monitoring.tables import read_table

if TYPE_CHECKING:
    import numpy as np

    from fraud.monitoring.observations import Observations

PROBLEMS = ("BinaryClassification", "MulticlassClassification", "Regression")
CAPTURED = ("json", "sagemakerCaptureJson", "sagemakerMergeJson")
DEFAULT_THRESHOLD = 0.5
COLUMNS_FILE = "columns.json"
_HEADLINE = ("recall", "precision", "f1", "auc", "average_precision")


def run(settings: Settings) -> Outcome:
    """Write statistics.json, constraints.json, fraud_metrics.json and, with a baseline, violations and metrics."""
    from fraud.monitoring.quality import KEYS, finite, quality_lines, quality_violations, suggest_quality_constraints

    problem = settings.environment.get("problem_type") or PROBLEMS[0]
    if problem not in PROBLEMS:
        raise AnalysisError(f"problem_type {problem!r}: one of {', '.join(PROBLEMS)} is expected")
    counts: Counter[str] = Counter()
    observed, amounts = _observations(settings, counts)
    metrics, extras = document(problem, observed, amounts, _threshold(settings), counts)
    labelled.explain(counts)
    rival = challenger.captures_of(settings) if problem == PROBLEMS[0] and settings.form in CAPTURED else None
    if rival is not None:
        challenger.compare(settings, rival, _threshold(settings), _amount_column(settings))
    rows = len(observed) - counts["labels_not_understood"]
    statistics = {
        "version": 0.0,
        "dataset": {
            "item_count": rows,
            "start_time": settings.environment.get("start_time"),
            "end_time": settings.environment.get("end_time"),
            "evaluation_time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        f"{KEYS[problem]}_metrics": metrics,
    }
    write_json(settings.output / "statistics.json", statistics)
    write_json(settings.output / "constraints.json", suggest_quality_constraints(problem, metrics))
    write_json(settings.output / "fraud_metrics.json", {"version": 1, "metrics": extras})
    numbers = _values(metrics) | extras
    headline = {name: numbers[name] for name in (*_HEADLINE, *extras, "accuracy", "rmse") if name in numbers}
    if settings.constraints is None:
        return Outcome(rows, counts=counts, headline=headline)
    key = f"{KEYS[problem]}_constraints"
    check_object("baseline_constraints", settings.constraints, key, f"was the baseline made for {problem}?")
    if settings.statistics is not None:
        check_object("baseline_statistics", settings.statistics, f"{KEYS[problem]}_metrics")
    violations = quality_violations(metrics, settings.constraints[key])
    write_violations(settings, violations)
    if settings.publish and rows:
        lines = list(quality_lines(numbers, len(violations), settings.dimensions, settings.timestamp))
        if rival is not None:
            lines += _lines_of(settings, rival, settings.constraints[key])
        write_metrics(settings, lines)
    return Outcome(rows, violations, counts, headline, finite(numbers))


def _values(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: body["value"] for name, body in metrics.items() if "value" in body}


def _lines_of(settings: Settings, rival: Path, limits: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The challenger's metrics, by the same names as the champion's; what was left out stands in the comparison."""
    from fraud.monitoring.quality import quality_lines, quality_violations

    counts: Counter[str] = Counter()
    observed, amounts = _observations(replace(settings, source=rival), counts)
    metrics, extras = document(PROBLEMS[0], observed, amounts, _threshold(settings), counts)
    beside = {**settings.dimensions, challenger.DIMENSION: rival.name}
    violations = len(quality_violations(metrics, limits))
    return quality_lines(_values(metrics) | extras, violations, beside, settings.timestamp)


def document(
    problem: str, observed: Observations, amounts: np.ndarray | None, threshold: float, counts: Counter[str]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return (AWS's metrics, the fraud team's); rows whose label is none of the problem are counted."""
    if problem == "BinaryClassification":
        return _binary(observed, amounts, threshold, counts)
    import numpy as np

    from fraud.monitoring import quality, quality_other
    from fraud.monitoring.observations import numbers, texts

    said = observed.predictions if observed.predictions is not None else observed.probabilities
    if problem == "Regression":
        labels, predictions = numbers(observed.labels), numbers(list(said))
        usable = np.isfinite(labels) & np.isfinite(predictions)
        counts["labels_not_understood"] += int((~usable).sum())
        labels, predictions = labels[usable], predictions[usable]
        compute = lambda at: quality_other.regression_values(labels[at], predictions[at])  # noqa: E731
        return (quality.with_deviations(compute, len(labels)) if len(labels) else {}), {}
    names, guesses = np.array(texts(observed.labels)), np.array(texts(list(said)))
    if not len(names):
        return {}, {}
    compute = lambda at: quality_other.multiclass_values(names[at], guesses[at])  # noqa: E731
    matrix = quality_other.multiclass_matrix(names.tolist(), guesses.tolist())
    return {"confusion_matrix": matrix, **quality.with_deviations(compute, len(names))}, {}


def _binary(
    observed: Observations, amounts: np.ndarray | None, threshold: float, counts: Counter[str]
) -> tuple[dict[str, Any], dict[str, float]]:
    import numpy as np

    from fraud.monitoring import quality, quality_binary
    from fraud.monitoring.observations import binary

    labels, probabilities = binary(observed.labels), observed.probabilities
    if observed.predictions is not None:
        predictions = binary(observed.predictions)
    else:
        predictions = np.where(np.isfinite(probabilities), probabilities >= threshold, np.nan)
    usable = np.isfinite(labels) & np.isfinite(predictions)
    if probabilities is not None:
        usable &= np.isfinite(probabilities)
    counts["labels_not_understood"] += int((~usable).sum())
    if not usable.any():
        return {}, {}
    truth, said = labels[usable] == 1, predictions[usable] == 1
    chances = probabilities[usable] if probabilities is not None else None

    def compute(at: np.ndarray) -> dict[str, float]:
        return quality_binary.values(truth[at], said[at], None if chances is None else chances[at])

    metrics = quality.with_deviations(compute, len(truth))
    average = metrics.pop("average_precision", {}).get("value")
    body = {"confusion_matrix": quality_binary.confusion_matrix(truth, said), **metrics}
    if chances is not None:
        body |= quality_binary.curves(truth, chances)
    extras = {} if average is None else {"average_precision": average}
    money = amounts[usable] if amounts is not None else None
    return body, extras | quality_binary.fraud_metrics(truth, said, chances, money)


def _observations(settings: Settings, counts: Counter[str]) -> tuple[Observations, np.ndarray | None]:
    from fraud.monitoring.observations import numbers, observe

    if settings.form not in CAPTURED:
        return _from_table(settings), None
    column = _amount_column(settings)
    records = labelled.labelled_records(settings, counts)
    observed = observe(records, labelled.attributes_of(settings), counts, features=column is not None, only=column)
    if column is None or observed.features is None:
        return observed, None
    return observed, numbers([row[0] for row in observed.features])


def _from_table(settings: Settings) -> Observations:
    """A table of predictions and labels, as baselines are made of: attributes are names of columns, or numbers."""
    from fraud.monitoring.observations import Observations, numbers

    frame, given = read_table(settings), settings.environment.get

    def column(variable: str) -> list[Any]:
        name = given(variable, "")
        if name.isdigit() and int(name) < frame.width:
            name = frame.columns[int(name)]
        if name not in frame.columns:
            raise AnalysisError(f"{variable}: {name!r} is none of the columns {', '.join(frame.columns[:20])}")
        return frame[name].to_list()

    if not given("ground_truth_attribute") or not (given("inference_attribute") or given("probability_attribute")):
        raise AnalysisError("ground_truth_attribute and inference_attribute or probability_attribute are needed")
    probabilities = numbers(column("probability_attribute")) if given("probability_attribute") else None
    predictions = column("inference_attribute") if given("inference_attribute") else None
    return Observations(column("ground_truth_attribute"), predictions, probabilities, None)


def _amount_column(settings: Settings) -> int | None:
    """The position of the amount among the features, where the baseline has a columns.json that says it."""
    path = settings.environment.get("baseline_constraints")
    try:
        body = json.loads((Path(path).parent / COLUMNS_FILE).read_text(encoding="utf-8")) if path else {}
        return body["features"].index(body["amount"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _threshold(settings: Settings) -> float:
    text = settings.environment.get("probability_threshold_attribute") or str(DEFAULT_THRESHOLD)
    try:
        return float(text)
    except ValueError:
        raise AnalysisError(f"probability_threshold_attribute: {text!r} is no number") from None
