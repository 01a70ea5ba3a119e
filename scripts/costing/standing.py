"""What is there whether or not anybody uses it: keys, endpoints of the network, alarms, logs, buckets."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.costing.items import Item, Pricing
from scripts.costing.machines import KB_IN_GB
from scripts.costing.templates import Resource, chosen, text
from scripts.costing.usage import DAYS, HOURS

COMPRESSED = 0.15


def key(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """The key, at most with the two rotations that are paid for; requests are shared among the template's keys."""
    rotations = 2 if resource.properties.get("EnableKeyRotation") else 0
    yield pricing.item("Keys", resource, "key, and its rotations at most", 1, "kms-key", most=1 + rotations)
    requests = pricing.usage.transactions * pricing.usage.kms_requests_per_transaction
    share = requests / len(list(resource.others(resource.type)))
    yield pricing.item("Keys", resource, "requests", share, "kms-request")


def vpc_endpoint(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Hours of an interface endpoint in each of its zones; gateway endpoints cost nothing."""
    if resource.properties.get("VpcEndpointType") != "Interface":
        yield pricing.item("Network", resource, "gateway endpoint", 0, "vpc-endpoint-hour")
        return
    zones = len(chosen(resource.properties["SubnetIds"]))
    yield pricing.item("Network", resource, f"{zones} zones", zones * HOURS, "vpc-endpoint-hour")
    if text(resource.properties["ServiceName"]).endswith("sagemaker.runtime"):
        gb = pricing.usage.transactions * pricing.usage.transaction_kb / KB_IN_GB
        yield pricing.item("Network", resource, "requests to the endpoint", gb, "vpc-endpoint-gb")


def nat(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Hours of a NAT gateway, of which the platform's own network has none."""
    yield pricing.item("Network", resource, "hours", HOURS, "nat-hour")


def alarm(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Each metric that it looks at."""
    metrics = [each for each in resource.properties.get("Metrics", []) if "MetricStat" in each]
    yield pricing.item("CloudWatch", resource, "alarm", len(metrics) or 1, "cloudwatch-alarm")


def dashboard(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """A dashboard beyond the account's three free ones."""
    yield pricing.item("CloudWatch", resource, "dashboard", 1, "cloudwatch-dashboard")


def log_group(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """What is written, and what is kept for its retention: logs of the API and its function by the transaction."""
    usage, name = pricing.usage, text(resource.properties.get("LogGroupName", ""))
    a_day = 0.0
    if name.startswith("/aws/vpc/"):
        a_day = usage.flow_log_mb_per_day / 1024
    elif name.endswith("-scoring") or "apigateway" in name or "api" in name.rsplit("/", 1)[-1]:
        a_day = usage.transactions_per_day * usage.log_kb / KB_IN_GB
    yield pricing.item("CloudWatch", resource, f"{a_day * DAYS:,.1f} GB written", a_day * DAYS, "logs-ingested")
    kept = a_day * resource.properties.get("RetentionInDays", 3650) * COMPRESSED
    yield pricing.item("CloudWatch", resource, f"{kept:,.1f} GB kept", kept, "logs-stored")


def bucket(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Captures by the transaction for as long as they are kept; other buckets hold what is assumed of them."""
    usage, name = pricing.usage, text(resource.properties.get("BucketName", ""))
    gb = usage.stored_gb
    if "-captures-" in name:
        share = pricing.config.serving.capture_percent / 100
        days = pricing.config.storage.capture_days
        gb = usage.transactions_per_day * share * usage.capture_kb * days / KB_IN_GB
    yield pricing.item("Buckets", resource, f"{gb:,.1f} GB", gb, "s3-storage")


def topic(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """E-mails."""
    yield pricing.item("CloudWatch", resource, "e-mails", pricing.usage.emails, "sns-email")
