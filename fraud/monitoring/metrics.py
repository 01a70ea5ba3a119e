"""CloudWatch metrics of a monitoring run, in the lines that Model Monitor's platform publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraud.monitoring.profile import Profile


def metric_lines(
    current: Profile, drift: Mapping[str, float], dimensions: Mapping[str, str], timestamp: str
) -> list[dict[str, Any]]:
    """Return one metric a line: the data, the completeness and the drift of each feature.

    `dimensions` are Endpoint and MonitoringSchedule; the namespace is the platform's to add.
    """
    named: Sequence[dict[str, str]] = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    lines = []

    def add(name: str, body: Mapping[str, Any]) -> None:
        lines.append({"MetricName": name, "Timestamp": timestamp, "Dimensions": named, **body})

    for column in current.columns if current.rows else ():
        if column.numbers:
            statistics = {
                "SampleCount": float(column.numbers),
                "Sum": column.sum,
                "Minimum": column.low,
                "Maximum": column.high,
            }
            add(f"feature_data_{column.name}", {"StatisticValues": statistics})
        add(f"feature_non_null_{column.name}", {"Value": column.completeness})
        if column.name in drift:
            add(f"feature_baseline_drift_{column.name}", {"Value": drift[column.name]})
    return lines
