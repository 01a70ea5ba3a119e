"""The algorithms by name. A new one needs a module with a trainer and a model, and one line here."""

from __future__ import annotations

import importlib
from pathlib import Path

from fraud.models.base import Model, Trainer, TrainingError

# Modules, not classes: an endpoint must not import the libraries of algorithms it does not serve.
_ALGORITHMS = {
    "xgboost": "fraud.models.xgboost_trees",
    "random-forest": "fraud.models.random_forest",
    "logistic-regression": "fraud.models.logistic_regression",
}


def algorithms() -> tuple[str, ...]:
    """Names of the algorithms that can be trained."""
    return tuple(_ALGORITHMS)


def trainer(algorithm: str) -> Trainer:
    """Return the trainer of an algorithm; raise TrainingError listing the names if it is unknown."""
    return _module(algorithm).TRAINER


def load_model(algorithm: str, folder: Path) -> Model:
    """Load a saved model of an algorithm from a folder."""
    return _module(algorithm).MODEL.load(folder)


def _module(algorithm: str):
    if algorithm not in _ALGORITHMS:
        raise TrainingError(f"algorithm={algorithm!r}: must be one of {', '.join(_ALGORITHMS)}")
    return importlib.import_module(_ALGORITHMS[algorithm])
