"""The network that jobs, models and functions run in."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from stacks.config.base import Frozen
from stacks.network.regions import PREFIX_LISTS

InterfaceService = Literal[
    "sagemaker.api",
    "sagemaker.runtime",
    "sts",
    "logs",
    "monitoring",
    "kms",
    "ecr.api",
    "ecr.dkr",
    "states",
    "events",
    "sns",
    "ssm",
]
ENDPOINTS: tuple[InterfaceService, ...] = (
    *("sagemaker.api", "sagemaker.runtime", "sts", "logs", "monitoring", "kms", "ecr.api", "ecr.dkr", "states"),
    *("events", "sns"),
)
PrefixListId = Annotated[str, Field(pattern=r"^pl-[0-9a-f]{8,17}$")]


class ExistingNetworkConfig(Frozen):
    """A VPC that exists already: nothing of it is changed, and its owner sees to endpoints, flow logs and egress."""

    vpc_id: str | None = Field(
        None, pattern=r"^vpc-[0-9a-f]{8,17}$", description="Id of the VPC; null unless there is one to use."
    )
    subnet_ids: tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...] = Field(
        (), description="Ids of its subnets to run in, in two or more zones."
    )
    security_group_ids: tuple[Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")], ...] = Field(
        (), max_length=5, description="Ids of the security groups of jobs, models and functions."
    )
    api_endpoint_id: str | None = Field(
        None,
        pattern=r"^vpce-[0-9a-f]{8,17}$",
        description="Id of its interface endpoint for execute-api, which a private API needs.",
    )

    @model_validator(mode="after")
    def _whole(self) -> ExistingNetworkConfig:
        if self.vpc_id is None and (self.subnet_ids or self.security_group_ids or self.api_endpoint_id):
            raise ValueError("vpc_id is missing: an existing network is named with its VPC")
        if self.vpc_id and len(self.subnet_ids) < 2:
            raise ValueError("subnet_ids must name two or more subnets, in different zones: endpoints need them")
        if self.vpc_id and not self.security_group_ids:
            raise ValueError("security_group_ids must name at least one security group")
        return self


class NetworkConfig(Frozen):
    """The VPC, whose subnets have no way to the internet, and its endpoints of AWS services."""

    enabled: bool = Field(
        True, description="Run jobs, models and functions in a VPC; false leaves them in AWS's own network."
    )
    cidr: str = Field(
        "10.42.0.0/20",
        pattern=r"^\d{1,3}(\.\d{1,3}){3}/(1[6-9]|2[0-3])$",
        description="Addresses of the VPC, a block of /16 to /23; each zone gets a subnet of 256 addresses.",
    )
    zones: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+[a-z]$")], ...] = Field(
        (),
        description="Names of two or more availability zones; empty takes zones a and b of the region. Zones are only "
        "ever added at the end.",
    )
    endpoint_zones: int | None = Field(
        None,
        ge=1,
        description="In how many of the zones interface endpoints stand, each of which is paid for by the hour; null "
        "is all.",
    )
    interface_endpoints: tuple[InterfaceService, ...] = Field(
        ENDPOINTS, description="Services with an interface endpoint; S3 and DynamoDB have gateways, which cost nothing."
    )
    prefix_lists: dict[Literal["s3", "dynamodb"], PrefixListId] = Field(
        {}, description="Ids of AWS's prefix lists of S3 and DynamoDB, in regions whose ids are not known here."
    )
    existing: ExistingNetworkConfig = Field(ExistingNetworkConfig(), description="A VPC to use instead of making one.")

    @property
    def creates(self) -> bool:
        """Whether there is a network stack: a network that is wanted and does not exist."""
        return self.enabled and self.existing.vpc_id is None

    @field_validator("cidr")
    @classmethod
    def _is_a_block(cls, cidr: str) -> str:
        block = IPv4Network(cidr)
        if not block.is_private:
            raise ValueError(f"'{cidr}' is not private (10/8, 172.16/12 or 192.168/16)")
        return cidr

    @model_validator(mode="after")
    def _zones_fit(self) -> NetworkConfig:
        if self.zones and len(set(self.zones)) != len(self.zones):
            raise ValueError(f"zones {', '.join(self.zones)}: one is named twice")
        if len(self.zones) == 1:
            raise ValueError(f"zones {self.zones[0]}: a model's endpoint needs subnets in two or more zones")
        room = 2 ** (24 - IPv4Network(self.cidr).prefixlen)
        if len(self.zones) > room:
            raise ValueError(f"cidr {self.cidr} has room for {room} subnets; there are {len(self.zones)} zones")
        return self

    def zones_in(self, region: str) -> tuple[str, ...]:
        """The zones in order; ValueError where one is in another region."""
        zones = self.zones or (f"{region}a", f"{region}b")
        for zone in zones:
            if not zone.startswith(region):
                raise ValueError(f"network.zones: '{zone}' is not a zone of {region}")
        return zones

    def prefix_list(self, service: Literal["s3", "dynamodb"], region: str) -> str:
        """Id of AWS's prefix list of a gateway service; ValueError where it has to be configured."""
        known = {**PREFIX_LISTS.get(region, {}), **self.prefix_lists}
        if service not in known:
            raise ValueError(
                f"network.prefix_lists.{service}: not known for {region}; set it to the id that `aws ec2 "
                f"describe-managed-prefix-lists --region {region} --filters "
                f"Name=prefix-list-name,Values=com.amazonaws.{region}.{service}` shows"
            )
        return known[service]
