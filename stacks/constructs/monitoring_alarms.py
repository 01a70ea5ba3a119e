"""Alarms of the monitors, the same for both engines.

`<prefix>-drift-…` and `<prefix>-quality-…` are those that a new model can answer: retraining listens to them.
`<prefix>-monitoring-…` are for people alone.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import MonitoringConfig
from stacks.constructs.notifying_alarm import AT_LEAST, NotifyingAlarm
from stacks.monitoring import Monitor
from stacks.monitoring.settings import (
    DRIFTED,
    FAILURES,
    NAMESPACES,
    NO_DATA,
    RUNS,
    SCORE,
    SCORE_DRIFT,
    VIOLATIONS,
)
from stacks.names import CHALLENGER_VARIANT

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


class MonitoringMetrics:
    """Metrics of one endpoint's monitors, by name alone."""

    def __init__(self, *, endpoint: str, namespace: str) -> None:
        self._endpoint, self._namespace = endpoint, namespace

    def found(self, monitor: Monitor, metric: str, statistic: str = "Maximum") -> cloudwatch.Metric:
        """A metric of the analysis, in AWS's namespace of the monitor, once for each run.

        Under AWS's containers it may carry the time of the window: only for windows that end with the run.
        """
        dimensions = {"Endpoint": self._endpoint, "MonitoringSchedule": monitor.schedule}
        return _metric(NAMESPACES[monitor.kind], metric, statistic, dimensions)

    def run(self, monitor: Monitor, metric: str, statistic: str = "Maximum") -> cloudwatch.Metric:
        """A metric that every run leaves at the time of the run: MonitoringRuns, DriftedFeatures, recall …"""
        return _metric(self._namespace, metric, statistic, {"MonitoringSchedule": monitor.schedule})

    def challenger(self, monitor: Monitor, metric: str) -> cloudwatch.Metric:
        """The same of the challenger, where one was captured beside the champion; engine processing alone has it."""
        dimensions = {"Endpoint": self._endpoint, "MonitoringSchedule": monitor.schedule}
        beside = {**dimensions, "VariantName": CHALLENGER_VARIANT}
        return _metric(NAMESPACES[monitor.kind], metric, "Minimum", beside, label=f"{CHALLENGER_VARIANT} {metric}")

    def score_drift(self, monitor: Monitor) -> cloudwatch.Metric:
        """Drift of the score's distribution, from 0 (as the baseline) to 1."""
        return self.found(monitor, f"feature_baseline_drift_{SCORE}")

    def score_psi(self, monitor: Monitor) -> cloudwatch.Metric:
        """Population stability index of the score; from this project's analyser alone."""
        return self.found(monitor, "score_psi")


class MonitoringAlarms(Construct):
    """They need no model to exist. Without data only those go off that wait for runs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        prefix: str,
        monitors: tuple[Monitor, ...],
        metrics: MonitoringMetrics,
        settings: MonitoringConfig,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix, self._metrics, self._topic = prefix, metrics, topic
        for monitor in monitors:
            if monitor.kind == "data-quality":
                self._drift(monitor, settings)
            elif monitor.kind == "model-quality":
                self._quality(monitor, settings)
            elif monitor.kind == "model-explainability":
                # Clarify publishes no metric of the ranking itself: a violation says that nDCG is below 0.9.
                self._alarm(
                    "drift-attribution",
                    "Features contribute to scores in another order than in validation (nDCG)",
                    metrics.run(monitor, VIOLATIONS),
                    1,
                )
            else:
                self._alarm(
                    "monitoring-bias",
                    "Segments of events are treated otherwise than in validation",
                    metrics.run(monitor, VIOLATIONS),
                    settings.bias.violations,
                )
            self._alarm(
                f"monitoring-failed-{monitor.kind}",
                f"A run of the monitor {monitor.kind} failed",
                metrics.run(monitor, FAILURES),
                1,
            )
            self._not_run(monitor)

    def _drift(self, monitor: Monitor, settings: MonitoringConfig) -> None:
        limits = settings.data_quality
        self._alarm(
            "drift-score",
            "The score's distribution has drifted from its baseline",
            self._metrics.run(monitor, SCORE_DRIFT),
            limits.score_drift,
            ABOVE,
        )
        self._alarm(
            "drift-psi",
            "The score's population stability index is large",
            self._metrics.score_psi(monitor),
            limits.score_psi,
            ABOVE,
        )
        self._alarm(
            "drift-data",
            "Features have drifted from their baseline",
            self._metrics.run(monitor, DRIFTED),
            limits.drifted_features,
        )

    def _quality(self, monitor: Monitor, settings: MonitoringConfig) -> None:
        for name, floor in settings.model_quality.floors.items():
            self._alarm(
                f"quality-{name.replace('_', '-')}",
                f"The model's {name} is low on events whose labels are known",
                self._metrics.run(monitor, name, "Minimum"),
                floor,
                BELOW,
            )

    def _not_run(self, monitor: Monitor) -> None:
        """No run was counted in two periods of the schedule, and the hour by which a run may be late."""
        hours = 2 * monitor.period_hours + 1
        alarm = self._alarm(
            f"monitoring-not-run-{monitor.kind}",
            f"The monitor {monitor.kind} has not run for {hours} hours: its schedule is stopped, or was never started",
            self._metrics.run(monitor, RUNS, "Sum"),
            1,
            BELOW,
            periods=hours,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        # It is on from a deployment until the first run: people want to hear that it went off.
        alarm.add_ok_action(actions.SnsAction(self._topic))

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.Metric,
        threshold: float,
        operator: cloudwatch.ComparisonOperator = AT_LEAST,
        **further: Any,
    ) -> cloudwatch.Alarm:
        return NotifyingAlarm(
            self,
            name,
            name=f"{self._prefix}-{name}",
            description=description,
            metric=metric,
            threshold=threshold,
            topic=self._topic,
            operator=operator,
            **further,
        )


def _metric(
    namespace: str, metric: str, statistic: str, dimensions: dict[str, str], label: str | None = None
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=metric,
        dimensions_map=dimensions,
        statistic=statistic,
        period=Duration.hours(1),
        label=label,
    )


def run_metrics(metrics: MonitoringMetrics, monitor: Monitor) -> list[cloudwatch.Metric]:
    """What a dashboard shows of a monitor's runs."""
    return [metrics.run(monitor, name, "Sum") for name in (RUNS, NO_DATA, FAILURES, VIOLATIONS)]
