"""The model package: what model.tar.gz holds and how it is scored.

xgboost.ubj | random_forest.npz | logistic_regression.json   the model
feature_schema.json    names and order of the features
calibration.json       scores to probabilities
model.json             algorithm, hyperparameters, library versions, training window
code/                  inference.py and the packages it imports
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fraud.features.schema import FeatureSchema
from fraud.models.base import Model
from fraud.models.calibration import Calibration
from fraud.models.registry import load_model

METADATA_FILE = "model.json"
METADATA_VERSION = 1
CODE_FOLDER = "code"
_SERVED_MODULES = (
    "fraud/__init__.py",
    "fraud/features/__init__.py",
    "fraud/features/schema.py",
    "fraud/models",
    "fraud/cards.py",
    "fraud/serving",
)


class PackageError(ValueError):
    """A model package is incomplete or does not fit the data; the message names what is missing."""


@dataclass(frozen=True)
class ModelPackage:
    """A model with everything that gives its scores a meaning."""

    model: Model
    schema: FeatureSchema
    calibration: Calibration
    metadata: Mapping[str, Any]
    version: str = ""
    """Digest of the package's files but its code, 12 hexadecimal digits; empty before it is saved."""

    def fraud_probability(self, features: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of shape (rows,) for features of shape (rows, features) in schema order."""
        expected = len(self.schema.features)
        if features.ndim != 2 or features.shape[1] != expected:
            raise PackageError(
                f"features of shape {features.shape}: {expected} columns in the schema's order are needed"
            )
        return self.calibration(self.model.predict_proba(features))

    def save(self, folder: Path, source: Path) -> None:
        """Write the package into a folder; `source` is the code's root, holding fraud/ and inference_code/."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        self.schema.save(folder)
        self.calibration.save(folder)
        body = {"metadata_version": METADATA_VERSION, "algorithm": self.model.algorithm, **self.metadata}
        text = json.dumps(body, indent=1, sort_keys=True)
        (folder / METADATA_FILE).write_text(text + "\n", encoding="utf-8")
        _copy_code(source, folder / CODE_FOLDER)

    @classmethod
    def load(cls, folder: Path) -> ModelPackage:
        """Read a package; raise PackageError naming the file that is missing or unreadable."""
        folder = Path(folder)
        metadata = _read(METADATA_FILE, lambda: json.loads((folder / METADATA_FILE).read_text(encoding="utf-8")))
        package = cls(
            model=_read("the model", lambda: load_model(metadata["algorithm"], folder)),
            schema=_read("feature_schema.json", lambda: FeatureSchema.load(folder)),
            calibration=_read("calibration.json", lambda: Calibration.load(folder)),
            metadata=metadata,
            version=_digest(folder),
        )
        if not package.model.takes(len(package.schema.features)):
            raise PackageError(
                f"model package: the model was not trained on the {len(package.schema.features)} features that "
                "feature_schema.json names; both must come from the same training job"
            )
        return package


def _read(what: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except FileNotFoundError as error:
        raise PackageError(f"model package: {Path(error.filename or what).name} is missing") from error
    except (KeyError, TypeError, AttributeError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        # XGBoost's own messages go on with pages of addresses.
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise PackageError(f"model package: {what} cannot be read: {reason}") from None


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def _copy_code(source: Path, target: Path) -> None:
    """Copy what the endpoint imports, flat for inference_code: its files stand at the root of code/."""
    if target.exists():
        shutil.rmtree(target)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in _SERVED_MODULES:
        origin, copy = source / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, copy, ignore=ignore)
        else:
            shutil.copyfile(origin, copy)
    for origin in sorted((source / "inference_code").iterdir()):
        if origin.is_file() and origin.name != "__init__.py":
            shutil.copyfile(origin, target / origin.name)
