"""Grants of the role with which CloudFormation replaces the model in the serving and monitoring stacks."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant
from stacks.identity.common import encrypt_volumes, pass_role, scaling_grant
from stacks.identity.retraining import SAGEMAKER, bootstrap_version
from stacks.monitoring import KINDS
from stacks.names import Names

SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def serving(names: Names, config: PlatformConfig) -> list[Grant]:
    """Replace model and endpoint configuration, and move the endpoint to them."""
    random_end = "CloudFormation ends the names of the model and of the endpoint's configuration in a random part."
    # CloudFormation begins generated names with the logical id, and only these begin so.
    generated = names.sagemaker_arn(f"*/{names.compact}*")
    endpoint = names.sagemaker_arn(f"endpoint/{names.endpoint}")
    return [
        Grant(
            [
                *("sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"),
                *("sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"),
                "sagemaker:DescribeEndpointConfig",
            ],
            [generated],
            reason=random_end,
        ),
        # UpdateEndpoint and CreateEndpoint are authorised against the configuration, too.
        Grant(
            ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
            [endpoint, generated],
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
            [endpoint, generated],
            reason=random_end,
        ),
        Grant(
            ["sagemaker:DescribeModelPackage"],
            [names.sagemaker_arn(f"model-package/{names.model_package_group}/*")],
            reason="The registry numbers the versions of the group.",
        ),
        # SageMaker looks at the rollback alarms on behalf of whoever moves the endpoint.
        Grant(["cloudwatch:DescribeAlarms"], [names.alarm_arn(alarm) for alarm in names.rollback_alarms]),
        *encrypt_volumes(names),
        pass_role(names, "model", SAGEMAKER),
        bootstrap_version(config.region),
    ]


def scaling(names: Names) -> list[Grant]:
    """Register and deregister the endpoint's variant with Application Auto Scaling."""
    arn = f"arn:{Aws.PARTITION}:application-autoscaling:{names.region}:{Aws.ACCOUNT_ID}:scalable-target/*"
    service_role = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/{SCALING_SERVICE}/{SCALING_ROLE}"
    return [
        scaling_grant(
            names,
            *("DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy", "RegisterScalableTarget"),
        ),
        # Requests that tag do not say of which service the target is.
        Grant(
            [
                *("application-autoscaling:ListTagsForResource", "application-autoscaling:TagResource"),
                "application-autoscaling:UntagResource",
            ],
            [arn],
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
    """Replace the monitoring jobs' definitions and move the schedules to them."""
    schedules = [names.sagemaker_arn(f"monitoring-schedule/{names.schedule(kind)}") for kind in KINDS]
    definitions = [names.sagemaker_arn(f"{kind}-job-definition/{names.prefix}-*") for kind in KINDS]
    explained = names.sagemaker_arn(f"model/{names.explained_model('*')}")
    reason = "Definitions are named after their content, and the explained model after its version."
    return [
        Grant(
            [
                *("sagemaker:CreateMonitoringSchedule", "sagemaker:DeleteMonitoringSchedule"),
                *("sagemaker:DescribeMonitoringSchedule", "sagemaker:UpdateMonitoringSchedule"),
                *("sagemaker:StartMonitoringSchedule", "sagemaker:StopMonitoringSchedule"),
            ],
            schedules,
        ),
        Grant(
            [
                f"sagemaker:{verb}{kind}JobDefinition"
                for kind in KINDS.values()
                for verb in ("Create", "Delete", "Describe")
            ],
            definitions,
            reason=reason,
        ),
        Grant(
            ["sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"], [explained], reason=reason
        ),
        Grant(
            ["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"],
            [*schedules, *definitions, explained],
            reason=reason,
        ),
        pass_role(names, "monitoring", SAGEMAKER),
    ]
