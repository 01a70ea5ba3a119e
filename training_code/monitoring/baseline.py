"""Whether a baseline is whole: what it has lost would not be compared, and the verdict be a good one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training_code.monitoring.settings import AnalysisError

_REMEDY = "restore the file, or make the baseline again"
_NUMBER, _OBJECT = (int, float), dict
_PARTS = {
    "baseline_constraints": {
        **dict.fromkeys(("num_constraints", "string_constraints"), _OBJECT),
        "completeness": _NUMBER,
    },
    "baseline_statistics": dict.fromkeys(("numerical_statistics", "string_statistics"), _OBJECT),
}
_STATISTICS = {"Integral": "numerical_statistics", "Fractional": "numerical_statistics", "String": "string_statistics"}


def check_columns(constraints: Mapping[str, Any], statistics: Mapping[str, Any] | None) -> None:
    """Check a data quality baseline; raise AnalysisError naming the variable of the document that is damaged."""
    if not isinstance(constraints.get("monitoring_config", {}), dict):
        raise AnalysisError(f"baseline_constraints: monitoring_config is no object: {_REMEDY}")
    names = _columns("baseline_constraints", constraints)
    if statistics is not None:
        known = set(_columns("baseline_statistics", statistics))
        for feature in statistics["features"]:
            if wanted := _STATISTICS.get(str(feature.get("inferred_type"))):
                check_object(f"baseline_statistics: {feature['name']}", feature, wanted)
        if lost := [name for name in names if name not in known]:
            raise AnalysisError(
                f"baseline_statistics: nothing about {', '.join(lost[:20])}, which baseline_constraints has: {_REMEDY}"
            )


def check_object(variable: str, document: Mapping[str, Any], name: str, hint: str = _REMEDY) -> None:
    """Raise AnalysisError unless a document's member is an object that is not empty."""
    if not isinstance(document.get(name), dict) or not document[name]:
        raise AnalysisError(f"{variable}: {name} is missing or empty: {hint}")


def check_stages(constraints: Mapping[str, Any], stages: Sequence[str]) -> None:
    """Raise AnalysisError where a bias baseline has nothing of a stage that was analysed."""
    for stage in stages:
        check_object("baseline_constraints", constraints, stage)
        check_object(f"baseline_constraints: {stage}", constraints[stage], "facets")


def _columns(variable: str, document: Mapping[str, Any]) -> list[str]:
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise AnalysisError(f"{variable}: a list 'features' of objects with a name is expected: {_REMEDY}")
    for at, feature in enumerate(features):
        if not isinstance(feature, dict) or not isinstance(feature.get("name"), str):
            raise AnalysisError(f"{variable}: features[{at}] is no object with a name: {_REMEDY}")
        for part, kind in _PARTS[variable].items():
            if feature.get(part) is not None and not isinstance(feature[part], kind):
                raise AnalysisError(f"{variable}: {part} of {feature['name']} is damaged: {_REMEDY}")
    return [feature["name"] for feature in features]
