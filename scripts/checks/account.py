"""Whose credentials these are, and whether the region can be used."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.checks.registry import Context, Finding, check

# What the stacks cannot do without; the rest is everywhere that these are.
SERVICES = ("sagemaker", "stepfunctions", "dynamodb", "lambda", "apigateway", "wafv2", "events", "kms")


@check("account", "Who deploys, and where to?")
def account(context: Context) -> Iterator[Finding]:
    """The caller, and whether the account has enabled the region."""
    identity = context.client("sts").get_caller_identity()
    yield Finding("ok", f"{identity['Arn']} in account {identity['Account']}, region {context.config.region}")
    regions = context.client("ec2").describe_regions(AllRegions=True)["Regions"]
    states = {region["RegionName"]: region.get("OptInStatus", "opt-in-not-required") for region in regions}
    region = context.config.region
    if states.get(region) == "not-opted-in":
        remedy = f"aws account enable-region --region-name {region}, and wait until it is enabled"
        yield Finding("error", f"the account has not enabled {region}", remedy)
    elif region not in states:
        yield Finding(
            "error", f"the account knows no region {region}", "set region in cdk.json to one of its partition"
        )


@check("services", "Does the region have what the stacks are made of?")
def services(context: Context) -> Iterator[Finding]:
    """By botocore's table of endpoints: AWS is not asked."""
    region = context.config.region
    partition = context.session.get_partition_for_region(region)
    missing = [
        name for name in SERVICES if region not in context.session.get_available_regions(name, partition_name=partition)
    ]
    if missing:
        yield Finding("error", f"{region} has no {', '.join(missing)}", "set region in cdk.json to one that has")
    else:
        yield Finding("ok", f"{region} has {', '.join(SERVICES)}")
