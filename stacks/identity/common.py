"""Grants that several roles share the wording of."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.constructs.code_assets import StoredObject
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.monitoring.settings import NAMESPACES
from stacks.names import Names

# SageMaker has one log group for all jobs of a kind.
JOB_GROUPS = ("ProcessingJobs", "TrainingJobs", "TransformJobs")


def read_objects(names: Names, bucket: str, *prefixes: str) -> list[Grant | ObjectGrant]:
    """Read and list the objects under `prefixes` of a bucket."""
    return [
        ObjectGrant(bucket, ["s3:GetObject"], prefixes),
        Grant(
            ["s3:ListBucket"],
            [names.bucket_arn(bucket)],
            conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
        ),
    ]


def write_objects(bucket: str, *prefixes: str) -> ObjectGrant:
    """Write objects under `prefixes` of a bucket."""
    return ObjectGrant(bucket, ["s3:PutObject", "s3:AbortMultipartUpload"], prefixes)


def read_assets(*objects: StoredObject) -> list[Grant]:
    """Read exactly these objects of the bootstrap bucket, and list nothing but them."""
    return [
        Grant(["s3:GetObject"], [stored.arn for stored in objects]),
        Grant(
            ["s3:ListBucket"],
            [objects[0].bucket_arn],
            conditions={"StringEquals": {"s3:prefix": [stored.key for stored in objects]}},
        ),
    ]


def use_key(names: Names, purpose: str, *, pass_on: bool = False) -> list[Grant]:
    """Read and write what the key for `purpose` encrypts; `pass_on` lets AWS use it for the role's own resources.

    Every grant on a key is made in this module. The key's policy (stacks/constructs/customer_key.py) delegates as
    much and no more; services that use a key on nobody's behalf stand in it. AWS needs the use passed on where it
    encrypts what outlives the call: volumes of jobs and endpoints.
    """
    grants = [Grant(["kms:Decrypt", "kms:GenerateDataKey"], [names.key_arn(purpose)])]
    return [*grants, *_pass_on(names, purpose)] if pass_on else grants


def keep_histories(names: Names, machine_arn: str) -> list[Grant]:
    """Encrypt the definition, the histories and the log of one state machine, as its role and with no other context."""
    key = [names.key_arn("operations")]
    machine = {"kms:EncryptionContext:aws:states:stateMachineArn": machine_arn}
    # The context of log delivery is this text, asterisk and all.
    log = {"kms:EncryptionContext:SourceArn": names.logs_arn("*")}
    return [
        Grant(["kms:Decrypt", "kms:GenerateDataKey"], key, conditions={"StringEquals": machine}),
        Grant(["kms:GenerateDataKey"], key, conditions={"StringEquals": log}),
    ]


def read_with_key(names: Names, purpose: str) -> Grant:
    """Read what the key for `purpose` encrypts."""
    return Grant(["kms:Decrypt"], [names.key_arn(purpose)])


def encrypt_volumes(names: Names) -> list[Grant]:
    """Let AWS encrypt volumes with the data key for whoever reads and writes nothing under it."""
    return _pass_on(names, "data")


def use_data_key(names: Names) -> list[Grant]:
    """What every job needs: read and write data, and volumes that AWS encrypts."""
    return use_key(names, "data", pass_on=True)


def write_group(arn: str, *actions: str) -> Grant:
    """Write streams of one log group of a stack's own, given by its ARN; `actions` beside those that write.

    CloudFormation returns the ARN with `:*` at its end, which stands for the group's streams.
    """
    return Grant(["logs:CreateLogStream", "logs:PutLogEvents", *actions], [arn])


def read_groups(names: Names, *groups: str) -> Grant:
    """Read log groups that are the deployment's alone."""
    return Grant(["logs:FilterLogEvents"], [arn for group in groups for arn in group_arns(names, group)])


