"""One dashboard: decisions, traffic, latency, errors, monitors and retraining runs."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.constructs.monitoring_alarms import MonitoringMetrics, run_metrics
from stacks.constructs.scoring_alarms import ScoringMetrics
from stacks.monitoring import Monitor
from stacks.monitoring.settings import DRIFTED, VIOLATIONS

MINUTE = Duration.minutes(1)


class PlatformDashboard(cloudwatch.Dashboard):
    """Graphs of the API (where there is one), the endpoint, its monitors and the retraining state machine.

    Where the endpoint may have a challenger, its lines stand beside the champion's.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        endpoint: str,
        variants: tuple[str, ...],
        monitors: tuple[Monitor, ...],
        monitoring: MonitoringMetrics,
        quality: tuple[str, ...],
        challenged: bool,
        state_machine_arn: str,
        scoring: ScoringMetrics | None = None,
    ) -> None:
        """`quality`: metrics of model quality that have floors; `challenged`: the monitors measure a challenger's."""
        super().__init__(scope, construct_id, dashboard_name=name, default_interval=Duration.days(1))
        self._endpoint, self._variants = endpoint, variants
        runs = [
            cloudwatch.Metric(
                namespace="AWS/States",
                metric_name=f"Executions{outcome}",
                dimensions_map={"StateMachineArn": state_machine_arn},
                statistic="Sum",
                period=Duration.hours(1),
            )
            for outcome in ("Started", "Succeeded", "Failed", "TimedOut")
        ]
        if scoring:
            self._scoring(scoring)
        self.add_widgets(
            self._graph("Requests", self._lines(("Invocations", "Sum"))),
            self._graph("Latency of the model (µs)", self._lines(("ModelLatency", "p50"), ("ModelLatency", "p99"))),
            self._graph("Errors", self._lines(("Invocation4XXErrors", "Sum"), ("Invocation5XXErrors", "Sum"))),
        )
        self._monitoring(monitors, monitoring, quality, challenged)
        self.add_widgets(self._graph("Retraining runs", runs))

    def _scoring(self, metrics: ScoringMetrics) -> None:
        own = ("Decisions", "DegradedDecisions", "ConflictingTransactions")
        self.add_widgets(
            self._graph("Decisions", [metrics.own(name, 1) for name in own]),
            self._graph("Latency of the API (ms)", [metrics.api("Latency", which) for which in ("p50", "p99")]),
            self._graph("Errors of the API", [metrics.api(name, "Sum") for name in ("4XXError", "5XXError")]),
        )
        self.add_widgets(
            self._graph("Requests of the API", [metrics.api("Count", "Sum")]),
            self._graph("Duration of the function (ms)", [metrics.function("Duration", "p99")]),
            self._graph(
                "Concurrency of the function",
                [metrics.function("ConcurrentExecutions", "Maximum"), metrics.function("Throttles", "Sum")],
            ),
        )

    def _monitoring(
        self, monitors: tuple[Monitor, ...], metrics: MonitoringMetrics, quality: tuple[str, ...], challenged: bool
    ) -> None:
        """What the monitors found, and that they ran."""
        by_kind = {monitor.kind: monitor for monitor in monitors}
        found = []
        if data := by_kind.get("data-quality"):
            drift = [metrics.score_drift(data), metrics.score_psi(data)]
            found.append(self._graph("Drift of the score", drift))
            found.append(self._graph("Columns that drifted", [metrics.run(data, DRIFTED)]))
        if labelled := by_kind.get("model-quality"):
            lines = [metrics.run(labelled, name, "Minimum") for name in quality]
            lines += [metrics.challenger(labelled, name) for name in quality if challenged]
            found.append(self._graph("Quality of the model", lines))
        if segments := by_kind.get("model-bias"):
            found.append(self._graph("Bias: metrics beyond their baseline", [metrics.run(segments, VIOLATIONS)]))
        if explained := by_kind.get("model-explainability"):
            lines = [metrics.run(explained, VIOLATIONS)]
            found.append(self._graph("Attributions beyond their baseline", lines))
        found += [self._graph(f"Runs of {monitor.kind}", run_metrics(metrics, monitor)) for monitor in monitors]
        for start in range(0, len(found), 3):
            self.add_widgets(*found[start : start + 3])

    def _lines(self, *wanted: tuple[str, str]) -> list[cloudwatch.Metric]:
        """Each (metric, statistic) of each variant."""
        return [
            cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name=name,
                dimensions_map={"EndpointName": self._endpoint, "VariantName": variant},
                statistic=statistic,
                period=MINUTE,
                label=" ".join((variant, name, *([statistic] if statistic != "Sum" else []))),
            )
            for variant in self._variants
            for name, statistic in wanted
        ]

    @staticmethod
    def _graph(title: str, metrics: list[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=metrics, width=8, height=6)
