"""What is paid by the request: the API, its firewall and function, and the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scripts.costing.items import Item, Pricing
from scripts.costing.machines import KB_IN_GB
from scripts.costing.templates import Resource, text
from scripts.costing.usage import DAYS, HOURS


def firewall(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """The web ACL, its rules and the requests that it looks at."""
    yield pricing.item("API", resource, "web ACL", 1, "waf-acl")
    rules = len(resource.properties["Rules"])
    yield pricing.item("API", resource, f"{rules} rules", rules, "waf-rule")
    yield pricing.item("API", resource, "requests", pricing.usage.transactions, "waf-request")


def stage(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Requests, and their traces."""
    yield pricing.item("API", resource, "requests", pricing.usage.transactions, "api-request")
    if resource.properties.get("TracingEnabled"):
        yield pricing.item("API", resource, "traces", pricing.usage.traces, "xray-trace")


def function(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Calls of the function that has an alias, which requests come through; others run once a deployment."""
    called = any(
        other.properties["FunctionName"] == {"Ref": resource.logical_id}
        for other in resource.others("AWS::Lambda::Alias")
    )
    calls = pricing.usage.transactions if called else 0.0
    (architecture,) = resource.properties.get("Architectures", ["x86_64"])
    gb = resource.properties["MemorySize"] / 1024
    seconds = calls * pricing.usage.function_ms / 1000
    yield pricing.item("API", resource, "calls", calls, "lambda-request")
    what = f"{seconds:,.0f} s of {resource.properties['MemorySize']} MB"
    yield pricing.item("API", resource, what, seconds * gb, f"lambda-gb-second-{architecture}")


def alias(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Environments kept warm."""
    warm = resource.properties.get("ProvisionedConcurrencyConfig")
    (of,) = (
        other
        for other in resource.others("AWS::Lambda::Function")
        if {"Ref": other.logical_id} == resource.properties["FunctionName"]
    )
    (architecture,) = of.properties.get("Architectures", ["x86_64"])
    count = warm["ProvisionedConcurrentExecutions"] if warm else 0
    gb_seconds = count * of.properties["MemorySize"] / 1024 * HOURS * 3600
    yield pricing.item("API", resource, f"{count} kept warm", gb_seconds, f"lambda-provisioned-{architecture}")


def table(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Requests by what the scoring function does for a transaction, and storage once items expire as fast as they come.

    A decision and its entities' profiles are written in one transaction, which counts twice.
    """
    usage = pricing.usage
    name = text(resource.properties["TableName"])
    entities = len(pricing.config.load_event_type().entities)
    indexes = len(resource.properties.get("GlobalSecondaryIndexes", []))
    writes = reads = stored = 0.0
    if name.endswith("-decisions"):
        units = math.ceil(usage.decision_kb)
        writes = usage.transactions * units * (2 + indexes)
        days = pricing.config.scoring.decision_days
        stored = usage.transactions_per_day * days * usage.decision_kb * (1 + indexes)
    elif name.endswith("-profiles"):
        writes = usage.transactions * entities * 2 * math.ceil(usage.profile_kb)
        reads = usage.transactions * entities * math.ceil(usage.profile_kb / 4)
        stored = usage.profiles * usage.profile_kb
    elif name.endswith("-rules"):
        # Each warm environment looks for another rule set now and then: once a minute for a handful of them.
        reads = 5 * 60 * 24 * DAYS
    yield pricing.item("Tables", resource, "writes", writes, "dynamodb-write")
    yield pricing.item("Tables", resource, "reads", reads, "dynamodb-read")
    gb = stored / KB_IN_GB
    yield pricing.item("Tables", resource, f"{gb:,.0f} GB", gb, "dynamodb-storage")
    if resource.properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
        yield pricing.item("Tables", resource, "continuous backup", gb, "dynamodb-backup")
