"""Where events go that EventBridge could not deliver, and the alarm that tells people of them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge
from stacks.constructs.notifying_alarm import NotifyingAlarm


class UndeliveredEvents(sqs.Queue):
    """The dead-letter queue of the targets of `rules` (ARNs), which alone may send to it, for as long as SQS keeps."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        rules: Sequence[str],
        key: kms.IKey,
        topic: sns.ITopic,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            queue_name=name,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            removal_policy=removal_policy,
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RulesSendWhatTheyCannotDeliver",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": list(rules)}},
            )
        )
        NotifyingAlarm(
            self,
            "Alarm",
            name=name,
            description="Events could not be delivered: what they were to start has not been started",
            metric=self.metric_approximate_number_of_messages_visible(statistic="Maximum", period=Duration.minutes(5)),
            threshold=1,
            topic=topic,
        )
        last = "This is the dead-letter queue. Nothing takes messages from it by itself, and so could fail at one."
        acknowledge(self, "SQS3", last, packs="solutions")
        acknowledge(self, "SQSRedrivePolicy", last, packs="serverless")
