"""Grants of people: who operates the platform, who trains models, who works on cases, and who audits all of it.

What several of them do alike is granted once: `look` to everyone, `follow` to those who start runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.identity.common import (
    JOB_GROUPS,
    pass_role,
    read_objects,
    read_with_key,
    use_data_key,
    write_objects,
)
from stacks.identity.guard import COLLECTIONS
from stacks.identity.retraining import SAGEMAKER
from stacks.monitoring.settings import CAPTURES, GROUND_TRUTH, HISTORY, REPORTS
from stacks.names import Names

PERSONAS = ("platform-engineer", "data-scientist", "analyst", "auditor")
# The roles that `cdk deploy` works under; CloudFormation's own is handed over by the first of them.
BOOTSTRAP = ("deploy", "file-publishing", "image-publishing", "lookup")
NO_RESOURCES = "These actions know no resources; none of them shows data."


def look(names: Names, config: PlatformConfig) -> list[Grant]:
    """See what is deployed and how it fares: stacks, metrics, alarms, the dashboard and the endpoint."""
    dashboard = f"arn:{Aws.PARTITION}:cloudwatch::{Aws.ACCOUNT_ID}:dashboard/{names.prefix}"
    return [
        Grant(
            ["cloudformation:DescribeStacks", "cloudformation:GetTemplate"],
            ["*"],
            conditions={
                "StringEquals": {
                    "aws:ResourceTag/environment": config.environment,
                    "aws:ResourceTag/project": config.project,
                }
            },
            reason="A condition limits it to stacks of this deployment, whose ARNs end in ids of CloudFormation's.",
        ),
        Grant(
            [
                *("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics"),
                *("cloudwatch:ListMetrics", "sagemaker:ListModelPackages", "sagemaker:ListMonitoringExecutions"),
            ],
            ["*"],
            reason=NO_RESOURCES,
        ),
        Grant(["cloudwatch:GetDashboard"], [dashboard]),
        Grant(["sagemaker:DescribeEndpoint"], [names.sagemaker_arn(f"endpoint/{names.endpoint}")]),
    ]


def follow(names: Names, config: PlatformConfig) -> list[Grant]:
    """Follow runs of the state machines, read logs, register models as candidates and see what became of them."""
    groups = [names.logs_arn(f"log-group:/aws/sagemaker/{kind}") for kind in JOB_GROUPS]
    packages = names.sagemaker_arn(f"model-package/{names.model_package_group}/*")
    group = names.sagemaker_arn(f"model-package-group/{names.model_package_group}")
    numbered = "The registry numbers the versions of the group."
    return [
        Grant(["states:DescribeStateMachine", "states:ListExecutions"], _machines(names, config)),
        Grant(
            ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"],
            [names.arn("states", f"execution:{names.prefix}-*")],
            reason="An execution's name is chosen by whoever starts it.",
        ),
        read_with_key(names, "operations"),
        Grant(["logs:DescribeLogStreams"], groups),
        Grant(
            ["logs:FilterLogEvents", "logs:GetLogEvents"],
            [names.logs_arn(f"log-group:/aws/*{names.prefix}*")],
            reason="Groups, or the streams in SageMaker's, are named after what writes to them.",
        ),
        Grant(["sagemaker:DescribeModelPackage"], [packages], reason=numbered),
        # A version that is registered as approved would be promoted.
        Grant(
            ["sagemaker:CreateModelPackage"],
            [packages, group],
            conditions={"StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}},
            reason=numbered,
        ),
    ]


def platform_engineer(names: Names, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Deploy through the CDK's roles, ask the guard, approve and promote; of all objects the models alone.

    A promotion compares the features that two models take, which are in their archives.
    """
    return [
        Grant(["sts:AssumeRole"], [_bootstrap_role(names, role) for role in BOOTSTRAP]),
        Grant(["states:StartExecution"], _machines(names, config)),
        # Which stack is updated so, the serving stack says; the promotion role decides what an update may touch.
        pass_role(names, "promotion", "cloudformation.amazonaws.com"),
        Grant(
            ["sagemaker:UpdateModelPackage"],
            [names.sagemaker_arn(f"model-package/{names.model_package_group}/*")],
            reason="The registry numbers the versions of the group.",
        ),
        ObjectGrant("artifacts", ["s3:GetObject"], ("runs/*/output/model.tar.gz",)),
        read_with_key(names, "data"),
    ]


