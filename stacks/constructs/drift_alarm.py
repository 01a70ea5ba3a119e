"""An alarm when the score's distribution leaves its baseline."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
SCORE = "fraud_probability"


class DriftAlarm(cloudwatch.Alarm):
    """Watches Model Monitor's drift metric of the score: the one column that every drift that matters moves."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        endpoint: str,
        schedule: str,
        threshold: float,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alarm_name=name,
            alarm_description=f"Endpoint {endpoint}: the score's distribution has drifted from its baseline",
            metric=drift_metric(SCORE, endpoint, schedule),
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.add_alarm_action(actions.SnsAction(topic))


def drift_metric(column: str, endpoint: str, schedule: str) -> cloudwatch.Metric:
    """The drift of a column, from 0 (as the baseline) to 1, once for each execution of the schedule."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=f"feature_baseline_drift_{column}",
        dimensions_map={"Endpoint": endpoint, "MonitoringSchedule": schedule},
        statistic="Maximum",
        period=Duration.hours(1),
    )
