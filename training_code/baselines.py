"""The monitors' baselines: what the endpoint's data, answers and attributions are compared with.

They are made of the validation split, because it is the latest data before the test: nearer to what the endpoint will
see than the training split, and, unlike the test, whole: it keeps the cards that the test leaves out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from fraud.features.schema import FeatureSchema
    from fraud.models.package import ModelPackage
    from training_code.splits import PreparedSplit

KINDS = ("data-quality", "model-quality", "model-bias", "model-explainability")
CONFIG = "analysis_config.json"
DOCUMENTS = {
    "model-quality": ("statistics.json", "constraints.json"),
    "model-bias": ("analysis.json", "constraints.json"),
    "model-explainability": ("analysis.json",),
}
SCORE = "fraud_probability"
LABEL = "fraud"


@dataclass(frozen=True)
class BaselineSettings:
    """Which kinds are made, and how.

    `facets` are features with the values that are set apart (none: each value); None takes every variable of the
    event type that is a category or a boolean, and its calendar. `samples` are those of Clarify's kernel SHAP.
    """

    kinds: Sequence[str] = KINDS
    facets: Sequence[tuple[str, Sequence[float]]] | None = None
    probability_threshold: float = 0.5
    samples: int = 100


def write_baselines(
    candidate: ModelPackage, validation: PreparedSplit, archive: Path, folder: Path, settings: BaselineSettings
) -> None:
    """Write `<folder>/<kind>/*.json`; `archive` is the folder with the candidate's model.tar.gz.

    All but the data's are made by the analyser itself, in a run without constraints: what compares later has made
    what it compares with.
    """
    for name, body in _data_quality(candidate, validation).items() if "data-quality" in settings.kinds else ():
        _write(folder / name, body)
    with tempfile.TemporaryDirectory(prefix="baselines-") as scratch:
        table = _table(candidate, validation, Path(scratch) / "data")
        for kind, environment in _analyses(candidate, validation, archive, folder, settings).items():
            _analyse(kind, {**environment, "dataset_source": str(table)}, folder / kind, Path(scratch) / kind)


def _analyses(
    candidate: ModelPackage, validation: PreparedSplit, archive: Path, folder: Path, settings: BaselineSettings
) -> dict[str, dict[str, str]]:
    """The analyser's settings for each kind; settings of Clarify are written first."""
    found: dict[str, dict[str, str]] = {}
    schema = candidate.schema
    if "model-quality" in settings.kinds:
        _write(folder / "model-quality" / "columns.json", {"features": schema.feature_names, "amount": schema.amount})
        found["model-quality"] = {
            "probability_attribute": SCORE,
            "ground_truth_attribute": LABEL,
            "probability_threshold_attribute": f"{settings.probability_threshold:g}",
        }
    if "model-bias" in settings.kinds:
        facets = segments(schema, settings.facets)
        if facets:
            config = _write(folder / "model-bias" / CONFIG, bias_config(schema, facets))
            threshold = f"{settings.probability_threshold:g}"
            found["model-bias"] = {
                "analysis_config": config,
                "probability_threshold_attribute": threshold,
                "window_rows": str(_rows_a_day(validation)),
            }
        else:
            print("bias: none of the segments is a feature of this event type, so there is no baseline", flush=True)
    if "model-explainability" in settings.kinds:
        body = explanation_config(schema, validation.frame, settings.samples)
        config = _write(folder / "model-explainability" / CONFIG, body)
        found["model-explainability"] = {"analysis_config": config, "model_source": str(archive)}
    return found


def _rows_a_day(validation: PreparedSplit) -> int:
    """What a labelled monitor's window of a day holds, if traffic stays as it is."""
    from fraud.features import schema as columns

    moments = validation.frame[columns.TIMESTAMP]
    if moments.null_count() == len(moments):
        # Events without times, of which the split is all that is known.
        return max(1, len(moments))
    days = (moments.max() - moments.min()).total_seconds() / 86_400
    return max(1, round(len(moments) / max(1.0, days)))


