"""Small model packages of every algorithm and calibration, for tests of serving."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from fraud import models
from fraud.models.base import Split
from fraud.models.calibration import Calibration
from fraud.models.package import ModelPackage
from tests.unit.model_data import NAMES, feature_schema, split_frame

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = {
    "xgboost": {"num_round": "60", "early_stopping_rounds": "60"},
    "random-forest": {"num_round": "30"},
    "logistic-regression": {},
}
CALIBRATIONS = {
    "identity": Calibration(),
    "platt": Calibration("platt", (0.7, -0.4)),
    "beta": Calibration("beta", (1.3, 0.6, -0.2)),
    "isotonic": Calibration("isotonic", knots=((-6.0, -8.0), (-1.0, -2.5), (0.5, 0.1), (3.0, 4.0))),
}


def split(seed: int, rows: int = 3000) -> Split:
    """Rows of the small frames as a trainer takes them."""
    frame = split_frame(rows=rows, rate=0.1, seed=seed)
    return Split(frame.select(NAMES).to_numpy().astype(np.float32), frame["__label"].to_numpy().astype(np.int8))


@cache
def trained(algorithm: str) -> models.Model:
    """A small model of an algorithm."""
    trainer = models.trainer(algorithm)
    settings = models.parse(trainer.parameters, SETTINGS[algorithm])
    return trainer.fit(split(0), split(1), settings, lambda *_: None)


def package_of(algorithm: str, calibration: str = "beta") -> ModelPackage:
    """A model package in memory."""
    return ModelPackage(trained(algorithm), feature_schema(), CALIBRATIONS[calibration], {})


def saved(folder: Path, algorithm: str = "xgboost", calibration: str = "beta") -> Path:
    """A model package as the training job leaves it."""
    package_of(algorithm, calibration).save(folder, REPOSITORY)
    return folder


def random_rows(rows: int, seed: int = 0) -> np.ndarray:
    """float32 rows that meet both sides of every split: usual values, missing, huge, tiny, and split values."""
    random = np.random.default_rng(seed)
    features = split(seed + 2, max(rows, 8)).features[:rows].copy()
    spread = random.random(features.shape)
    features[spread < 0.05] = np.nan
    extreme = (spread > 0.05) & (spread < 0.1)
    features[extreme] = random.choice(
        np.array([0.0, -0.0, 3.4e38, -3.4e38, 1e-45, -1e-45, 16777217], dtype=np.float32), extreme.sum()
    )
    return features
