"""One dashboard: traffic, latency, errors, drift and retraining runs."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.constructs.drift_alarm import SCORE, drift_metric

MINUTE = Duration.minutes(1)


class PlatformDashboard(cloudwatch.Dashboard):
    """Graphs of the endpoint, its monitor and the retraining state machine."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        endpoint: str,
        variant: str,
        schedule: str,
        state_machine_arn: str,
    ) -> None:
        super().__init__(scope, construct_id, dashboard_name=name, default_interval=Duration.days(1))
        self._dimensions = {"EndpointName": endpoint, "VariantName": variant}
        errors = [self._metric(f"Invocation{kind}Errors", "Sum") for kind in ("4XX", "5XX")]
        latency = [self._metric("ModelLatency", statistic) for statistic in ("p50", "p99")]
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
        self.add_widgets(
            self._graph("Requests", [self._metric("Invocations", "Sum")]),
            self._graph("Latency of the model (µs)", latency),
            self._graph("Errors", errors),
        )
        self.add_widgets(
            self._graph("Drift of the score", [drift_metric(SCORE, endpoint, schedule)]),
            self._graph("Retraining runs", runs),
        )

    def _metric(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map=self._dimensions,
            statistic=statistic,
            period=MINUTE,
        )

    @staticmethod
    def _graph(title: str, metrics: list[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=metrics, width=8, height=6)
