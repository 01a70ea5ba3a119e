"""Training job in script mode: learns one model and writes the model package to SM_MODEL_DIR.

Reads the channels train, validation and schema, and the hyperparameters `algorithm` plus the algorithm's own.
Prints metrics in the form that SageMaker reads from its XGBoost image, `[12]<tab>validation-map:0.71`, during
training and at its end; `validation:map` is the average precision.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
if str(SOURCE) not in sys.path:
    # The toolkit runs this file as a script: its own folder is on the path, the packages beside it are not.
    sys.path.insert(0, str(SOURCE))

from training_code import bootstrap, entry  # noqa: E402

_LIBRARIES = {
    "xgboost": ("numpy", "xgboost"),
    "random-forest": ("numpy", "scikit-learn"),
    "logistic-regression": ("numpy", "scikit-learn"),
}


def train(environment: Mapping[str, str]) -> None:
    """Train under SageMaker's script-mode environment variables; raise ValueError for a user's mistake."""
    from fraud import models
    from fraud.features.schema import FeatureSchema
    from fraud.models import calibration, ranking
    from fraud.models.package import ModelPackage
    from training_code.splits import read_split

    started = time.perf_counter()
    settings = {key: str(value) for key, value in json.loads(environment.get("SM_HPS", "{}")).items()}
    algorithm = settings.pop("algorithm", None)
    if algorithm is None:
        raise ValueError(f"hyperparameter algorithm is missing: one of {', '.join(models.algorithms())}")
    trainer = models.trainer(algorithm)
    hyperparameters = models.parse(trainer.parameters, settings)

    schema = FeatureSchema.load(_channel(environment, "schema"))
    train_split = read_split(_channel(environment, "train"), schema, "train")
    validation = read_split(_channel(environment, "validation"), schema, "validation")
    for split in (train_split, validation):
        split.data.require_both_classes(split.name)
    _say(f"{algorithm} on {train_split.summary()}, validated on {validation.summary()}")
    _say(f"hyperparameters {json.dumps(hyperparameters)}")

    rounds = [0]

    def report(round_number: int, metrics: Mapping[str, float]) -> None:
        rounds.append(round_number)
        _say_metrics(round_number, metrics)

    model = trainer.fit(
        train_split.data,
        validation.data,
        hyperparameters,
        report,
        threads=max(1, int(environment.get("SM_NUM_CPUS") or os.cpu_count() or 1)),
    )
    labels = validation.data.labels
    scores = model.predict_proba(validation.data.features)
    package = ModelPackage(
        model=model,
        schema=schema,
        calibration=calibration.fit(labels, scores),
        metadata={
            "hyperparameters": hyperparameters,
            "libraries": {name: metadata.version(name) for name in _LIBRARIES[algorithm]},
            "python": platform.python_version(),
            "training": train_split.summary(),
            "validation": validation.summary(),
        },
    )
    package.save(Path(environment["SM_MODEL_DIR"]), SOURCE)
    probabilities = package.calibration(scores)
    _say(f"calibration {package.calibration.method}, {time.perf_counter() - started:.1f} s")
    # The objective of tuning is the last value printed under its name.
    final = {
        "validation:auc": ranking.roc_auc(labels, probabilities),
        models.OBJECTIVE: ranking.average_precision(labels, probabilities),
    }
    _say_metrics(max(rounds) + 1, final)


def _channel(environment: Mapping[str, str], name: str) -> Path:
    folder = environment.get(f"SM_CHANNEL_{name.upper()}")
    if not folder:
        raise ValueError(f"channel {name} is missing: the training job needs train, validation and schema")
    return Path(folder)


def _say_metrics(round_number: int, metrics: Mapping[str, float]) -> None:
    _say(
        "\t".join([f"[{round_number}]", *(f"{name.replace(':', '-')}:{value:.6f}" for name, value in metrics.items())])
    )


def _say(line: str) -> None:
    # Flushed line by line: early stopping of a tuning job reads the metrics while training goes on.
    print(line, flush=True)


def main() -> int:
    """Entry point; return the exit code."""

    # Threads that wait without spinning: parallel trials share the machine's cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    def work() -> None:
        bootstrap.install()
        train(os.environ)

    output = os.environ.get("SM_OUTPUT_DIR")
    return entry.run(work, Path(output) if output else None)


if __name__ == "__main__":
    sys.exit(main())
