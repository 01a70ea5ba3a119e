"""Model quality: metrics against the baseline, curves, money, and their course over earlier runs."""

from __future__ import annotations

from typing import Any

from training_code.monitoring.report import history, svg
from training_code.monitoring.report.section import Findings, Picture, Run, Section, Table
from training_code.monitoring.report.words import counted, number, percent

_NAMES = {
    "recall": "Recall: the share of fraud that is found",
    "precision": "Precision: the share of alerts that are fraud",
    "f1": "F1",
    "auc": "AUC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "rmse": "Root mean squared error",
}
_FALLEN = {
    "recall": "Less fraud is found at the same threshold. Look at the missed frauds of this window for a pattern that "
    "rules can catch today, and retrain with them.",
    "precision": "More alerts are false. Until a retrained model is promoted, raise the threshold of the rules that "
    "block, or send part of these alerts to review.",
    "auc": "The model orders events worse than when it was accepted, which no threshold repairs: retrain "
    "(python -m scripts.retrain).",
}
_UP_TO_DATE = "Nothing to do: quality is what it was when the model was accepted."


def findings(run: Run) -> Findings:
    """Return what quality has to say."""
    statistics = run.documents.get("statistics.json") or {}
    key = next((key for key in statistics if key.endswith("_metrics")), None)
    metrics = statistics.get(key, {}) if key else {}
    rules = next((v for k, v in (run.constraints or {}).items() if k.endswith("_constraints")), {})
    worse = {violation["metric_name"] for violation in run.violations}
    limits = {name: rule.get("threshold") for name, rule in rules.items()}
    base = (run.statistics or {}).get(key, {}) if key else {}
    sections = [
        *_curves(metrics, base),
        *_money(run),
        *history.over_time(run, [(name, title, limits.get(name)) for name, title in _NAMES.items()]),
        _table(metrics, limits, worse),
    ]
    return Findings(_changed(metrics, limits, worse), _advice(worse, run), sections)


def _changed(metrics: dict[str, Any], limits: dict[str, Any], worse: set[str]) -> list[str]:
    found = []
    for name, title in _NAMES.items():
        if name in worse and name in limits:
            body = metrics[name]
            spread = body.get("standard_deviation")
            margin = f" ± {number(spread)}" if isinstance(spread, float) else ""
            found.append(f"{title}: {number(body['value'])}{margin}, it was {number(limits[name])}.")
    return found


def _advice(worse: set[str], run: Run) -> list[str]:
    texts = [text for name, text in _FALLEN.items() if name in worse]
    unmatched, rows = run.summary.get("unmatched", 0), run.summary.get("rows", 0)
    if unmatched > rows:
        texts.append(
            f"Only {counted(rows, 'event')} of {rows + unmatched:,} have a label: what is measured is the part that is "
            "labelled, mostly what was investigated. Send labels of the rest (POST /labels), or move the window back."
        )
    if not texts and run.constraints is not None and rows:
        texts.append(_UP_TO_DATE)
    return texts


def _curves(metrics: dict[str, Any], base: dict[str, Any]) -> list[Section]:
    pictures = []
    for title, name, x, y, across in (
        ("ROC curve", "receiver_operating_characteristic_curve", "false_positive_rates", "true_positive_rates", "FPR"),
        ("Precision over recall", "precision_recall_curve", "recalls", "precisions", "recall"),
    ):
        sides = [
            list(zip(side[name][x], side[name][y], strict=True)) if name in side else None for side in (base, metrics)
        ]
        if sides[1]:
            pictures.append(Picture(title, svg.curve(sides[0], sides[1], across)))
    matrix = metrics.get("confusion_matrix")
    tables = []
    if matrix and set(matrix) == {"0", "1"}:
        rows = [
            (word, number(matrix[label]["0"]), number(matrix[label]["1"]))
            for label, word in (("0", "genuine"), ("1", "fraud"))
        ]
        tables.append(Table(("in truth", "passed", "alert"), rows, frozenset({1, 2}), caption="At the threshold"))
    return [Section("How well fraud is told apart", pictures=pictures, tables=tables)] if pictures or tables else []


def _money(run: Run) -> list[Section]:
    values = (run.documents.get("fraud_metrics.json") or {}).get("metrics", {})
    rows = [
        (title, show(values[name]))
        for name, title, show in (
            ("fraud_rate", "Fraud among the labelled events", percent),
            ("alert_rate", "Alerts among the labelled events", percent),
            ("mean_probability", "Mean probability the model gave", percent),
            ("average_precision", "Average precision", number),
            ("brier_score", "Brier score (0 is perfect)", number),
            ("fraud_amount", "Amount of fraud", number),
            ("caught_amount", "of it in alerts", number),
            ("missed_amount", "of it missed", number),
            ("value_recall", "Share of the amount that was found", percent),
            ("false_alarm_amount", "Amount of genuine events in alerts", number),
        )
        if name in values
    ]
    return [Section("What it means for the team", tables=[Table(("", ""), rows, frozenset({1}))])] if rows else []


def _table(metrics: dict[str, Any], limits: dict[str, Any], worse: set[str]) -> Section:
    from fraud.monitoring.quality import violation_name

    rows, marked = [], set()
    for name, body in metrics.items():
        if not isinstance(body, dict) or "value" not in body:
            continue
        if violation_name(name) in worse:
            marked.add(len(rows))
        rows.append((name, number(body["value"]), number(body.get("standard_deviation")), number(limits.get(name))))
    heads = ("metric", "value", "standard deviation", "limit")
    return Section("All metrics", tables=[Table(heads, rows, frozenset({1, 2, 3}), frozenset(marked))])
