"""Processing job: compares the candidate with the champion on the hold-out and writes the monitors' baselines.

Inputs below processing/input: candidate and, optionally, champion (a model.tar.gz each), test, validation,
schema. Outputs below processing/output: evaluation/ (evaluation.json, curves.json,
model_quality_statistics.json, sample.json) and baseline/<kind of monitor>/ (statistics.json, constraints.json …).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

SOURCE = Path(__file__).resolve().parent.parent
if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))

from training_code import archives, bootstrap, entry  # noqa: E402
from training_code.baselines import KINDS, BaselineSettings, write_baselines  # noqa: E402

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from fraud.models.package import ModelPackage

SAMPLE_ROWS = 10
SAMPLE_FRAUDS = 4


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the job's flags."""
    parser = argparse.ArgumentParser(prog="training_code.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--gate-metric", default="average_precision", help="metric the gate looks at")
    parser.add_argument("--gate-margin", type=float, default=0.01, help="how far below the champion is accepted")
    parser.add_argument("--gate-floor", type=float, default=0.2, help="least value of the metric")
    parser.add_argument("--bootstrap-samples", type=int, default=200, help="redraws for intervals")
    parser.add_argument("--review-budgets", type=_integers, default=(50, 100, 200), help="alerts a day: 50,100,200")
    parser.add_argument("--top-cards", type=int, default=100, help="cards reviewed a day in card precision")
    parser.add_argument("--review-cost", type=float, default=5.0, help="price of one alert, in the amounts' currency")
    add = parser.add_argument
    add("--monitor", action="append", choices=KINDS, help="a kind of monitor that gets a baseline (default: each)")
    add("--facet", action="append", type=_facet, help="a segment for bias: feature, or feature=value,value")
    add("--probability-threshold", type=float, default=0.5, help="probability from which on fraud is predicted")
    add("--explanation-samples", type=int, default=100, help="samples of Clarify's kernel SHAP")
    options = parser.parse_args(argv)
    options.monitor = options.monitor or KINDS
    return options


def evaluate(options: argparse.Namespace, inputs: Path, outputs: Path) -> None:
    """Run the job on folders of inputs and outputs; raise ValueError for a user's mistake."""
    from fraud.evaluation.holdout import holdout, without_known_cards
    from fraud.evaluation.report import Settings
    from fraud.evaluation.report import evaluate as compare
    from fraud.features.schema import FeatureSchema
    from training_code.splits import matrix, read_split

    settings = Settings(
        gate_metric=options.gate_metric,
        gate_margin=options.gate_margin,
        gate_floor=options.gate_floor,
        bootstrap_samples=options.bootstrap_samples,
        review_budgets=tuple(options.review_budgets),
        top_cards=options.top_cards,
        review_cost=options.review_cost,
    )
    schema = FeatureSchema.load(inputs / "schema")
    test = read_split(inputs / "test", schema, "test")
    validation = read_split(inputs / "validation", schema, "validation")
    with tempfile.TemporaryDirectory(prefix="models-") as scratch:
        candidate = unpack(inputs / "candidate", Path(scratch) / "candidate", "candidate")
        champion = unpack(inputs / "champion", Path(scratch) / "champion", "champion")
    if candidate is None:
        raise ValueError(f"candidate: no model.tar.gz in {inputs / 'candidate'}")
    if candidate.schema.feature_names != schema.feature_names:
        raise ValueError("candidate: its feature schema is not the one of these splits; train and prepare together")

    frame = without_known_cards(test.frame)
    if frame.is_empty():
        raise ValueError("test: all cards are known as defrauded before their day, no rows remain")
    rows = holdout(frame)
    print(f"test without known cards: {rows.summary()}", flush=True)
    scores = candidate.fraud_probability(matrix(frame, candidate.schema, "test for the candidate"))
    held = None
    if champion is not None:
        held = champion.fraud_probability(matrix(frame, champion.schema, "test for the champion"))
    result = compare(rows, scores, held, settings)
    for who, package in (("candidate", candidate), ("champion", champion)):
        if package is not None:
            # What this model's answers will bear: a decision tells by it which package made it.
            result.summary[who]["version"] = package.version

    documents = {
        "evaluation.json": result.summary,
        "curves.json": result.curves,
        "model_quality_statistics.json": result.model_quality,
        "sample.json": sample(frame, scores, schema.feature_names),
    }
    for name, body in documents.items():
        _write(outputs / "evaluation" / name, body)
    wanted = BaselineSettings(
        kinds=options.monitor,
        facets=options.facet,
        probability_threshold=options.probability_threshold,
        samples=options.explanation_samples,
    )
    write_baselines(candidate, validation, inputs / "candidate", outputs / "baseline", wanted)
    for who in ("candidate", "champion"):
        if result.summary[who] is not None:
            print(f"{who}: {json.dumps(result.summary[who]['metrics'])}", flush=True)
    for reason in result.summary["gate"]["reasons"]:
        print(f"gate: {reason}", flush=True)


def unpack(folder: Path, target: Path, who: str) -> ModelPackage | None:
    """Load the model package of model.tar.gz in a folder; None where there is none."""
    from fraud.models.package import ModelPackage, PackageError

    archive = folder / "model.tar.gz"
    if not archive.is_file():
        return None
    try:
        with tarfile.open(archive, "r:gz") as tar:
            archives.unpack(tar, target)
    except archives.BROKEN as error:
        raise ValueError(f"{who}: model.tar.gz cannot be unpacked ({error})") from None
    try:
        return ModelPackage.load(target)
    except PackageError as error:
        raise ValueError(f"{who}: {error}") from None


def sample(frame: pl.DataFrame, scores: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Return ten transactions with their truth, some of them frauds, spread evenly over the period."""
    import numpy as np

    from fraud.evaluation.report import finite
    from fraud.features import schema as columns

    labels = frame[columns.LABEL].to_numpy() == 1
    features = frame.select(names)
    chosen = []
    frauds = min(SAMPLE_FRAUDS, int(labels.sum()))
    for members, wanted in ((np.flatnonzero(labels), frauds), (np.flatnonzero(~labels), SAMPLE_ROWS - frauds)):
        if len(members):
            places = np.linspace(0, len(members) - 1, min(wanted, len(members))).round().astype(int)
            chosen += members[places].tolist()
    rows = []
    for row in sorted(chosen):
        record = {name: frame[name][row] if name in frame.columns else None for name in columns.RESERVED_COLUMNS}
        moment = record[columns.TIMESTAMP]
        rows.append(
            {
                "id": record[columns.ID],
                "timestamp": moment.isoformat() if moment is not None else None,
                "amount": record[columns.AMOUNT],
                "fraud": bool(labels[row]),
                "fraud_probability": float(scores[row]),
                "features": [None if value is None else float(value) for value in features.row(row)],
            }
        )
    return finite({"schema_version": 1, "features": names, "rows": rows})


def _facet(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, values = text.partition("=")
    try:
        return name, tuple(float(value) for value in values.split(",")) if values else ()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a feature, or feature=value,value") from None


def _integers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: integers with commas between them, such as 50,100") from None


def _write(path: Path, body: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Entry point; return the exit code."""
    options = arguments(argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    base = entry.base_folder()

    def work() -> None:
        bootstrap.install()
        evaluate(options, base / "processing" / "input", base / "processing" / "output")

    return entry.run(work)


if __name__ == "__main__":
    sys.exit(main())
