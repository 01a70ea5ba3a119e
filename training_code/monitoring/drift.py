"""Population stability after a run of data quality: drift.json and its metrics."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from training_code.monitoring.results import Outcome, write_json, write_metrics
from training_code.monitoring.settings import AnalysisError, Settings

SCORES = ("fraud_probability", "probability", "score", "prediction")
"""Names of the column that is the model's score, most likely first."""


def add_drift(settings: Settings, outcome: Outcome) -> Outcome:
    """Compare statistics.json with the baseline's; return the outcome with the largest indices in its headline."""
    from fraud.monitoring.stability import LARGE, compare, drift_document, drift_lines

    if settings.statistics is None or not outcome.rows:
        return outcome
    current = json.loads((settings.output / "statistics.json").read_text(encoding="utf-8"))
    try:
        found = list(compare(settings.statistics, current))
    except (KeyError, TypeError, ValueError) as error:
        raise AnalysisError(f"baseline_statistics: not in Model Monitor's layout ({error!r})") from None
    names = [column.name for column in found]
    score = next((name for name in SCORES if name in names), None)
    document = drift_document(found, score, _threshold(settings, LARGE))
    write_json(settings.output / "drift.json", document)
    for violation in document["violations"]:
        print("{feature_name}: {constraint_check_type}: {description}".format(**violation), flush=True)
    if settings.publish:
        lines = list(drift_lines(found, score, settings.dimensions, settings.timestamp))
        write_metrics(settings, lines, append=True)
    return replace(outcome, headline={**outcome.headline, **_headline(document)})


def _headline(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"unstable_features": len(document["violations"])}
    if document["score"] is not None:
        found["score_psi"] = document["score"]["psi"]
    if document["features"]:
        worst = document["features"][0]
        found |= {"largest_psi": worst["psi"], "largest_psi_feature": worst["name"]}
    return found


def _threshold(settings: Settings, default: float) -> float:
    text = settings.environment.get("psi_threshold")
    try:
        return float(text) if text else default
    except ValueError:
        raise AnalysisError(f"psi_threshold: {text!r} is no number") from None
