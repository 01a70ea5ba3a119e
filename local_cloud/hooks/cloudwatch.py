"""CloudWatch in process: metrics of each second must not cost an HTTP request, and alarms are read while waiting."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from local_cloud import hooks

Alarm = dict[str, Any]
Evaluation = Callable[[Alarm, Sequence[float | None], float], tuple[str, str] | None]


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


def install(evaluation: Evaluation, changed: Callable[[Alarm, str, str, str], None], period_scale: float) -> None:
    """Let ``evaluation(alarm, values of the periods, now)`` decide on the state of alarms on one metric.

    ``changed(alarm, old state, new state, reason)`` hears of every alarm's changes; ``period_scale`` shortens periods.
    """
    from ministack.services import cloudwatch

    act = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: Alarm, old: str, new: str, reason: str) -> None:
        changed(alarm, old, new, reason)
        act(alarm, old, new, reason)

    cloudwatch._dispatch_alarm_actions = dispatch

    def evaluate(alarm: Alarm) -> None:
        if not alarm.get("Namespace") or not alarm.get("MetricName"):
            return
        now = time.time()
        found = evaluation(alarm, _values(alarm, now, period_scale), now)
        if found is None:
            return
        old, (new, reason) = alarm["StateValue"], found
        alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(now))
        cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


def _values(alarm: Alarm, now: float, period_scale: float) -> list[float | None]:
    from ministack.services import cloudwatch

    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    points = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions), [])
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    period = (alarm.get("Period") or 60) * period_scale
    values: list[float | None] = []
    for index in range(alarm.get("EvaluationPeriods") or 1):
        newest, oldest = now - index * period, now - (index + 1) * period
        # A point of this very moment may bear a later time than "now" was read.
        inside = [p for p in points if oldest < p["Timestamp"] and (index == 0 or p["Timestamp"] <= newest)]
        values.append(cloudwatch._stat_value(cloudwatch._calc_stats(inside), statistic, inside) if inside else None)
    return values


def evaluate_everywhere() -> None:
    """Evaluate the alarms of every account and region."""
    from ministack.services import cloudwatch

    for account, region in {key[:2] for key in list(cloudwatch._alarms._data)}:
        hooks.scope(account, region, cloudwatch._evaluate_all_alarms)()
