"""The model registry: package groups, versioned and unversioned packages, approvals and their events."""

import json
import time
from typing import Any

from local_cloud.sagemaker import events, listing
from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.errors import ConflictError, ValidationError
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]

GROUP, PACKAGE = "ModelPackageGroup", "ModelPackage"

_EVENT_MEMBERS = (
    "ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageDescription",
    "CreationTime", "InferenceSpecification", "SourceAlgorithmSpecification", "ValidationSpecification",
    "ModelPackageStatus", "ModelPackageStatusDetails", "CertifyForMarketplace", "ModelApprovalStatus",
    "MetadataProperties", "ModelMetrics", "LastModifiedTime", "ApprovalDescription", "CustomerMetadataProperties",
    "DriftCheckBaselines",
)  # fmt: skip


# ---- groups


@operation("CreateModelPackageGroup")
def create_group(request: Record) -> Record:
    name = request["ModelPackageGroupName"]
    if STORE.find(GROUP, name):
        raise ValidationError(f"Model Package Group already exists: {arn('model-package-group', name)}")
    record = {
        **request,
        "ModelPackageGroupArn": arn("model-package-group", name),
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": time.time(),
        "CreatedBy": {},
        "LastVersion": 0,
    }
    return STORE.put(GROUP, name, record)


@operation("DescribeModelPackageGroup")
def describe_group(request: Record) -> Record:
    return _group(request["ModelPackageGroupName"])


@operation("ListModelPackageGroups")
def list_groups(request: Record) -> Record:
    return listing.answer("ListModelPackageGroups", request, STORE.all(GROUP), name="ModelPackageGroupName")


