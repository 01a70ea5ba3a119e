"""ARNs of SageMaker resources in the caller's account and region, and records found by them."""

from typing import Any

from local_cloud import hooks
from local_cloud.sagemaker.store import STORE


def arn(resource: str, name: str) -> str:
    """For example ``arn("endpoint-config", "blue")``."""
    return f"arn:aws:sagemaker:{hooks.region()}:{hooks.account_id()}:{resource}/{name}"


def last_part(name_or_arn: str) -> str:
    """The name in an ARN, or the name itself: many members accept both."""
    return name_or_arn.rpartition("/")[2] if name_or_arn.startswith("arn:") else name_or_arn


def record_of(resource_arn: str) -> dict[str, Any] | None:
    """The record whose own ARN this is, of whatever kind."""
    scope = (hooks.account_id(), hooks.region())
    for (account, region, kind, _), record in STORE.everywhere():
        own = record.get(f"{kind}Arn") or record.get("JobDefinitionArn")
        if (account, region) == scope and own == resource_arn:
            return record
    return None
