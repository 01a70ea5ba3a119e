"""Tags of every resource, kept in the member Tags of its record as the Create request gave them."""

from typing import Any

from local_cloud.sagemaker import arns
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

_MAXIMUM = 50


@operation("AddTags")
def add_tags(request: dict[str, Any]) -> dict[str, Any]:
    with STORE.lock:
        record = _record(request["ResourceArn"])
        tags = {tag["Key"]: tag for tag in [*record.get("Tags", []), *request["Tags"]]}
        if len(tags) > _MAXIMUM:
            raise ValidationError(f"A resource has at most {_MAXIMUM} tags; this one would have {len(tags)}.")
        record["Tags"] = list(tags.values())
        return {"Tags": record["Tags"]}


@operation("ListTags")
def list_tags(request: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _record(request["ResourceArn"]).get("Tags", [])}


@operation("DeleteTags")
def delete_tags(request: dict[str, Any]) -> dict[str, Any]:
    with STORE.lock:
        record = _record(request["ResourceArn"])
        record["Tags"] = [tag for tag in record.get("Tags", []) if tag["Key"] not in request["TagKeys"]]
    return {}


def _record(resource_arn: str) -> dict[str, Any]:
    record = arns.record_of(resource_arn)
    if record is None:
        raise ValidationError(f"Could not find a resource with the ARN {resource_arn}.")
    return record