def _table(candidate: ModelPackage, validation: PreparedSplit, folder: Path) -> Path:
    """Write score, label and features of the validation split as a data set; return its folder."""
    import polars as pl

    from fraud.features import schema as columns

    scores = pl.Series(SCORE, candidate.fraud_probability(validation.data.features))
    labels = validation.frame[columns.LABEL].cast(pl.Int64).alias(LABEL)
    features = validation.frame.select(candidate.schema.feature_names).cast(pl.Float64)
    folder.mkdir(parents=True)
    pl.DataFrame([scores, labels, *features]).write_parquet(folder / "validation.parquet")
    return folder


def _analyse(kind: str, environment: dict[str, str], target: Path, scratch: Path) -> None:
    """Run the analyser without constraints, and keep those of its documents that are a baseline."""
    from training_code.analyze import analyze

    print(f"baseline of {kind}", flush=True)
    given = {
        "analysis_type": kind.replace("-", "_").upper(),
        "dataset_format": '{"parquet": {}}',
        "output_path": str(scratch),
    }
    analyze({**given, **environment}, scratch)
    for name in DOCUMENTS[kind]:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(scratch / name, target / name)


def _write(path: Path, body: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return str(path)


def _data_quality(candidate: ModelPackage, validation: PreparedSplit) -> dict[str, Any]:
    import polars as pl

    from fraud.monitoring import profile, suggest_constraints

    scores = pl.Series(SCORE, candidate.fraud_probability(validation.data.features))
    # All as fractional numbers: a client may send 3 or 3.0.
    features = validation.frame.select(candidate.schema.feature_names).cast(pl.Float64)
    described = profile(pl.DataFrame([scores, *features]))
    return {
        "data-quality/statistics.json": described.to_json(),
        "data-quality/constraints.json": suggest_constraints(described, allow_chance=True),
    }


def segments(
    schema: FeatureSchema, wanted: Sequence[tuple[str, Sequence[float]]] | None
) -> list[tuple[str, Sequence[float]]]:
    """The facets that are features of the model; those that are not are named on the output."""
    names = schema.feature_names
    if wanted is not None:
        for name, _ in wanted:
            if name not in names:
                print(f"bias: {name} is no feature of this event type and is left out", flush=True)
        return [(name, values) for name, values in wanted if name in names]
    from fraud.event_types import parse
    from fraud.features.catalogue import onehot_name

    event_type = parse(dict(schema.event_type))
    found: list[tuple[str, Sequence[float]]] = []
    for variable in event_type.variables:
        if variable.type == "boolean":
            found.append((variable.column, (1,)))
        elif variable.type == "category" and variable.encoding == "onehot":
            found += [(onehot_name(variable.column, value), (1,)) for value in variable.values]
        elif variable.type == "category":
            found.append((variable.column, ()))
    found += [(name, (1,)) for name in event_type.calendar if name.startswith("is_")]
    return [(name, values) for name, values in found if name in names]


def bias_config(schema: FeatureSchema, facets: Sequence[tuple[str, Sequence[float]]]) -> dict[str, Any]:
    """Return Clarify's analysis_config.json for bias."""
    every = {"methods": "all"}
    return {
        "version": "1.0",
        "headers": [*schema.feature_names, LABEL],
        "label": LABEL,
        "label_values_or_threshold": [1],
        "facet": [
            {"name_or_index": name, **({"value_or_threshold": list(values)} if values else {})}
            for name, values in facets
        ],
        "methods": {"pre_training_bias": every, "post_training_bias": every},
    }


def explanation_config(schema: FeatureSchema, validation: pl.DataFrame, samples: int) -> dict[str, Any]:
    """Return Clarify's analysis_config.json for feature attribution, against the validation's median event."""
    names = schema.feature_names
    medians = validation.select(names).median().row(0)
    row = [None if value is None or value != value else float(value) for value in medians]
    return {
        "version": "1.0",
        "headers": list(names),
        "label_headers": [SCORE],
        "methods": {
            "shap": {
                "baseline": [row],
                "num_samples": samples,
                "agg_method": "mean_abs",
                "use_logit": False,
                "save_local_shap_values": False,
                "seed": 0,
            }
        },
        # Registration adds the model's name.
        "predictor": {},
    }
