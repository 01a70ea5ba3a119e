"""Clarify's analysis_config.json, as far as the monitors need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training_code.monitoring.settings import AnalysisError, Settings, json_file


def analysis_config(settings: Settings) -> dict[str, Any]:
    """Return the file's object; raise AnalysisError where there is none."""
    body = json_file(settings.environment, "analysis_config")
    if body is None:
        raise AnalysisError(f"analysis_config: {settings.kind} needs the path of Clarify's analysis_config.json")
    return body


def headers(config: Mapping[str, Any]) -> list[str]:
    """Return the columns' names; raise AnalysisError where there are none."""
    names = config.get("headers")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise AnalysisError("analysis_config: headers must list the names of the columns")
    return names


def label_name(config: Mapping[str, Any], names: list[str]) -> str:
    """Return the label's column: a name of `headers`, a number of one, or else the last (JMESPaths have no name)."""
    label = config.get("label")
    if isinstance(label, int) and 0 <= label < len(names):
        return names[label]
    return label if label in names else names[-1]


def facets(config: Mapping[str, Any], names: list[str]) -> list[tuple[str, list[Any]]]:
    """Return the facets with the values that are set apart; raise AnalysisError naming one that is no column."""
    given = config.get("facet")
    found = []
    for facet in given if isinstance(given, list) else [given] if isinstance(given, dict) else []:
        name = facet.get("name_or_index")
        if isinstance(name, int) and 0 <= name < len(names):
            name = names[name]
        if name not in names:
            raise AnalysisError(f"analysis_config: facet {name!r} is none of the headers")
        values = facet.get("value_or_threshold")
        found.append((name, values if isinstance(values, list) else [] if values is None else [values]))
    if not found:
        raise AnalysisError("analysis_config: facet must name at least one column")
    return found


def threshold(config: Mapping[str, Any], settings: Settings) -> float:
    """Return the probability from which on the positive outcome is predicted: environment, file, else 0.5."""
    predictor = config.get("predictor") or {}
    given = (
        settings.environment.get("probability_threshold_attribute")
        or config.get("probability_threshold")
        or predictor.get("probability_threshold")
        or 0.5
    )
    try:
        return float(given)
    except (TypeError, ValueError):
        raise AnalysisError(f"probability_threshold: {given!r} is no number") from None
