"""Alarms of the endpoint; those in `rollback` undo a deployment under which they go off."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import AlarmConfig
from stacks.constructs.notifying_alarm import NotifyingAlarm


class EndpointAlarms(Construct):
    """They exist before the endpoint does, so that its first deployment is watched like any other."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: str,
        variant: str,
        settings: AlarmConfig,
        topic: sns.ITopic,
        whose: str = "",
    ) -> None:
        """`whose`: begins the names of alarms of a variant other than the champion, as in `challenger-`."""
        super().__init__(scope, construct_id)
        self._whose = whose
        self._dimensions = {"EndpointName": endpoint, "VariantName": variant}
        self._endpoint, self._topic = endpoint, topic
        failing = self._alarm(
            "errors-5xx",
            "The model fails to answer",
            self._metric("Invocation5XXErrors", "Sum", minutes=1),
            settings.errors_5xx,
        )
        slow = self._alarm(
            "latency",
            "The model answers slowly (99th percentile)",
            # ModelLatency is in microseconds.
            self._metric("ModelLatency", "p99", minutes=1),
            settings.latency_p99_ms * 1000,
            periods=2,
        )
        self._alarm(
            "errors-4xx",
            "Callers send what the model refuses",
            self._metric("Invocation4XXErrors", "Sum", minutes=5),
            settings.errors_4xx,
        )
        self.rollback = (failing, slow)

    def _metric(self, name: str, statistic: str, *, minutes: int) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map=self._dimensions,
            statistic=statistic,
            period=Duration.minutes(minutes),
        )

    def _alarm(
        self, name: str, description: str, metric: cloudwatch.Metric, threshold: float, *, periods: int = 1
    ) -> cloudwatch.Alarm:
        return NotifyingAlarm(
            self,
            name,
            name=f"{self._endpoint}-{self._whose}{name}",
            description=f"Endpoint {self._endpoint}, {self._dimensions['VariantName']}: {description}",
            metric=metric,
            threshold=threshold,
            topic=self._topic,
            periods=periods,
        )
