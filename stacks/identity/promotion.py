"""Grants of the role with which CloudFormation replaces the model in the serving and monitoring stacks."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant
from stacks.identity.common import encrypt_volumes, pass_role
from stacks.identity.retraining import SAGEMAKER, bootstrap_version
from stacks.monitoring import KINDS
from stacks.names import Names

GENERATED = (
    "CloudFormation ends the names of models and of the endpoint's configuration in a random part; monitoring "
    "definitions are named after their content."
)
UNNAMED_TARGETS = (
    "Application Auto Scaling chooses the ids of scalable targets, and its Describe actions know no resources; what "
    "changes is limited to SageMaker's targets and to the region by conditions."
)
SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def serving(names: Names, config: PlatformConfig) -> list[Grant]:
    """Replace model and endpoint configuration, and move the endpoint to them."""
    generated = _generated(names)
    endpoint = names.sagemaker_arn(f"endpoint/{names.endpoint}")
    return [
        Grant(
            [
                *("sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"),
                *("sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"),
                "sagemaker:DescribeEndpointConfig",
            ],
            [generated],
            reason=GENERATED,
        ),
        # UpdateEndpoint and CreateEndpoint are authorised against the configuration, too.
        Grant(
            ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
            [endpoint, generated],
            reason=GENERATED,
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
            reason=GENERATED,
        ),
        # SageMaker looks at the rollback alarms on behalf of whoever moves the endpoint.
        Grant(["cloudwatch:DescribeAlarms"], [names.alarm_arn(alarm) for alarm in names.rollback_alarms]),
        *encrypt_volumes(names),
        pass_role(names, "model", SAGEMAKER),
        bootstrap_version(config.region),
    ]


def scaling(names: Names) -> list[Grant]:
    """Register and deregister the endpoint's variant with Application Auto Scaling.

    An ARN of a target is an id that the service chooses: a pattern of it would say nothing but the region.
    """
    here = {"aws:RequestedRegion": names.region}
    service_role = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/{SCALING_SERVICE}/{SCALING_ROLE}"
    return [
        Grant(
            [
                *("application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget"),
                *("application-autoscaling:PutScalingPolicy", "application-autoscaling:RegisterScalableTarget"),
            ],
            ["*"],
            conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker", **here}},
            reason=UNNAMED_TARGETS,
        ),
        # Requests that tag do not say of which service the target is.
        Grant(
            [
                *("application-autoscaling:ListTagsForResource", "application-autoscaling:TagResource"),
                "application-autoscaling:UntagResource",
            ],
            ["*"],
            conditions={"StringEquals": here},
            reason=UNNAMED_TARGETS,
        ),
        Grant(
            [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
            ],
            ["*"],
            reason=UNNAMED_TARGETS,
        ),
        Grant(
            ["iam:CreateServiceLinkedRole"],
            [service_role],
            conditions={"StringEquals": {"iam:AWSServiceName": SCALING_SERVICE}},
        ),
    ]


def monitoring(names: Names) -> list[Grant]:
    """Replace the monitoring jobs' definitions and move the schedules to them, beside what `serving` may do.

    The model that is explained is made, and definitions are tagged, by the grants on generated names there.
    """
    schedules = [names.sagemaker_arn(f"monitoring-schedule/{names.schedule(kind)}") for kind in KINDS]
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
            [_generated(names)],
            reason=GENERATED,
        ),
        Grant(["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"], schedules),
        pass_role(names, "monitoring", SAGEMAKER),
    ]


def _generated(names: Names) -> str:
    """Models, configurations and definitions: CloudFormation begins a generated name with the logical id.

    Each action knows its own kind of resource, so that the kind need not be in the ARN: the name is enough.
    """
    return names.sagemaker_arn(f"*/{names.compact}*")
