"""What stands of the platform already: stacks that refuse a deployment, and what one that was deleted has left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from scripts.checks.registry import Context, Finding, check
from scripts.retraining.errors import error_code

BUCKETS = ("transactions", "artifacts", "captures", "reports", "access-logs")
TABLES = ("profiles", "decisions", "rules")
_FAILED = ("CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "DELETE_FAILED")


@check("stacks", "Can the stacks be deployed as they stand?")
def stacks(context: Context) -> Iterator[Finding]:
    """The state of each stack, and buckets and tables that exist without theirs."""
    prefix = context.config.prefix
    pages = context.client("cloudformation").get_paginator("describe_stacks").paginate()
    found = [stack for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(f"{prefix}-")]
    refusals = [finding for stack in found if (finding := _refusal(stack))]
    yield from refusals
    if f"{prefix}-storage" not in {stack["StackName"] for stack in found}:
        yield from _left(context)
    if not found:
        yield Finding("ok", f"nothing of {prefix} is deployed: this is the first deployment")
    elif not refusals:
        yield Finding("ok", f"{len(found)} stacks of {prefix} can be updated")


def _refusal(stack: dict[str, Any]) -> Finding | None:
    name, status = stack["StackName"], stack["StackStatus"]
    because = f" ({stack['StackStatusReason']})" if stack.get("StackStatusReason") else ""
    told = f"{name} is {status}{because}"
    command = "aws cloudformation {} --stack-name " + name
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        remedy = "wait until it is done; if nobody meant to change it: " + command.format("describe-stack-events")
        return Finding("error", told, remedy)
    if status == "UPDATE_ROLLBACK_FAILED":
        return Finding("error", told, "mend the cause, then " + command.format("continue-update-rollback"))
    if status in _FAILED:
        delete = command.format("delete-stack")
        protected = stack.get("EnableTerminationProtection")
        lift = f"{command.format('update-termination-protection')} --no-enable-termination-protection, then "
        return Finding("error", told, f"mend the cause, then {lift if protected else ''}{delete}")
    return None


def _left(context: Context) -> Iterator[Finding]:
    """Buckets and tables whose names are taken: CloudFormation cannot make what is there."""
    config = context.config
    account = context.client("sts").get_caller_identity()["Account"]
    kept = [f"the bucket {name}" for name in _buckets(context, account)]
    kept += [f"the table {name}" for name in _tables(context)]
    if kept:
        stack = f"{config.prefix}-storage"
        yield Finding(
            "error",
            f"{', '.join(kept)} exist without the stack {stack}: an earlier deployment left them",
            f"take them over: node_modules/.bin/cdk import {stack} -c env={config.environment}; or delete them",
        )


def _buckets(context: Context, account: str) -> list[str]:
    s3, config = context.client("s3"), context.config
    names = [f"{config.prefix}-{purpose}-{account}-{config.region}" for purpose in BUCKETS]
    return [name for name in names if _exists(s3.head_bucket, Bucket=name)]


def _tables(context: Context) -> list[str]:
    dynamodb = context.client("dynamodb")
    names = [f"{context.config.prefix}-{purpose}" for purpose in TABLES]
    return [name for name in names if _exists(dynamodb.describe_table, TableName=name)]


def _exists(look: Any, **named: str) -> bool:
    try:
        look(**named)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket", "ResourceNotFoundException"):
            return False
        # S3 answers a question about its header alone with the number alone.
        if error_code(error) != "403":
            raise
    return True
