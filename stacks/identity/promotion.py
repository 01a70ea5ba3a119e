"""Grants of the role with which CloudFormation replaces the model in the serving and monitoring stacks."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant
from stacks.identity.common import pass_role
from stacks.identity.retraining import SAGEMAKER, bootstrap_version
from stacks.names import Names

SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def serving(names: Names, config: PlatformConfig) -> list[Grant]:
    """Replace model and endpoint configuration, and move the endpoint to them."""
    random_end = "CloudFormation ends the resource's name in a random part."
    # CloudFormation begins generated names with the logical id.
    model = names.sagemaker_arn(f"model/{names.compact}model-*")
    configuration = names.sagemaker_arn(f"endpoint-config/{names.compact}endpointconfig-*")
    endpoint = names.sagemaker_arn(f"endpoint/{names.endpoint}")
    return [
        Grant(
            ["sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"],
            [model],
            reason=random_end,
        ),
        Grant(
            [
                *("sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"),
                "sagemaker:DescribeEndpointConfig",
            ],
            [configuration],
            reason=random_end,
        ),
        # UpdateEndpoint and CreateEndpoint are authorised against the configuration, too.
        Grant(
            ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
            [endpoint, configuration],
            reason=random_end,
        ),
        Grant(
            [
                *("sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"),
                "sagemaker:UpdateEndpointWeightsAndCapacities",
            ],
            [endpoint],
        ),
        Grant(
            ["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"],
            [endpoint, model, configuration],
            reason=random_end,
        ),
        Grant(
            ["sagemaker:DescribeModelPackage"],
            [names.sagemaker_arn(f"model-package/{names.model_package_group}/*")],
            reason="The registry numbers the versions of the group.",
        ),
        # SageMaker looks at the rollback alarms on behalf of whoever moves the endpoint.
        Grant(["cloudwatch:DescribeAlarms"], [names.alarm_arn(alarm) for alarm in names.rollback_alarms]),
        Grant(["kms:DescribeKey"], [names.key_arn("data")]),
        Grant(
            ["kms:CreateGrant"],
            [names.key_arn("data")],
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
        pass_role(names, "model", SAGEMAKER),
        bootstrap_version(config.region),
    ]


def scaling(names: Names) -> list[Grant]:
    """Register and deregister the endpoint's variant with Application Auto Scaling."""
    arn = f"arn:{Aws.PARTITION}:application-autoscaling:{names.region}:{Aws.ACCOUNT_ID}:scalable-target/*"
    service_role = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/{SCALING_SERVICE}/{SCALING_ROLE}"
    return [
        Grant(
            [
                "application-autoscaling:DeleteScalingPolicy",
                "application-autoscaling:DeregisterScalableTarget",
                "application-autoscaling:ListTagsForResource",
                "application-autoscaling:PutScalingPolicy",
                "application-autoscaling:RegisterScalableTarget",
                "application-autoscaling:TagResource",
                "application-autoscaling:UntagResource",
            ],
            [arn],
            conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
            reason="Application Auto Scaling chooses the id of a scalable target.",
        ),
        Grant(
            [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
            ],
            ["*"],
            reason="Application Auto Scaling's Describe actions know no resources.",
        ),
        Grant(
            ["iam:CreateServiceLinkedRole"],
            [service_role],
            conditions={"StringEquals": {"iam:AWSServiceName": SCALING_SERVICE}},
        ),
    ]


def monitoring(names: Names) -> list[Grant]:
    """Replace the monitoring job's definition and move the schedule to it."""
    schedule = names.sagemaker_arn(f"monitoring-schedule/{names.monitoring_schedule}")
    definition = names.sagemaker_arn(f"data-quality-job-definition/{names.prefix}-dq-*")
    reason = "The definition is named after its content."
    return [
        Grant(
            [
                *("sagemaker:CreateMonitoringSchedule", "sagemaker:DeleteMonitoringSchedule"),
                *("sagemaker:DescribeMonitoringSchedule", "sagemaker:UpdateMonitoringSchedule"),
                *("sagemaker:StartMonitoringSchedule", "sagemaker:StopMonitoringSchedule"),
            ],
            [schedule],
        ),
        Grant(
            [
                *("sagemaker:CreateDataQualityJobDefinition", "sagemaker:DeleteDataQualityJobDefinition"),
                "sagemaker:DescribeDataQualityJobDefinition",
            ],
            [definition],
            reason=reason,
        ),
        Grant(
            ["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"], [schedule, definition], reason=reason
        ),
        pass_role(names, "monitoring", SAGEMAKER),
    ]
