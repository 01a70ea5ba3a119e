"""Grants of people: who operates the platform, who trains models, who works on cases, and who audits all of it.

What several of them do alike is granted once: `look` to everyone but analysts, `follow` to those who start runs. A
persona sees this deployment. What is the account's (CloudTrail, AWS Config, all roles) is for roles of the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.event_rules import event_rules
from stacks.identity.common import (
    JOB_GROUPS,
    group_arns,
    pass_role,
    read_groups,
    read_objects,
    read_with_key,
    use_data_key,
    write_objects,
)
from stacks.identity.guard import COLLECTIONS
from stacks.identity.jobs import LAB
from stacks.identity.retraining import SAGEMAKER
from stacks.monitoring.settings import CAPTURES, GROUND_TRUTH, HISTORY, REPORTS
from stacks.names import Names
from stacks.network.placement import Placement

PERSONAS = ("platform-engineer", "data-scientist", "analyst", "auditor")
# Who has the grants of `follow`.
FOLLOWERS = ("platform-engineer", "data-scientist")
QUEUE = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
# The roles that `cdk deploy` works under; CloudFormation's own is handed over by the first of them.
BOOTSTRAP = ("deploy", "file-publishing", "image-publishing", "lookup")


def look(names: Names, config: PlatformConfig) -> list[Grant]:
    """See what is deployed and how it fares: stacks, metrics, alarms, the dashboard, the network and the endpoint."""
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
                *("cloudwatch:ListMetrics", "ec2:DescribeFlowLogs", "ec2:DescribeSecurityGroups"),
                *("ec2:DescribeVpcEndpoints", "logs:DescribeLogGroups", "sagemaker:ListMonitoringExecutions"),
            ],
            ["*"],
            reason="These actions know no resources; none of them shows data.",
        ),
        Grant(["cloudwatch:GetDashboard"], [dashboard]),
        Grant(["sagemaker:DescribeEndpoint"], [names.sagemaker_arn(f"endpoint/{names.endpoint}")]),
    ]


def follow(names: Names, config: PlatformConfig) -> list[Grant]:
    """Follow runs of the state machines, and read what machines, functions, the endpoint and jobs have logged."""
    shared = [f"/aws/sagemaker/{kind}" for kind in JOB_GROUPS]
    return [
        Grant(["states:DescribeStateMachine", "states:ListExecutions"], _machines(names, config)),
        Grant(
            ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"],
            [names.arn("states", f"execution:{names.prefix}-*")],
            reason="An execution's name is chosen by whoever starts it.",
        ),
        read_with_key(names, "operations"),
        read_groups(names, *_groups(names, config)),
        Grant(["logs:DescribeLogStreams"], [arn for group in shared for arn in group_arns(names, group)]),
        Grant(
            ["logs:GetLogEvents"],
            [names.logs_arn(f"log-group:/aws/sagemaker/*Jobs:log-stream:{names.prefix}-*")],
            reason="SageMaker has a group for each kind of job, and names a stream after the job and the machine.",
        ),
    ]


def platform_engineer(names: Names, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Ask the guard, approve and promote; of all objects the models alone.

    A promotion compares the features that two models take, which are in their archives. Where approval is automatic
    there is nothing for people to approve.
    """
    approve = Grant(
        ["sagemaker:UpdateModelPackage"],
        [names.sagemaker_arn(f"model-package/{names.model_package_group}/*")],
        reason="The registry numbers the versions of the group.",
    )
    bootstrap = Grant(["sts:AssumeRole"], [_bootstrap_role(names, role) for role in BOOTSTRAP])
    return [
        *([bootstrap] if config.identity.personas.engineers_deploy else []),
        Grant(["states:StartExecution"], _machines(names, config)),
        # Undelivered events are looked at, made up for by an execution, and taken away.
        *([Grant(QUEUE, [names.undelivered_arn])] if event_rules(config, names) else []),
        # Which stack is updated so, the serving stack says; the promotion role decides what an update may touch.
        pass_role(names, "promotion", "cloudformation.amazonaws.com"),
        *([approve] if config.training.approval == "manual" else []),
        ObjectGrant("artifacts", ["s3:GetObject"], ("runs/*/output/model.tar.gz",)),
        read_with_key(names, "data"),
    ]


