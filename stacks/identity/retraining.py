"""Grants of the retraining state machine."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.identity.common import (
    pass_role,
    read_objects,
    scaling_grant,
    use_key,
    write_objects,
)
from stacks.names import Names

SAGEMAKER = "sagemaker.amazonaws.com"


def jobs(names: Names) -> list[Grant]:
    """Start, follow and stop the run's jobs, each under its own role (`.sync` adds nothing by itself)."""
    return [
        # Each of these actions knows one kind of job, so that the kind need not be in the ARN: the name is enough.
        Grant(
            [
                *("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"),
                *("sagemaker:CreateHyperParameterTuningJob", "sagemaker:DescribeHyperParameterTuningJob"),
                *("sagemaker:ListTrainingJobsForHyperParameterTuningJob", "sagemaker:StopHyperParameterTuningJob"),
                "sagemaker:AddTags",
            ],
            [names.sagemaker_arn(f"*/{names.prefix}-r*")],
            reason="Jobs are named after their run (r and a hash), and tagged as they are created.",
        ),
        pass_role(names, "processing", SAGEMAKER),
        pass_role(names, "training", SAGEMAKER),
        # Step Functions learns of a job's end through rules that it manages itself.
        Grant(
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            [
                f"arn:{Aws.PARTITION}:events:{names.region}:{Aws.ACCOUNT_ID}:rule/"
                f"StepFunctionsGetEventsForSageMaker{kind}JobsRule"
                for kind in ("Processing", "Training", "Tuning")
            ],
        ),
    ]


def data(names: Names) -> list[Grant | ObjectGrant]:
    """Read the evaluation, keep the baselines beside the registered model."""
    return [
        *read_objects(names, "artifacts", "runs/"),
        write_objects("artifacts", "model-packages/"),
        *use_key(names, "data"),
    ]


def registry(names: Names) -> list[Grant]:
    """Register model packages of the one group, and see what became of them."""
    group = names.model_package_group
    return [
        Grant(
            ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            [names.sagemaker_arn(f"model-package/{group}/*")],
            reason="The registry numbers the versions of the group.",
        ),
        Grant(["sagemaker:CreateModelPackage"], [names.sagemaker_arn(f"model-package-group/{group}")]),
    ]


def promotion(names: Names, config: PlatformConfig) -> list[Grant]:
    """What the update of a stack asks of whoever asks for it, and a look at the outcome."""
    return [
        pass_role(names, "promotion", "cloudformation.amazonaws.com"),
        bootstrap_version(config.region),
        Grant(["sagemaker:DescribeEndpoint"], [names.sagemaker_arn(f"endpoint/{names.endpoint}")]),
    ]


def release_challenger(names: Names) -> Grant:
    """Take a challenger's variant, which is to be withdrawn, out of scaling."""
    return scaling_grant(names, "DeregisterScalableTarget")


def promote_in(names: Names, stack_id: str) -> list[Grant]:
    """Update a stack, given by its id, through the promotion role and no other."""
    return [
        Grant(["cloudformation:DescribeStackEvents"], [stack_id]),
        Grant(
            ["cloudformation:UpdateStack"],
            [stack_id],
            conditions={"StringEquals": {"cloudformation:RoleArn": names.role_arn("promotion")}},
        ),
    ]


def reporting(names: Names) -> list[Grant]:
    """Tell people."""
    return [Grant(["sns:Publish"], [names.topic_arn]), *use_key(names, "operations")]


def bootstrap_version(region: str) -> Grant:
    """Read the parameter that templates made by the CDK compare the bootstrap's version with."""
    parameter = "parameter/cdk-bootstrap/hnb659fds/version"
    return Grant(
        ["ssm:GetParameter", "ssm:GetParameters"],
        [f"arn:{Aws.PARTITION}:ssm:{region}:{Aws.ACCOUNT_ID}:{parameter}"],
    )
