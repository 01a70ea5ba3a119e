"""Alarms of the scoring API, and the metrics behind them."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import ScoringAlarmConfig
from stacks.constructs.notifying_alarm import NotifyingAlarm


class ScoringMetrics:
    """Metrics of one API and its function, by name alone; a function's own carry it as the service."""

    def __init__(self, *, name: str, stage: str, namespace: str) -> None:
        self._name, self._stage, self._namespace = name, stage, namespace

    def api(self, metric: str, statistic: str, minutes: int = 1) -> cloudwatch.Metric:
        """A metric of API Gateway: Count, 4XXError, 5XXError, Latency (ms) …"""
        dimensions = {"ApiName": self._name, "Stage": self._stage}
        return _metric("AWS/ApiGateway", metric, statistic, dimensions, minutes)

    def function(self, metric: str, statistic: str, minutes: int = 1) -> cloudwatch.Metric:
        """A metric of Lambda: Duration (ms), Errors, Throttles, ConcurrentExecutions …"""
        return _metric("AWS/Lambda", metric, statistic, {"FunctionName": self._name}, minutes)

    def own(self, metric: str, minutes: int = 5) -> cloudwatch.Metric:
        """A count that the function keeps: Decisions, DegradedDecisions, ConflictingTransactions."""
        return _metric(self._namespace, metric, "Sum", {"service": self._name}, minutes)


class ScoringAlarms(Construct):
    """What a person has to look at."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        metrics: ScoringMetrics,
        settings: ScoringAlarmConfig,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._name, self._topic = name, topic
        self._alarm(
            "degraded", "Decisions are made without the model", metrics.own("DegradedDecisions"), settings.degraded
        )
        self._alarm(
            "conflicts",
            "Transactions are repeated with other contents",
            metrics.own("ConflictingTransactions"),
            settings.conflicts,
        )
        self._alarm("errors-5xx", "The API fails to answer", metrics.api("5XXError", "Sum"), settings.errors_5xx)
        self._alarm(
            "latency",
            "The API answers slowly (99th percentile)",
            metrics.api("Latency", "p99"),
            settings.latency_p99_ms,
            periods=3,
        )
        self._alarm(
            "throttles",
            "Calls are refused for want of concurrency",
            metrics.function("Throttles", "Sum"),
            settings.throttles,
        )

    def _alarm(
        self, name: str, description: str, metric: cloudwatch.Metric, threshold: float, *, periods: int = 1
    ) -> None:
        NotifyingAlarm(
            self,
            name,
            name=f"{self._name}-{name}",
            description=f"API {self._name}: {description}",
            metric=metric,
            threshold=threshold,
            topic=self._topic,
            periods=periods,
        )


def _metric(namespace: str, metric: str, statistic: str, dimensions: dict[str, str], minutes: int) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=metric,
        dimensions_map=dimensions,
        statistic=statistic,
        period=Duration.minutes(minutes),
    )
