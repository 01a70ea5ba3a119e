"""Bias: rates and Clarify's metrics of segments of events, against the baseline's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from training_code.monitoring import clarify_config, labelled
from training_code.monitoring.baseline import check_stages
from training_code.monitoring.results import Outcome, write_json, write_metrics, write_violations
from training_code.monitoring.settings import AnalysisError, Settings
from training_code.monitoring.tables import read_table

if TYPE_CHECKING:
    import numpy as np

    from fraud.monitoring.bias import BiasData

PREDICTION = ("predicted_label", "prediction", "fraud_probability", "probability", "score")
"""Columns that a table's predictions are read from where predicted_label names none."""


def run(settings: Settings) -> Outcome:
    """Write analysis.json, segments.json, constraints.json and, with a baseline, violations.

    constraints.json is the analysis again, as Clarify has it, unless `window_rows` asks for room for chance.
    """
    from fraud.monitoring.bias import STAGES, analyse_bias, bias_lines, bias_violations, part
    from fraud.monitoring.bias_constraints import suggest_bias_constraints
    from fraud.monitoring.facets import FacetError

    config = clarify_config.analysis_config(settings)
    counts: Counter[str] = Counter()
    data = _data(settings, config, counts)
    labelled.explain(counts)
    rows = 0 if data is None else len(data.labels)
    analysis: dict[str, Any] = {"version": "1.0"}
    constraints = analysis
    rates: list[dict[str, Any]] = []
    window = _window_rows(settings)
    if data is not None and rows:
        facets = clarify_config.facets(config, list(data.columns))
        try:
            analysis, rates = analyse_bias(data, facets)
        except FacetError as error:
            raise AnalysisError(f"analysis_config: {error}") from None
        constraints = suggest_bias_constraints(analysis, data, part(data, facets), window) if window else analysis
    write_json(settings.output / "analysis.json", analysis)
    write_json(settings.output / "constraints.json", constraints)
    write_json(settings.output / "segments.json", {"version": 1, "segments": rates})
    if settings.constraints is None:
        return Outcome(rows, counts=counts, headline=_headline(rates))
    check_stages(settings.constraints, [stage for stage in STAGES if stage in analysis])
    violations = bias_violations(analysis, settings.constraints) if rows else []
    write_violations(settings, violations, version="1.0")
    if settings.publish and rows:
        write_metrics(settings, list(bias_lines(analysis, settings.dimensions, settings.timestamp)))
    return Outcome(rows, violations, counts, _headline(rates))


def _window_rows(settings: Settings) -> int:
    text = settings.environment.get("window_rows", "0")
    if not text.isdigit():
        raise AnalysisError(f"window_rows: {text!r} is no number of rows")
    return int(text)


def bias_data(
    config: Mapping[str, Any], columns: Mapping[str, Sequence[Any]], labels: Sequence[Any], predictions: np.ndarray
) -> BiasData:
    """Return the analysis' input; `predictions` are booleans of shape (n,)."""
    import numpy as np

    from fraud.monitoring.bias import BiasData
    from fraud.monitoring.observations import texts

    names = clarify_config.headers(config)
    positive = texts([str(value) for value in config.get("label_values_or_threshold") or [1]])
    group = config.get("group_variable")
    group = names[group] if isinstance(group, int) and 0 <= group < len(names) else group
    return BiasData(
        columns=columns,
        labels=np.isin(np.array(texts(labels), dtype=object), positive),
        predictions=predictions,
        label=clarify_config.label_name(config, names),
        positive=",".join(positive),
        group=np.array(texts(columns[group])) if group in columns else None,
    )


def _data(settings: Settings, config: Mapping[str, Any], counts: Counter[str]) -> BiasData | None:
    import numpy as np

    from fraud.monitoring.observations import Observations, numbers, observe, texts

    names = clarify_config.headers(config)
    label = clarify_config.label_name(config, names)
    features = [name for name in names if name != label]
    if settings.form in ("csv", "parquet"):
        frame = read_table(settings)
        said = config.get("predicted_label") or next((name for name in PREDICTION if name in frame.columns), None)
        missing = [name for name in (label, said, *features) if name not in frame.columns]
        if missing:
            raise AnalysisError(f"dataset_source: columns {', '.join(map(str, missing))} are missing")
        given = frame[said].to_list()
        observed = Observations(frame[label].to_list(), given, numbers(given), frame.select(features).rows())
        is_label = not np.isfinite(observed.probabilities).all() or set(texts(given)) <= {"0", "1"}
        observed = Observations(
            observed.labels,
            given if is_label else None,
            None if is_label else observed.probabilities,
            observed.features,
        )
    else:
        attributes = labelled.attributes_of(settings)
        observed = observe(labelled.labelled_records(settings, counts), attributes, counts, features=True)
    table = observed.features or []
    usable = [at for at, row in enumerate(table) if len(row) == len(features)]
    counts["malformed"] += len(table) - len(usable)
    if not usable:
        return None
    labels = [observed.labels[at] for at in usable]
    if observed.predictions is not None:
        positive = texts([str(value) for value in config.get("label_values_or_threshold") or [1]])
        predicted = np.isin(np.array(texts([observed.predictions[at] for at in usable]), dtype=object), positive)
    else:
        predicted = observed.probabilities[usable] >= clarify_config.threshold(config, settings)
    columns = {name: [table[at][place] for at in usable] for place, name in enumerate(features)}
    return bias_data(config, columns, labels, predicted)


def _headline(rates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The segment whose alerts differ most from everybody else's."""
    known = [row for row in rates if row.get("false_positive_rate") is not None and row["others_false_positive_rate"]]
    if not known:
        return {"segments": len(rates)}
    worst = max(known, key=lambda row: abs(row["false_positive_rate"] - row["others_false_positive_rate"]))
    return {
        "segments": len(rates),
        "widest_false_positive_gap": worst["false_positive_rate"] - worst["others_false_positive_rate"],
        "widest_false_positive_gap_segment": f"{worst['facet']}={worst['value']}",
    }
