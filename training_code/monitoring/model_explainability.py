"""Feature attribution: global SHAP values of the window's events, and how far their ranking has moved."""

from __future__ import annotations

import tarfile
import tempfile
from array import array
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_code import archives
from training_code.monitoring import clarify_config
from training_code.monitoring.results import Outcome, write_json, write_metrics, write_violations
from training_code.monitoring.settings import AnalysisError, Settings
from training_code.monitoring.tables import read_table

if TYPE_CHECKING:
    import numpy as np

    from fraud.models.package import ModelPackage

MOST_ROWS = 20_000
"""Of more events the attributions are those of this many, evenly spread over the window."""


def run(settings: Settings) -> Outcome:
    """Write analysis.json and, with a baseline, violations; constraints.json is the analysis again."""
    from fraud.monitoring.attribution import attribution_lines, attribution_violations

    config = clarify_config.analysis_config(settings)
    counts: Counter[str] = Counter()
    features = _features(settings, clarify_config.headers(config), counts)
    rows = len(features)
    if not rows:
        for name in ("analysis.json", "constraints.json"):
            write_json(settings.output / name, {"version": "1.0"})
        if settings.constraints is not None:
            write_violations(settings, [], version="1.0")
        return Outcome(0, None if settings.constraints is None else [], counts)
    analysis = explain(config, features, _model(settings))
    write_json(settings.output / "analysis.json", analysis)
    write_json(settings.output / "constraints.json", analysis)
    (values,) = (body["global_shap_values"] for body in analysis["explanations"]["kernel_shap"].values())
    headline: dict[str, Any] = {"most_important_feature": max(values, key=lambda name: values[name])}
    if settings.constraints is None:
        return Outcome(rows, counts=counts, headline=headline)
    violations, scores = attribution_violations(analysis, settings.constraints)
    write_violations(settings, violations, version="1.0")
    if settings.publish:
        write_metrics(settings, list(attribution_lines(analysis, scores, settings.dimensions, settings.timestamp)))
    return Outcome(rows, violations, counts, {"ndcg": min(scores.values()), **headline})


def explain(config: dict[str, Any], features: np.ndarray, package: ModelPackage) -> dict[str, Any]:
    """Return analysis.json of features of shape (rows, headers) for a model package.

    Raise AnalysisError where the headers lack a feature of the model.
    """
    import numpy as np

    from fraud.monitoring.attribution import AGGREGATIONS, global_attribution

    names, wanted = clarify_config.headers(config), package.schema.feature_names
    missing = [name for name in wanted if name not in names]
    if missing:
        raise AnalysisError(f"analysis_config: headers lack the model's features {', '.join(missing[:10])}")
    if len(features) > MOST_ROWS:
        features = features[np.unique(np.linspace(0, len(features) - 1, MOST_ROWS).round().astype(int))]
    inputs = np.ascontiguousarray(features[:, [names.index(name) for name in wanted]], dtype=np.float32)
    contributions = package.model.contributions(inputs)
    chances = np.clip(package.model.predict_proba(inputs), 1e-12, 1 - 1e-12)
    expected = float(np.mean(np.log(chances / (1 - chances)) - contributions.sum(axis=1)))
    method = (config.get("methods") or {}).get("shap", {}).get("agg_method", "mean_abs")
    if method not in AGGREGATIONS:
        raise AnalysisError(f"analysis_config: methods.shap.agg_method {method!r} is none of {', '.join(AGGREGATIONS)}")
    (label, *_) = config.get("label_headers") or ["label0"]
    return global_attribution(contributions, list(wanted), expected, label=label, method=method)


def _features(settings: Settings, names: list[str], counts: Counter[str]) -> np.ndarray:
    """Return float64 of shape (rows, headers); rows of another width count as malformed."""
    import numpy as np

    from fraud.monitoring.observations import numbers
    from fraud.monitoring.payloads import PayloadError, rows
    from fraud.monitoring.records import Records

    if settings.form in ("csv", "parquet"):
        frame = read_table(settings)
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise AnalysisError(f"dataset_source: columns {', '.join(missing)} are missing")
    else:
        table = array("d")
        captured = Records(settings.source, settings.start, settings.end)
        for record in captured:
            try:
                sent = rows(record.request or {}, settings.environment.get("features_attribute") or None)
            except (PayloadError, KeyError, TypeError, ValueError):
                counts["malformed"] += 1
                continue
            for row in sent:
                if len(row) == len(names):
                    table.extend(numbers(row))
                else:
                    counts["malformed"] += 1
        counts.update(captured.counts)
        return np.frombuffer(table, dtype=np.float64).reshape(-1, len(names))
    return np.column_stack([numbers(frame[name].to_list()) for name in names])


def _model(settings: Settings) -> ModelPackage:
    from fraud.models.package import ModelPackage, PackageError

    folder = settings.folder("model_source")
    archive = folder / "model.tar.gz" if folder is not None else None
    if archive is None or not archive.is_file():
        raise AnalysisError("model_source: the folder with the endpoint's model.tar.gz is needed")
    with tempfile.TemporaryDirectory(prefix="model-") as scratch:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                archives.unpack(tar, Path(scratch))
            return ModelPackage.load(Path(scratch))
        except (*archives.BROKEN, PackageError) as error:
            raise AnalysisError(f"model_source: {archive} cannot be read ({error})") from None
