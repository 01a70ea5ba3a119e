"""CloudWatch alarms evaluated as AWS does: their own dimensions, each period by itself, and missing data.

ministack pools the datapoints of all dimensions and periods, and leaves an alarm as it is once no data come. A
deployment that is watched by an alarm would be undone by another endpoint's errors, or by those of last week.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from local_cloud import config, hooks
from local_cloud.hooks import cloudwatch, events
from local_cloud.sagemaker import lifecycle

log = logging.getLogger("local_cloud.alarms")

_TICK = 5.0
# AWS evaluates once a minute, so an alarm that went off, or was set by hand, stays so for that long.
_HOLD = 60.0

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def install() -> None:
    """Replace ministack's evaluation by this one, and tell EventBridge of changes."""
    cloudwatch.install(state, _tell, config.current().alarm_period_scale)


def _tell(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
    """Send the event of a change; on a thread of its own, since the caller may hold the event loop."""
    detail = {
        "alarmName": alarm["AlarmName"],
        "configuration": {"description": alarm.get("AlarmDescription") or "", **_configuration(alarm)},
        "previousState": {"value": old},
        "state": {"value": new, "reason": reason, "timestamp": _now()},
    }
    send = hooks.bound(events.put)
    arguments = ("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm["AlarmArn"]])
    threading.Thread(target=send, args=arguments, name="alarm-event", daemon=True).start()


def _configuration(alarm: dict[str, Any]) -> dict[str, Any]:
    if "AlarmRule" in alarm:
        return {"alarmRule": alarm["AlarmRule"]}
    metric = {
        "namespace": alarm.get("Namespace"),
        "name": alarm.get("MetricName"),
        "dimensions": {item["Name"]: item["Value"] for item in alarm.get("Dimensions") or []},
    }
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    return {
        "metrics": [
            {
                "id": alarm["AlarmName"],
                "metricStat": {"metric": metric, "period": alarm.get("Period"), "stat": statistic},
                "returnData": True,
            }
        ]
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def state(alarm: dict[str, Any], values: Sequence[float | None], now: float) -> tuple[str, str] | None:
    """The alarm's state and its reason, or None where it stays as it is.

    Args:
        alarm: as DescribeAlarms shows it.
        values: the statistic of each of the last EvaluationPeriods periods, newest first; None where no data came.
        now: epoch seconds.
    """
    compare = _COMPARE.get(alarm.get("ComparisonOperator", ""))
    if compare is None:
        return None
    threshold = alarm.get("Threshold", 0.0)
    treat = alarm.get("TreatMissingData", "missing")
    present = [value for value in values if value is not None]
    breaching = [value for value in present if compare(value, threshold)]
    needed = alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1)
    count = len(breaching) + (len(values) - len(present) if treat == "breaching" else 0)
    if count >= needed:
        found = ("ALARM", f"Threshold Crossed: {breaching or 'missing data'} {alarm['ComparisonOperator']} {threshold}")
    elif present or treat == "notBreaching":
        found = ("OK", f"Threshold not crossed: {present or 'no data'} against {threshold}")
    elif treat == "missing":
        found = ("INSUFFICIENT_DATA", "Insufficient Data: no datapoints were received")
    else:
        return None
    hold = _HOLD * min(1.0, config.current().alarm_period_scale)
    held = alarm["StateValue"] == "ALARM" and now - alarm.get("StateUpdatedTimestamp", 0) < hold
    return None if found[0] == alarm["StateValue"] or held else found


@lifecycle.on_ready
def _start_clock() -> None:
    def work() -> None:
        while True:
            time.sleep(_TICK)
            try:
                cloudwatch.evaluate_everywhere()
            except Exception:
                log.exception("Alarms could not be evaluated")

    threading.Thread(target=work, name="alarms", daemon=True).start()
