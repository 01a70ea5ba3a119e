"""What roles of the platform refer to and the account has to have."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.checks.registry import Context, Finding, check


@check("roles", "Does the account have what the roles refer to?")
def roles(context: Context) -> Iterator[Finding]:
    """The permissions boundary, the keys' administrators, and API Gateway's role for logs where one is to exist."""
    identity, iam = context.config.identity, context.client("iam")
    found = []
    if identity.permissions_boundary:
        arn = identity.permissions_boundary
        if not arn.startswith("arn:"):
            account = context.client("sts").get_caller_identity()["Account"]
            arn = f"arn:{context.partition}:iam::{account}:policy/{arn}"
        try:
            iam.get_policy(PolicyArn=arn)
            found.append(f"the permissions boundary {arn}")
        except iam.exceptions.NoSuchEntityException:
            yield Finding(
                "error",
                f"the permissions boundary {arn} does not exist",
                "make the policy, or correct identity.permissions_boundary in cdk.json (with the policy's path)",
            )
    for arn in identity.key_administrators:
        try:
            iam.get_role(RoleName=arn.rpartition("/")[2])
            found.append(f"the keys' administrator {arn}")
        except iam.exceptions.NoSuchEntityException:
            yield Finding(
                "error",
                f"the keys' administrator {arn} does not exist: KMS refuses a policy that names it",
                "make the role, or take it out of identity.key_administrators in cdk.json",
            )
    scoring = context.config.scoring
    if scoring.enabled and scoring.gateway_log_role == "existing":
        role = context.client("apigateway").get_account().get("cloudwatchRoleArn")
        if role:
            found.append(f"API Gateway's role for logs {role}")
        else:
            yield Finding(
                "error",
                "API Gateway has no role for logs in this account and region, and a stage with logs needs one",
                "set scoring.gateway_log_role to create in cdk.json",
            )
    path = f"roles are made under the path {identity.path}, which need not exist"
    yield Finding("ok", "; ".join([*(f"{each} exists" for each in found), path]))
