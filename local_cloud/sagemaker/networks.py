"""Networks that requests place jobs and models in: their subnets and security groups must exist, in one VPC."""

from collections.abc import Iterator
from typing import Any

from local_cloud.hooks import ec2
from local_cloud.sagemaker.errors import ValidationError


def check(request: Any) -> None:
    """Raise ValidationError for a `VpcConfig` anywhere in a request that no job could start in."""
    for config in _found(request):
        subnets, groups = config.get("Subnets", []), config.get("SecurityGroupIds", [])
        if missing := ec2.missing(subnets, groups):
            raise ValidationError(f"VpcConfig names what does not exist: {', '.join(missing)}.")
        if len(vpcs := ec2.vpcs(subnets, groups)) > 1:
            raise ValidationError(
                f"The subnets and security groups of VpcConfig belong to several VPCs: {', '.join(sorted(vpcs))}."
            )


def _found(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "VpcConfig" and isinstance(item, dict):
                yield item
            else:
                yield from _found(item)
    elif isinstance(value, list):
        for item in value:
            yield from _found(item)
