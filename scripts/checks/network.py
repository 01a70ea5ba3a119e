"""The network: one that exists, or the zones that a new one is made in."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from scripts.checks.registry import Context, Finding, check


@check("network", "Is the network as it has to be?")
def network(context: Context) -> Iterator[Finding]:
    """A given VPC has its subnets, in two zones or more, and its groups; a new one's zones have the endpoints."""
    settings = context.config.network
    if settings.existing.vpc_id:
        yield from _existing(context)
    elif settings.creates:
        yield from _new(context)
    else:
        yield Finding("ok", "network.enabled is false: jobs, models and functions run in AWS's network")


def _existing(context: Context) -> Iterator[Finding]:
    existing, ec2 = context.config.network.existing, context.client("ec2")
    where = "network.existing in cdk.json"
    try:
        subnets = ec2.describe_subnets(SubnetIds=list(existing.subnet_ids))["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=list(existing.security_group_ids))["SecurityGroups"]
        if existing.api_endpoint_id:
            ec2.describe_vpc_endpoints(VpcEndpointIds=[existing.api_endpoint_id])
    except ClientError as error:
        if not error.response["Error"]["Code"].endswith(".NotFound"):
            raise
        yield Finding("error", f"{error.response['Error']['Message']}", f"correct {where}")
        return
    elsewhere = [each["SubnetId"] for each in subnets if each["VpcId"] != existing.vpc_id]
    elsewhere += [each["GroupId"] for each in groups if each["VpcId"] != existing.vpc_id]
    if elsewhere:
        yield Finding("error", f"{', '.join(elsewhere)} are not in {existing.vpc_id}", f"correct {where}")
        return
    zones = sorted({subnet["AvailabilityZone"] for subnet in subnets})
    if len(zones) < 2:
        told = f"all subnets are in {zones[0]}: a model's endpoint needs two zones"
        yield Finding("error", told, f"name a subnet of another zone in {where}")
        return
    yield Finding("ok", f"{existing.vpc_id} has {len(subnets)} subnets in {', '.join(zones)} and the security groups")


def _new(context: Context) -> Iterator[Finding]:
    config, ec2 = context.config, context.client("ec2")
    zones = config.network.zones_in(config.region)
    offered = {zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
    missing = sorted(set(zones) - offered)
    if missing:
        remedy = f"set network.zones in cdk.json to two or more of {', '.join(sorted(offered))}"
        yield Finding("error", f"the account has no zone {', '.join(missing)}", remedy)
        return
    used = zones[: config.network.endpoint_zones or len(zones)]
    names = [f"com.amazonaws.{config.region}.{service}" for service in config.network.interface_endpoints]
    details = ec2.describe_vpc_endpoint_services(ServiceNames=names)["ServiceDetails"]
    has = {detail["ServiceName"]: set(detail["AvailabilityZones"]) for detail in details}
    lacking = [f"{name} in {zone}" for name in names for zone in used if zone not in has.get(name, set())]
    if lacking and context.local:
        told = f"the local cloud lists no endpoint of {', '.join(lacking)}, and makes them all the same"
        yield Finding("warning", told, "ask the AWS account")
        return
    if lacking:
        remedy = (
            "set network.zones in cdk.json to zones that have them, or leave them out of network.interface_endpoints"
        )
        yield Finding("error", f"there is no endpoint of {', '.join(lacking)}", remedy)
        return
    yield Finding("ok", f"{', '.join(zones)} exist, and {', '.join(used)} have the {len(names)} endpoints")