def data_scientist(names: Names) -> list[Grant | ObjectGrant]:
    """Start retraining and jobs under the jobs' roles, and read what models are made of; approve and deploy nothing."""
    kinds = ("AutoMLJobV2", "HyperParameterTuningJob", "ProcessingJob", "TrainingJob", "TransformJob")
    stops = (kind.removesuffix("V2") for kind in kinds)
    return [
        Grant(["states:StartExecution"], [names.state_machine_arn]),
        # Each of these actions knows one kind of resource, so that the kind need not be in the ARN. The endpoint's
        # models are named without hyphens; a batch has a model of its own.
        Grant(
            [
                *(f"sagemaker:{verb}{kind}" for kind in kinds for verb in ("Create", "Describe")),
                *(f"sagemaker:Stop{kind}" for kind in stops),
                "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
                *("sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"),
            ],
            [names.sagemaker_arn(f"*/{names.prefix}-*")],
            reason="Whoever starts a job names it; all begin with the deployment's prefix.",
        ),
        *(pass_role(names, job, SAGEMAKER) for job in ("processing", "training", "transform")),
        *read_objects(names, "transactions", "datasets/", COLLECTIONS),
        write_objects("transactions", "datasets/"),
        *read_objects(names, "artifacts", "runs/", "model-packages/"),
        *read_objects(names, "captures", f"{CAPTURES}/", f"{GROUND_TRUTH}/"),
        *read_objects(names, "reports", f"{REPORTS}/", f"{HISTORY}/", "batch/"),
        write_objects("reports", "batch/"),
        *use_data_key(names),
    ]


def analyst(names: Names, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Write rules and lists, read reports; the API's routes are in the scoring stack, which knows its id."""
    rules = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan")
    return [
        *([Grant(rules, [names.table_arn("rules")])] if config.scoring.enabled else []),
        *read_objects(names, "reports", f"{REPORTS}/", f"{HISTORY}/"),
        read_with_key(names, "data"),
    ]


def auditor(names: Names, config: PlatformConfig, roles: Iterable[str]) -> list[Grant | ObjectGrant]:
    """Read how everything is set up, and who did what; no object, no item, no log, no use of any key.

    Args:
        names: of the deployment.
        config: which of its parts there are.
        roles: the platform's roles, as Names.role() takes them.
    """
    tables = [names.table_arn(table) for table in ("profiles", "decisions", "rules")] if config.scoring.enabled else []
    buckets = ("transactions", "artifacts", "captures", "reports", "access-logs")
    return [
        Grant(
            ["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            [names.role_arn(role) for role in roles],
        ),
        Grant(
            ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants"],
            [names.key_arn(purpose) for purpose in ("data", "operations")],
        ),
        Grant(
            [
                *("s3:GetBucketLogging", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock"),
                *("s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration"),
            ],
            [names.bucket_arn(bucket) for bucket in buckets],
        ),
        *([Grant(["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"], tables)] if tables else []),
        Grant(
            [
                *("cloudtrail:DescribeTrails", "cloudtrail:LookupEvents"),
                *("config:DescribeComplianceByConfigRule", "config:DescribeConfigRules"),
                *("config:DescribeConfigurationRecorders", "ec2:DescribeFlowLogs", "ec2:DescribeSecurityGroups"),
                *("ec2:DescribeVpcEndpoints", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListRoles"),
                *("logs:DescribeLogGroups", "sagemaker:ListMonitoringSchedules", "states:ListStateMachines"),
            ],
            ["*"],
            reason="These actions know no resources, except those on policies: boundaries and what bootstrapping made "
            "are read as well, and CloudFormation ends the names of the platform's own in a random part.",
        ),
    ]


def _machines(names: Names, config: PlatformConfig) -> list[str]:
    return [
        names.state_machine_arn,
        *([names.guard_arn] if config.retrains_itself else []),
        *([names.monitoring_machine_arn] if config.monitoring.engine != "none" else []),
    ]


def _bootstrap_role(names: Names, role: str) -> str:
    name = f"cdk-hnb659fds-{role}-role-{Aws.ACCOUNT_ID}-{names.region}"
    return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}"
