"""The model that gives a backtest's scores: a folder, a model.tar.gz, or a version of the registry."""

from __future__ import annotations

import argparse
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from fraud.event_types import EventType
from fraud.features.catalogue import features_of
from fraud.models.package import ModelPackage, PackageError
from scripts.retraining.discovery import outputs_of
from scripts.retraining.errors import InputError, OperatorError
from scripts.scoring.options import clients_of, prefix_of
from training_code.archives import BROKEN, unpack

Say = Callable[[str], None]


def model_of(options: argparse.Namespace, event_type: EventType, say: Say) -> ModelPackage | None:
    """Return the model that the options name, None for none; raises InputError."""
    if options.model is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.model == "registered" or options.model.startswith("arn:"):
            path = _registered(options, folder, say)
        else:
            path = Path(options.model)
        if path.is_file():
            try:
                with tarfile.open(path) as archive:
                    unpack(archive, folder / "model")
            except BROKEN as error:
                raise InputError(f"--model {options.model}: is no model.tar.gz ({error})") from error
            path = folder / "model"
        if not path.is_dir():
            raise InputError(f"--model {options.model}: there is no such folder or model.tar.gz")
        try:
            package = ModelPackage.load(path)
        except PackageError as error:
            raise InputError(f"--model {options.model}: {error}") from error
    names = [feature.name for feature in features_of(event_type)]
    if package.schema.feature_names != names:
        other = sorted(set(package.schema.feature_names) ^ set(names))
        raise InputError(
            f"--model {options.model}: was trained on other features than event type {event_type.name} has"
            + (f": {', '.join(other[:5])}" if other else ", in another order")
        )
    return package


def _registered(options: argparse.Namespace, folder: Path, say: Say) -> Path:
    """Fetch the latest approved model package, or the one with this ARN."""
    clients = clients_of(options)
    sagemaker = clients.client("sagemaker")
    arn = options.model
    if arn == "registered":
        group = outputs_of(clients, f"{prefix_of(options)}-training")["ModelPackageGroupName"]
        found = sagemaker.list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
        if not found:
            raise OperatorError(f"the model package group {group} has no approved version yet")
        arn = found[0]["ModelPackageArn"]
    say(f"Model {arn}")
    uri = sagemaker.describe_model_package(ModelPackageName=arn)["InferenceSpecification"]["Containers"][0][
        "ModelDataUrl"
    ]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    target = folder / "model.tar.gz"
    clients.s3.download_file(bucket, key, str(target))
    return target


def learnt_until(package: ModelPackage | None) -> datetime | None:
    """Return the time of the latest event that a model has learnt from, None if that is not known."""
    ends = [package.metadata.get(name, {}).get("end") for name in ("training", "validation")] if package else []
    with suppress(ValueError):
        return max((datetime.fromisoformat(end) for end in ends if end), default=None)
    return None