def write_logs(names: Names, group: str) -> list[Grant]:
    """Write log streams of any name in a log group that SageMaker makes."""
    return [
        Grant(["logs:CreateLogGroup", "logs:DescribeLogStreams"], group_arns(names, group)),
        Grant(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [names.logs_arn(f"log-group:{group}:log-stream:*")],
            reason=f"SageMaker names a stream of {group} after the job and the machine.",
        ),
    ]


def write_job_logs(names: Names) -> list[Grant]:
    """Write the log streams of this deployment's jobs, of whatever kind."""
    groups = [arn for kind in JOB_GROUPS for arn in group_arns(names, f"/aws/sagemaker/{kind}")]
    return [
        Grant(["logs:CreateLogGroup", "logs:DescribeLogStreams"], groups),
        Grant(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [names.logs_arn(f"log-group:/aws/sagemaker/*Jobs:log-stream:{names.prefix}-*")],
            reason="SageMaker has a group for each kind of job, and names a stream after the job and the machine.",
        ),
    ]


def write_vended_logs() -> Grant:
    """Deliver a state machine's logs and traces."""
    return Grant(
        [
            *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
            *("logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
            *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
            *("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules"),
            "xray:GetSamplingTargets",
        ],
        ["*"],
        reason="Log delivery and X-Ray, which Step Functions calls for itself, know no resources.",
    )


def pass_role(names: Names, job: str, service: str) -> Grant:
    """Hand one role to one service."""
    return Grant(["iam:PassRole"], [names.role_arn(job)], conditions={"StringEquals": {"iam:PassedToService": service}})


def look_up_models(names: Names) -> Grant:
    """See versions of the model package group."""
    # Lists are authorised as the versions in them.
    return Grant(
        ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"],
        [names.sagemaker_arn(f"model-package/{names.model_package_group}/*")],
        reason="The registry numbers the versions of the group.",
    )


def look_at_stack(stack_id: str) -> Grant:
    """See the state and the parameters of one stack, given by its id."""
    return Grant(["cloudformation:DescribeStacks"], [stack_id])


def scaling_grant(names: Names, *actions: str) -> Grant:
    """Actions of Application Auto Scaling on targets of SageMaker."""
    return Grant(
        [f"application-autoscaling:{action}" for action in actions],
        [f"arn:{Aws.PARTITION}:application-autoscaling:{names.region}:{Aws.ACCOUNT_ID}:scalable-target/*"],
        conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
        reason="Application Auto Scaling chooses the id of a scalable target.",
    )


def run_containers(*repositories: str) -> list[Grant]:
    """Pull images of repositories (given by ARN) and publish the metrics of SageMaker's jobs and endpoints."""
    return [
        Grant(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            list(repositories),
        ),
        Grant(
            ["ecr:GetAuthorizationToken"],
            ["*"],
            reason="ecr:GetAuthorizationToken and cloudwatch:PutMetricData know no resources; the latter is "
            "limited to SageMaker's namespaces by a condition.",
        ),
        Grant(
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={
                "StringEquals": {
                    "cloudwatch:namespace": [
                        "/aws/sagemaker/Endpoints",
                        "/aws/sagemaker/ProcessingJobs",
                        "/aws/sagemaker/TrainingJobs",
                        "/aws/sagemaker/TransformJobs",
                        *NAMESPACES.values(),
                    ]
                }
            },
            reason="ecr:GetAuthorizationToken and cloudwatch:PutMetricData know no resources; the latter is "
            "limited to SageMaker's namespaces by a condition.",
        ),
    ]


def group_arns(names: Names, group: str) -> list[str]:
    """What AWS asks for where an action is on a group: its ARN, mostly with an empty stream."""
    arn = names.logs_arn(f"log-group:{group}")
    return [arn, f"{arn}:log-stream:"]


def _pass_on(names: Names, purpose: str) -> list[Grant]:
    condition = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return [
        Grant(["kms:DescribeKey"], [names.key_arn(purpose)]),
        Grant(["kms:CreateGrant"], [names.key_arn(purpose)], conditions=condition),
    ]
