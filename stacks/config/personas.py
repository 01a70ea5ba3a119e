"""People: the roles that they take on, and who may."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stacks.config.base import Frozen

PrincipalArn = Annotated[
    str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role/[\w+=,.@/-]+\*?|saml-provider/[\w.-]+)$")
]
_WHO = (
    "ARNs of roles (which may end in `*`, as the names of IAM Identity Center's do) and of SAML providers. Empty: the "
    "account's own users and roles that have `sts:AssumeRole`, signed in with a second factor."
)


class PersonasConfig(Frozen):
    """Roles of people, and who may take them on; docs/security.md has what each can do."""

    enabled: bool = Field(True, description="Whether there are any; false for accounts that have roles of their own.")
    engineers_deploy: bool = Field(
        False,
        description="Whether platform engineers also take on the CDK's bootstrap roles. CloudFormation's among them "
        "may do anything in the account, unless it was bootstrapped otherwise: who deploys can give himself the rest.",
    )
    platform_engineer: tuple[PrincipalArn, ...] = Field((), description=f"Who operates the platform. {_WHO}")
    data_scientist: tuple[PrincipalArn, ...] = Field((), description="Who trains models; as above.")
    analyst: tuple[PrincipalArn, ...] = Field((), description="Who writes rules and works on cases; as above.")
    auditor: tuple[PrincipalArn, ...] = Field((), description="Who looks at how all of it is set up; as above.")