def data_scientist(names: Names, placement: Placement) -> list[Grant | ObjectGrant]:
    """Start retraining, jobs of one's own and batches, and read what models are made of; approve and deploy nothing.

    Jobs of one's own run under the lab's role. Whoever could hand on a role that a retraining run works under could
    write, by a job, what is deployed from.
    """
    return [
        Grant(["states:StartExecution"], [names.state_machine_arn]),
        *_jobs(names, placement),
        *(pass_role(names, job, SAGEMAKER) for job in ("lab", "transform")),
        *read_objects(names, "transactions", "datasets/", COLLECTIONS),
        write_objects("transactions", "datasets/"),
        *read_objects(names, "artifacts", "runs/", "model-packages/", LAB),
        write_objects("artifacts", LAB),
        *read_objects(names, "captures", f"{CAPTURES}/", f"{GROUND_TRUTH}/"),
        *read_objects(names, "reports", f"{REPORTS}/", f"{HISTORY}/", "batch/"),
        write_objects("reports", "batch/"),
        *use_data_key(names),
    ]


def _jobs(names: Names, placement: Placement) -> list[Grant]:
    """Jobs and batches, none of them outside the network, with a way out of it, or on a volume without our key."""
    # Each of these actions knows one kind of resource, so that the kind need not be in the ARN. The endpoint's models
    # are named without hyphens; a batch has a model of its own.
    own = [names.sagemaker_arn(f"*/{names.prefix}-*")]
    reason = "Whoever starts a job names it; all begin with the deployment's prefix."
    volume = {"ArnEquals": {"sagemaker:VolumeKmsKey": names.key_arn("data")}}
    isolated = {"Bool": {"sagemaker:NetworkIsolation": "true"}}
    alone = {"Bool": {"sagemaker:InterContainerTrafficEncryption": "true", **isolated["Bool"]}}
    kinds = ("HyperParameterTuningJob", "ProcessingJob", "TrainingJob")
    created = (*(f"Create{kind}" for kind in kinds), "CreateModel", "CreateTransformJob")

    def grant(actions: Iterable[str], **conditions: dict[str, object]) -> Grant:
        return Grant([f"sagemaker:{action}" for action in actions], own, conditions=conditions, reason=reason)

    return [
        grant((f"Create{kind}" for kind in kinds), **volume, **_inside(placement, alone)),
        grant(["CreateModel"], **_inside(placement, isolated)),
        grant(["CreateTransformJob"], **volume),
        grant(["AddTags"], StringEquals={"sagemaker:TaggingAction": list(created)}),
        grant(
            [
                *(f"{verb}{kind}" for kind in (*kinds, "TransformJob") for verb in ("Describe", "Stop")),
                *("ListTrainingJobsForHyperParameterTuningJob", "DescribeModel", "DeleteModel"),
            ]
        ),
    ]


def _inside(placement: Placement, conditions: dict[str, dict[str, str]]) -> dict[str, dict[str, object]]:
    """`conditions`, and that a job is in these subnets and groups alone, where there are any."""
    if not placement.subnets:
        return dict(conditions)
    places = {
        "sagemaker:VpcSubnets": list(placement.subnets),
        "sagemaker:VpcSecurityGroupIds": list(placement.container_groups),
    }
    # A request that names none at all fulfils ForAllValues.
    return {**conditions, "ForAllValues:StringEquals": places, "Null": dict.fromkeys(places, "false")}


def analyst(names: Names, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Write rules and lists, read reports; the API's routes are in the scoring stack, which knows its id."""
    rules = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan")
    return [
        *([Grant(rules, [names.table_arn("rules")])] if config.scoring.enabled else []),
        *read_objects(names, "reports", f"{REPORTS}/", f"{HISTORY}/"),
        read_with_key(names, "data"),
    ]


def auditor(names: Names, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Read how everything is set up; no object, no item, no log, no use of any key."""
    tables = [names.table_arn(table) for table in ("profiles", "decisions", "rules")] if config.scoring.enabled else []
    buckets = ("transactions", "artifacts", "captures", "reports", "access-logs")
    return [
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
        Grant(["states:DescribeStateMachine", "states:ListExecutions"], _machines(names, config)),
    ]


def read_roles(names: Names, roles: Iterable[str]) -> list[Grant]:
    """Read roles, as Names.role() takes them."""
    actions = ["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
    return [Grant(actions, [names.role_arn(role) for role in roles])]


def read_policies(policies: Sequence[str]) -> list[Grant]:
    """Read managed policies, given by their ARNs."""
    return [Grant(["iam:GetPolicy", "iam:GetPolicyVersion"], policies)]


def _groups(names: Names, config: PlatformConfig) -> list[str]:
    """The log groups that are this deployment's alone."""
    machines = [arn.rpartition(":")[2] for arn in _machines(names, config)]
    scoring = (f"/aws/lambda/{names.scoring}", f"/aws/apigateway/{names.scoring}")
    return [
        *(f"/aws/vendedlogs/states/{machine}" for machine in machines),
        *(scoring if config.scoring.enabled else ()),
        f"/aws/sagemaker/Endpoints/{names.endpoint}",
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