@operation("DeleteModelPackageGroup")
def delete_group(request: Record) -> Record:
    group = _group(request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    if any(package.get("ModelPackageGroupName") == name for package in STORE.all(PACKAGE)):
        raise ConflictError(f"Model Package Group cannot be deleted because it still contains model packages: {name}")
    STORE.remove(GROUP, name)
    return {}


@operation("PutModelPackageGroupPolicy")
def put_policy(request: Record) -> Record:
    group = _group(request["ModelPackageGroupName"])
    try:
        json.loads(request["ResourcePolicy"])
    except json.JSONDecodeError as error:
        raise ValidationError(f"ResourcePolicy is not JSON: {error}") from None
    group["ResourcePolicy"] = request["ResourcePolicy"]
    return group


@operation("GetModelPackageGroupPolicy")
def get_policy(request: Record) -> Record:
    group = _group(request["ModelPackageGroupName"])
    if "ResourcePolicy" not in group:
        raise ValidationError(f"Cannot find resource policy for: {group['ModelPackageGroupArn']}")
    return group


@operation("DeleteModelPackageGroupPolicy")
def delete_policy(request: Record) -> Record:
    get_policy(request).pop("ResourcePolicy")
    return {}


# ---- packages


@operation("CreateModelPackage")
def create_package(request: Record) -> Record:
    group_name, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
    if bool(group_name) == bool(name):
        raise ValidationError("Give either ModelPackageGroupName (a new version) or ModelPackageName, not both.")
    now = time.time()
    record = {
        **request,
        "CreationTime": now,
        "LastModifiedTime": now,
        "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
    }
    with STORE.lock:
        if group_name:
            group = _group(group_name)
            if token := request.get("ClientToken"):
                for package in STORE.all(PACKAGE):
                    if package.get("ClientToken") == token:
                        return package
            record["ModelPackageGroupName"] = group["ModelPackageGroupName"]
            # A deleted version's number is never given out again.
            record["ModelPackageVersion"] = group["LastVersion"] = group["LastVersion"] + 1
            record.setdefault("ModelApprovalStatus", "PendingManualApproval")
            record["Key"] = f"{record['ModelPackageGroupName']}/{record['ModelPackageVersion']}"
        else:
            if STORE.find(PACKAGE, name):
                raise ConflictError(f"Model Package already exists: {arn('model-package', name)}")
            record["Key"] = name
        record["ModelPackageArn"] = arn("model-package", record["Key"])
        STORE.put(PACKAGE, record["Key"], record)
    _announce(record, [])
    return record


@operation("DescribeModelPackage")
def describe_package(request: Record) -> Record:
    return find(request["ModelPackageName"])


@operation("BatchDescribeModelPackage")
def batch_describe(request: Record) -> Record:
    summaries, errors = {}, {}
    for name in request["ModelPackageArnList"]:
        try:
            summaries[name] = find(name)
        except ValidationError as error:
            errors[name] = {"ErrorCode": error.code, "ErrorResponse": str(error)}
    return {"ModelPackageSummaries": summaries, "BatchDescribeModelPackageErrorMap": errors}


@operation("ListModelPackages")
def list_packages(request: Record) -> Record:
    records = STORE.all(PACKAGE)
    if group := request.get("ModelPackageGroupName"):
        name = _group(group)["ModelPackageGroupName"]
        records = [record for record in records if record.get("ModelPackageGroupName") == name]
    else:
        kind = request.get("ModelPackageType", "Unversioned")
        if kind != "Both":
            records = [r for r in records if ("ModelPackageVersion" in r) == (kind == "Versioned")]
    if status := request.get("ModelApprovalStatus"):
        records = [record for record in records if record.get("ModelApprovalStatus") == status]
    return listing.answer("ListModelPackages", request, records, name="Key")


@operation("UpdateModelPackage")
def update_package(request: Record) -> Record:
    record = find(request["ModelPackageArn"])
    changed = []
    with STORE.lock:
        for member in (
            "ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "SourceUri", "ModelCard",
            "ModelLifeCycle", "ModelPackageRegistrationType",
        ):  # fmt: skip
            if member in request and record.get(member) != request[member]:
                record[member] = request[member]
                changed.append(member)
        metadata = {**record.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
        for key in request.get("CustomerMetadataPropertiesToRemove", []):
            metadata.pop(key, None)
        if metadata != record.get("CustomerMetadataProperties", {}):
            record["CustomerMetadataProperties"] = metadata
            changed.append("CustomerMetadataProperties")
        if added := request.get("AdditionalInferenceSpecificationsToAdd"):
            record["AdditionalInferenceSpecifications"] = record.get("AdditionalInferenceSpecifications", []) + added
            changed.append("AdditionalInferenceSpecifications")
        record["LastModifiedTime"] = time.time()
    if changed:
        _announce(record, changed)
    return record


@operation("DeleteModelPackage")
def delete_package(request: Record) -> Record:
    STORE.remove(PACKAGE, find(request["ModelPackageName"])["Key"])
    return {}


def find(name_or_arn: str) -> Record:
    """A package by its name, ``<group>/<version>`` or ARN.

    Raises:
        ValidationError: there is none.
    """
    key = name_or_arn.partition(":model-package/")[2] if name_or_arn.startswith("arn:") else name_or_arn
    record = STORE.find(PACKAGE, key)
    if record is None:
        raise ValidationError(f"ModelPackage {name_or_arn} does not exist.")
    return record


def _group(name_or_arn: str) -> Record:
    name = name_or_arn.partition("/")[2] if name_or_arn.startswith("arn:") else name_or_arn
    record = STORE.find(GROUP, name)
    if record is None:
        raise ValidationError(f"ModelPackageGroup {arn('model-package-group', name)} does not exist.")
    return record


def _announce(record: Record, changed: list[str]) -> None:
    detail = {member: record[member] for member in _EVENT_MEMBERS if member in record}
    for member in ("CreationTime", "LastModifiedTime"):
        detail[member] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record[member]))
    if changed:
        detail["UpdatedModelPackageFields"] = changed
    events.emit("SageMaker Model Package State Change", detail, [record["ModelPackageArn"]])
