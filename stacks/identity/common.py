"""Grants that several roles share the wording of."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.constructs.code_assets import StoredObject
from stacks.constructs.scoped_role import Grant
from stacks.images import repository_arn
from stacks.names import Names


def read_objects(names: Names, bucket: str, *prefixes: str) -> list[Grant]:
    """Read and list the objects under `prefixes` of a bucket."""
    arn = names.bucket_arn(bucket)
    return [
        Grant(
            ["s3:GetObject"],
            [f"{arn}/{prefix}*" for prefix in prefixes],
            reason=f"Object keys below {', '.join(prefixes)} of the {bucket} bucket are made at run time.",
        ),
        Grant(
            ["s3:ListBucket"], [arn], conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
        ),
    ]


def write_objects(names: Names, bucket: str, *prefixes: str) -> Grant:
    """Write objects under `prefixes` of a bucket."""
    arn = names.bucket_arn(bucket)
    return Grant(
        ["s3:PutObject", "s3:AbortMultipartUpload"],
        [f"{arn}/{prefix}*" for prefix in prefixes],
        reason=f"Object keys below {', '.join(prefixes)} of the {bucket} bucket are made at run time.",
    )


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


def use_data_key(names: Names) -> list[Grant]:
    """Read and write encrypted objects, and let AWS attach encrypted volumes to the role's jobs."""
    key = names.key_arn("data")
    return [
        Grant(["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], [key]),
        Grant(["kms:CreateGrant"], [key], conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ]


def write_logs(names: Names, group: str, streams: str) -> list[Grant]:
    """Write log streams whose names begin with `streams` in a log group."""
    return [
        Grant(["logs:CreateLogGroup", "logs:DescribeLogStreams"], [names.logs_arn(f"log-group:{group}")]),
        Grant(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [names.logs_arn(f"log-group:{group}:log-stream:{streams}*")],
            reason=f"SageMaker names a stream of {group} after the job and the machine.",
        ),
    ]


def pass_role(names: Names, job: str, service: str) -> Grant:
    """Hand one role to one service."""
    return Grant(["iam:PassRole"], [names.role_arn(job)], conditions={"StringEquals": {"iam:PassedToService": service}})


def run_containers(*images: str) -> list[Grant]:
    """Pull images (given by URI) and publish the metrics of SageMaker's jobs and endpoints."""
    return [
        Grant(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [repository_arn(image, Aws.PARTITION) for image in images],
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
                        "aws/sagemaker/Endpoints/data-metrics",
                    ]
                }
            },
            reason="ecr:GetAuthorizationToken and cloudwatch:PutMetricData know no resources; the latter is "
            "limited to SageMaker's namespaces by a condition.",
        ),
    ]
