"""Roles: where they are filed, what bounds them, and who looks after the keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stacks.config.base import Frozen
from stacks.config.personas import PersonasConfig

RoleArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$")]


class IdentityConfig(Frozen):
    """Roles and policies."""

    path: str = Field(
        "/",
        pattern=r"^/([\w+=,.@-]+/)*$",
        max_length=128,
        description="IAM path of every role and policy, such as `/fraud/`.",
    )
    permissions_boundary: str | None = Field(
        None,
        pattern=r"^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/)?[\w+=,.@/-]+$",
        description="Permissions boundary of every role: the ARN of a managed policy, or its name (with its path) in "
        "the account of the deployment.",
    )
    key_administrators: tuple[RoleArn, ...] = Field(
        (),
        description="ARNs of the roles that alone administer the keys; empty leaves that to the account's "
        "administrators. Name at least two: a key whose administrators are gone can only be recovered by AWS Support.",
    )
    personas: PersonasConfig = Field(PersonasConfig(), description="Roles of people.")
