"""CloudWatch in process: metrics of each second must not cost an HTTP request, and alarms are read while waiting."""

from typing import Any


def put(namespace: str, data: list[dict[str, Any]]) -> None:
    """Store PutMetricData's MetricData in the caller's account and region, and evaluate the alarms."""
    from ministack.services import cloudwatch

    cloudwatch._put_metric_data({}, {"Namespace": namespace, "MetricData": data}, False, True)


def alarm_states(names: list[str]) -> dict[str, str]:
    """State (OK, ALARM, INSUFFICIENT_DATA) of each alarm or composite alarm that exists."""
    from ministack.services import cloudwatch

    cloudwatch._evaluate_all_alarms()
    known = {**cloudwatch._alarms, **cloudwatch._composite_alarms}
    return {name: known[name]["StateValue"] for name in names if name in known}
