"""A role for one kind of job, with customer-managed policies in which every wildcard is explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aws_cdk import Acknowledgment, Aws, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct


@dataclass(frozen=True)
class Grant:
    """What a role may do (or, by `effect`, may not): `actions` on `resources` under `conditions`.

    `reason` says why a resource ends in a wildcard and is required where one does.
    """

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str = ""
    effect: Literal["Allow", "Deny"] = "Allow"

    def statement(self) -> dict[str, Any]:
        """The policy statement; raises ValueError for a wildcard action or an unexplained wildcard."""
        if any("*" in action for action in self.actions):
            raise ValueError(f"name each action instead of a wildcard: {', '.join(self.actions)}")
        if self.wildcards() and not self.reason:
            raise ValueError(f"say why there is a wildcard in {', '.join(self.wildcards())}")
        return {
            "Effect": self.effect,
            "Action": list(self.actions),
            "Resource": list(self.resources),
            **({"Condition": dict(self.conditions)} if self.conditions else {}),
        }

    def wildcards(self) -> list[str]:
        """The resources that hold a wildcard."""
        return [resource for resource in self.resources if "*" in resource]


@dataclass(frozen=True)
class ObjectGrant:
    """What a role may do with the objects under `prefixes` of the bucket for a purpose.

    It stands in the bucket's policy, not in the role's, so that a bucket shows all of its readers and writers.
    """

    bucket: str
    actions: Sequence[str]
    prefixes: Sequence[str]


class ScopedPolicy(iam.ManagedPolicy):
    """A customer-managed policy made of grants.

    Args:
        roles: names of roles that it is attached to from here. What only this stack knows (its own id, a log group's
            ARN) is granted so, exactly; the roles come before the stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        grants: Sequence[Grant],
        path: str = "/",
        roles: Sequence[str] = (),
    ) -> None:
        # One document by JSON, where a construct for each statement would be a call to the CDK's process for each.
        document = iam.PolicyDocument.from_json({"Statement": [grant.statement() for grant in grants]})
        super().__init__(scope, construct_id, description=description, document=document, path=path)
        if roles:
            self.node.default_child.roles = list(roles)
        for resource, reason in _reasons(grants).items():
            finding = f"AwsSolutions-IAM5[Resource::{flatten(self, resource)}]"
            Validations.of(self).acknowledge(Acknowledgment(id=finding, reason=reason))


class ScopedRole(iam.Role):
    """A role that one service assumes, on behalf of this account alone where the service says for whom it asks."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_name: str,
        description: str,
        service: str,
        policies: Mapping[str, Sequence[Grant]],
        shared: Sequence[iam.IManagedPolicy] = (),
        source_condition: bool = True,
        path: str = "/",
        boundary_arn: str | None = None,
    ) -> None:
        own = [
            ScopedPolicy(
                scope, f"{construct_id}{name}Policy", description=f"{description}: {name}", grants=grants, path=path
            )
            for name, grants in policies.items()
            if grants
        ]
        conditions = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}} if source_condition else None
        super().__init__(
            scope,
            construct_id,
            role_name=role_name,
            path=path,
            permissions_boundary=boundary_policy(scope, boundary_arn),
            description=description,
            assumed_by=iam.ServicePrincipal(service, conditions=conditions),
            managed_policies=[*own, *shared],
        )


def _reasons(grants: Sequence[Grant]) -> dict[str, str]:
    """Why there is each wildcard, with every reason that is given for it."""
    found: dict[str, dict[str, None]] = {}
    for grant in grants:
        for resource in grant.wildcards() if grant.effect == "Allow" else ():
            found.setdefault(resource, {})[grant.reason] = None
    return {resource: " ".join(reasons) for resource, reasons in found.items()}


def boundary_policy(scope: Construct, arn: str | None) -> iam.IManagedPolicy | None:
    """The managed policy with this ARN, which bounds all roles of `scope`; None without one."""
    if arn is None:
        return None
    found = scope.node.try_find_child("Boundary")
    return found or iam.ManagedPolicy.from_managed_policy_arn(scope, "Boundary", arn)


def flatten(scope: Construct, value: str) -> str:
    """Return `value` with CloudFormation references written as cdk-nag writes them: `<AWS::AccountId>`."""

    def text(part: Any) -> str:
        if isinstance(part, str):
            return part
        if "Ref" in part:
            return f"<{part['Ref']}>"
        if "Fn::Join" in part:
            separator, parts = part["Fn::Join"]
            return separator.join(map(text, parts))
        raise ValueError(f"cannot name {part} in an acknowledgement")

    return text(Stack.of(scope).resolve(value))
