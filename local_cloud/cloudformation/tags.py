"""Tag changes of stack updates: what the template dropped goes, what others added stays."""

from typing import Any

from local_cloud.sagemaker.operations import call


def difference(old: list[dict] | None, new: list[dict] | None) -> tuple[list[str], list[dict[str, str]]]:
    """Keys to remove and tags to set between two ``Tags`` properties."""
    before = {tag["Key"]: tag.get("Value", "") for tag in old or []}
    after = {tag["Key"]: str(tag.get("Value", "")) for tag in new or []}
    removed = sorted(before.keys() - after.keys())
    changed: list[dict[str, Any]] = [
        {"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value
    ]
    return removed, changed


def apply_sagemaker(resource_arn: str, old: list[dict] | None, new: list[dict] | None) -> None:
    removed, changed = difference(old, new)
    if removed:
        call("DeleteTags", {"ResourceArn": resource_arn, "TagKeys": removed})
    if changed:
        call("AddTags", {"ResourceArn": resource_arn, "Tags": changed})
