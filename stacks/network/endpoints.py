"""The AWS services that are reached from the network, and what their endpoints let through.

A policy of an endpoint grants nothing: it limits what roles may do through it to this account's own identities and
resources, so that neither foreign credentials nor foreign accounts' resources are of use inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from stacks.names import Names


@dataclass(frozen=True)
class Service:
    """An interface endpoint's service.

    `namespace` begins its actions and ARNs; `resources` end the ARNs of this account that are let through;
    `unscoped` are actions that know no resource; `images` says that AWS's own container images are let through too.
    """

    namespace: str
    use: str
    resources: Sequence[str] = ("*",)
    unscoped: Sequence[str] = ()
    images: bool = False


SERVICES: dict[str, Service] = {
    "sagemaker.api": Service("sagemaker", "functions and clients that start and describe jobs"),
    "sagemaker.runtime": Service("sagemaker", "the scoring function asks the model's endpoint", ("endpoint/*",)),
    "sts": Service(
        "sts", "clients assume roles", unscoped=("sts:AssumeRole", "sts:GetCallerIdentity", "sts:TagSession")
    ),
    "logs": Service("logs", "containers and clients write logs", ("log-group:*",)),
    "monitoring": Service(
        "cloudwatch",
        "containers and functions publish and read metrics",
        ("alarm:*",),
        ("cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:PutMetricData"),
    ),
    "kms": Service("kms", "clients encrypt and decrypt", ("key/*", "alias/*")),
    "ecr.api": Service(
        "ecr", "containers' images are looked up", ("repository/*",), ("ecr:GetAuthorizationToken",), images=True
    ),
    "ecr.dkr": Service("ecr", "containers' images are pulled", ("repository/*",), images=True),
    "states": Service("states", "functions start retraining"),
    "events": Service("events", "functions announce what they did"),
    "sns": Service("sns", "functions tell people"),
    "ssm": Service("ssm", "functions read and write parameters", ("parameter/*",)),
}


def policy(service: str, names: Names, images: Sequence[str]) -> iam.PolicyDocument:
    """The policy of an interface endpoint; `images` are ARNs of AWS's own repositories of images."""
    found = SERVICES[service]
    own = [names.arn(found.namespace, resource) for resource in found.resources]
    statements = []
    if found.namespace != "sts":
        actions = ["sagemaker:InvokeEndpoint"] if service == "sagemaker.runtime" else [f"{found.namespace}:*"]
        statements.append(allow("OwnResources", actions, own))
    if found.unscoped:
        statements.append(allow("ActionsWithoutResources", found.unscoped, ["*"]))
    if found.images:
        pull = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        statements.append(allow("AwsImages", pull, images))
    return iam.PolicyDocument(statements=statements)


def s3_statements(names: Names) -> list[iam.PolicyStatement]:
    """What the gateway to S3 lets through: this platform's buckets, the bootstrap's, and layers of images."""
    buckets = [
        *(names.bucket_arn(purpose) for purpose in ("transactions", "artifacts", "captures", "reports")),
        f"arn:{Aws.PARTITION}:s3:::cdk-hnb659fds-assets-{Aws.ACCOUNT_ID}-{names.region}",
    ]
    objects = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")
    layers = f"arn:{Aws.PARTITION}:s3:::prod-{names.region}-starport-layer-bucket/*"
    return [
        allow("OwnObjects", objects, [f"{bucket}/*" for bucket in buckets]),
        allow("OwnBuckets", ("s3:GetBucketLocation", "s3:ListBucket"), buckets),
        # ECR answers with signed addresses of its own bucket, which no identity of this account signs.
        iam.PolicyStatement(
            sid="LayersOfImages", principals=[iam.AnyPrincipal()], actions=["s3:GetObject"], resources=[layers]
        ),
    ]


def dynamodb_statements(names: Names) -> list[iam.PolicyStatement]:
    """What the gateway to DynamoDB lets through: items of this platform's tables."""
    actions = (
        *("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"),
        *("dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"),
        "dynamodb:UpdateItem",
    )
    return [allow("OwnTables", actions, [names.arn("dynamodb", f"table/{names.prefix}-*")])]


def allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    """Let identities of this account do `actions` to `resources`; an endpoint knows accounts by condition alone."""
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=list(resources),
        conditions={"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}},
    )
