"""Checks of a model package before it may answer: does it exist, is it approved, does it take the same features?"""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from fraud.features.schema import SCHEMA_FILE, FeatureSchema, SchemaError
from scripts.promoting.duel import Duel, version_of
from scripts.retraining.clients import Clients
from scripts.retraining.errors import InputError, error_code
from training_code.archives import BROKEN

APPROVED, PENDING = "Approved", "PendingManualApproval"


def resolve(clients: Clients, duel: Duel, wanted: str) -> str:
    """Return the ARN of a version: its number (`4` or `v4`), its ARN, or `latest`."""
    if wanted == "latest":
        found = clients.sagemaker.list_model_packages(
            ModelPackageGroupName=duel.group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
        )["ModelPackageSummaryList"]
        if not found:
            raise InputError(f"The group {duel.group} has no model package: run `python -m scripts.retrain` first.")
        return found[0]["ModelPackageArn"]
    if wanted.startswith("arn:"):
        if f":model-package/{duel.group}/" not in wanted:
            raise InputError(f"{wanted} is no version of the group {duel.group}.")
        return wanted
    number = wanted.removeprefix("v")
    if not number.isdigit():
        raise InputError(f"{wanted!r}: give a version's number such as 4, its ARN, or `latest`.")
    return f"{duel.champion.rsplit('/', 1)[0]}/{number}"


def describe(clients: Clients, package: str) -> dict[str, Any]:
    """The package's description; raises InputError where it does not exist or is not complete."""
    try:
        found = clients.sagemaker.describe_model_package(ModelPackageName=package)
    except ClientError as error:
        if error_code(error) in ("ValidationException", "ResourceNotFound", "ResourceNotFoundException"):
            raise InputError(f"There is no model package {package}.") from error
        raise
    if found["ModelPackageStatus"] != "Completed":
        raise InputError(f"{version_of(package)} is {found['ModelPackageStatus']}: only a completed package can serve.")
    return found


def check_approval(package: dict[str, Any], *, for_payments: bool, allow_unapproved: bool = False) -> None:
    """A rejected package never serves; one that waits for approval may be a shadow, whose answers decide nothing."""
    approval, version = package.get("ModelApprovalStatus", PENDING), version_of(package["ModelPackageArn"])
    if approval == APPROVED or (approval == PENDING and (not for_payments or allow_unapproved)):
        return
    if approval == PENDING:
        raise InputError(f"{version} is not approved, and its answers would decide about payments: approve it first.")
    raise InputError(f"{version} is {approval}: a package that was rejected cannot be deployed.")


def check_features(clients: Clients, champion: dict[str, Any], package: dict[str, Any]) -> FeatureSchema:
    """Return the champion's feature schema; raises InputError where the package's differs: both get the same rows."""
    one, other = (schema_of(clients, item) for item in (champion, package))
    names, others = one.feature_names, other.feature_names
    if names == others:
        return one
    missing = [name for name in names if name not in others]
    extra = [name for name in others if name not in names]
    parts = [f"{word} {_some(found)}" for word, found in (("it lacks", missing), ("it adds", extra)) if found]
    new, old = (version_of(item["ModelPackageArn"]) for item in (package, champion))
    raise InputError(
        f"{new} takes other features than {old}, and both get the same requests: "
        f"{'; '.join(parts) or 'the order differs'}. Train it on the same event type."
    )


def schema_of(clients: Clients, package: dict[str, Any]) -> FeatureSchema:
    """The feature schema in a package's model.tar.gz; raises InputError where there is none."""
    uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    place = urlsplit(uri)
    try:
        body = clients.s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            member = next(m for m in archive if m.name.removeprefix("./") == SCHEMA_FILE)
            return FeatureSchema.from_json(json.load(archive.extractfile(member)))
    except (ClientError, *BROKEN, StopIteration, SchemaError, ValueError) as error:
        reason = str(error) or f"it has no {SCHEMA_FILE}"
        raise InputError(f"The feature schema of {uri} cannot be read: {reason}.") from error


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
