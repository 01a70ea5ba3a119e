"""The values that alarms of drift and quality watch."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from scripts.retraining.clients import Clients


def drift_values(clients: Clients, prefix: str, since: datetime) -> dict[str, float]:
    """Return the latest value of each drift alarm's metric since a time, by the alarm's name."""
    cloudwatch = clients.client("cloudwatch")
    found = {}
    for alarm in cloudwatch.describe_alarms(AlarmNamePrefix=f"{prefix}-drift-")["MetricAlarms"]:
        if "MetricName" not in alarm:
            continue
        points = cloudwatch.get_metric_statistics(
            Namespace=alarm["Namespace"],
            MetricName=alarm["MetricName"],
            Dimensions=alarm["Dimensions"],
            StartTime=since,
            EndTime=datetime.now(timezone.utc) + timedelta(minutes=1),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        if points:
            found[alarm["AlarmName"]] = max(points, key=lambda point: point["Timestamp"])["Maximum"]
    return found
