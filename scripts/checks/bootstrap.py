"""What `cdk bootstrap` makes: without it nothing can be deployed."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from scripts.checks.registry import Context, Finding, check
from scripts.retraining.errors import error_code

# The templates say so as well (BootstrapVersion): a deploy with less is refused.
NEEDED_VERSION = 6
BOOTSTRAP = "node_modules/.bin/cdk bootstrap -c env={environment} (with credentials that may make roles)"


@check("bootstrap", "Is the CDK bootstrapped, and may the caller use it?")
def bootstrap(context: Context) -> Iterator[Finding]:
    """Its version, its bucket, and its roles, which are assumed to see whether they can be."""
    config, remedy = context.config, BOOTSTRAP.format(environment=context.config.environment)
    name = f"/cdk-bootstrap/{context.qualifier}/version"
    ssm = context.client("ssm")
    try:
        version = int(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        yield Finding("error", f"the CDK is not bootstrapped in {config.region}: there is no parameter {name}", remedy)
        return
    if version < NEEDED_VERSION:
        yield Finding("error", f"the bootstrap has version {version}; {NEEDED_VERSION} is needed", remedy)
    else:
        yield Finding("ok", f"the CDK is bootstrapped, version {version}")
    account = context.client("sts").get_caller_identity()["Account"]
    bucket = f"cdk-{context.qualifier}-assets-{account}-{config.region}"
    try:
        context.client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        gone = error_code(error) in ("404", "NoSuchBucket")
        told = f"the bootstrap's bucket {bucket} does not exist" if gone else f"the caller may not look at {bucket}"
        yield Finding("error" if gone else "warning", told, remedy if gone else "the CDK's roles can: see below")
    yield from _roles(context, account, remedy)


def _roles(context: Context, account: str, remedy: str) -> Iterator[Finding]:
    kinds = ["deploy", "file-publishing", *(["image-publishing"] if context.config.serving.image == "fast" else [])]
    partition = context.partition
    refused = []
    for kind in kinds:
        role = f"cdk-{context.qualifier}-{kind}-role-{account}-{context.config.region}"
        arn = f"arn:{partition}:iam::{account}:role/{role}"
        try:
            context.client("sts").assume_role(RoleArn=arn, RoleSessionName="preflight", DurationSeconds=900)
        except ClientError as error:
            refused.append(arn)
            yield Finding(
                "error",
                f"the caller may not assume {role}: {error.response['Error'].get('Message', error_code(error))}",
                f"allow the caller sts:AssumeRole on {arn}; if the role is gone: {remedy}",
            )
    if not refused:
        yield Finding("ok", f"the caller may assume the CDK's roles ({', '.join(kinds)})")
