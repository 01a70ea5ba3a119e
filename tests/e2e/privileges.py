"""What the roles of a deployed platform may do, what a run asked of them, and what they could do without."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator

Document = dict[str, Any]
TESTERS = ("attack", "canary")


@dataclass(frozen=True)
class Asked:
    """One decision of a run: what a role asked for, and under which condition keys."""

    role: str
    session: str
    action: str
    resource: str
    context: Mapping[str, Any] = field(hash=False)
    allowed: bool


@dataclass(frozen=True)
class Mutation:
    """One action of one statement that is taken away from a role."""

    role: str
    where: str
    statement: int
    action: str

    def __str__(self) -> str:
        return f"{self.role}: {self.action} (statement {self.statement + 1} of {self.where})"


class Privileges:
    """The policies of a platform's roles, and of the buckets and keys that name them."""

    def __init__(self, client: Any, prefix: str, account: str):
        self._account = account
        self.identity = dict(_identity(client("iam"), prefix))
        self.resources = {**dict(_buckets(client("s3"), prefix)), **dict(_keys(client("kms")))}

    def mutations(self) -> Iterator[Mutation]:
        """Every action of every statement that gives a role something."""
        for role, policies in self.identity.items():
            for name, document in policies.items():
                for place, statement in enumerate(document["Statement"]):
                    # What takes something away is needed by no run.
                    for action in _list(statement["Action"]) if statement["Effect"] == "Allow" else ():
                        yield Mutation(role, name, place, action)
        for arn, document in self.resources.items():
            for place, statement in enumerate(document["Statement"]):
                for role in self._named(statement):
                    for action in _list(statement["Action"]):
                        yield Mutation(role, arn, place, action)

    def allow(self, asked: Asked, without: Mutation | None = None) -> bool:
        """Whether the role may do what was asked, with one action taken away."""
        policies = self.identity.get(asked.role, {})
        resource_arn = asked.resource.partition("/")[0] if ":s3:::" in asked.resource else asked.resource
        own = self.resources.get(resource_arn)
        if without and without.where in policies:
            policies = {**policies, without.where: _taken(policies[without.where], without)}
        elif without and without.where == resource_arn and own:
            own = _taken(own, without, self._arn(without.role))
        context = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{self._account}:assumed-role/{asked.role}/run",
            principal_type="AssumedRole",
            principal_account=self._account,
            action=asked.action,
            resource_arn=asked.resource,
            region="us-east-1",
            secure_transport=True,
            service_context={"aws:tagkeys": None, **{key.lower(): value for key, value in asked.context.items()}},
        )
        parsed = [iam_evaluator.parse_policy_document(document) for document in policies.values()]
        result = iam_evaluator.evaluate(context, parsed)
        if own is not None:
            required = ":kms:" in resource_arn
            result = iam_evaluator.combine_resource_policy(result, context, own, self._account, required=required)
        return result.decision == "Allow"

    def needless(self, run: Sequence[Asked]) -> list[Mutation]:
        """What can be taken away from a role one at a time without anything in the run being denied."""
        asked: dict[tuple[str, str], list[Asked]] = {}
        for item in run:
            if item.allowed:
                asked.setdefault((item.role, item.action), []).append(item)
        return [
            mutation
            for mutation in self.mutations()
            if all(self.allow(item, mutation) for item in asked.get((mutation.role, mutation.action), []))
        ]

    def _arn(self, role: str) -> str:
        return next(arn for arn in self._arns if arn.endswith(f"/{role}"))

    @cached_property
    def _arns(self) -> set[str]:
        named = {
            arn
            for document in self.resources.values()
            for statement in document["Statement"]
            for arn in _principals(statement)
        }
        return {arn for arn in named if arn.rpartition("/")[2] in self.identity}

    def _named(self, statement: Document) -> list[str]:
        if statement["Effect"] != "Allow":
            return []
        return [arn.rpartition("/")[2] for arn in _principals(statement) if arn.rpartition("/")[2] in self.identity]


def read_run(path: Path, prefix: str) -> list[Asked]:
    """The decisions that a local cloud recorded on a platform's roles, without those on tests that took a role.

    Nor who somebody is: that may be asked without any permission.
    """
    run = [Asked(**json.loads(line)) for line in path.read_text().splitlines()]
    own = [asked for asked in run if asked.role.startswith(prefix) and asked.session not in TESTERS]
    return [asked for asked in own if asked.action != "sts:GetCallerIdentity"]


def _taken(document: Document, mutation: Mutation, principal: str | None = None) -> Document:
    """The document without the action, for one principal where the statement names several."""
    changed = copy.deepcopy(document)
    statement = changed["Statement"][mutation.statement]
    rest = [action for action in _list(statement["Action"]) if action != mutation.action]
    if principal and _principals(statement) != [principal]:
        others = [arn for arn in _principals(statement) if arn != principal]
        changed["Statement"].append({**statement, "Action": mutation.action, "Principal": {"AWS": others}})
    if rest:
        statement["Action"] = rest
    else:
        changed["Statement"].remove(statement)
    return changed


def _principals(statement: Document) -> list[str]:
    principal = statement.get("Principal")
    return _list(principal.get("AWS", [])) if isinstance(principal, dict) else []


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _identity(iam: Any, prefix: str) -> Iterator[tuple[str, dict[str, Document]]]:
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if not (name := role["RoleName"]).startswith(prefix):
                continue
            documents = {}
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                documents[policy] = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
                found = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
                documents[policy["PolicyName"]] = found["PolicyVersion"]["Document"]
            yield name, documents


def _buckets(s3: Any, prefix: str) -> Iterator[tuple[str, Document]]:
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith(prefix):
            yield f"arn:aws:s3:::{bucket['Name']}", json.loads(s3.get_bucket_policy(Bucket=bucket["Name"])["Policy"])


def _keys(kms: Any) -> Iterator[tuple[str, Document]]:
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            yield key["KeyArn"], json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])
