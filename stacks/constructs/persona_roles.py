"""The roles that people take on, for an hour at a time."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant, ObjectGrant, ScopedPolicy, boundary_policy
from stacks.identity import personas
from stacks.names import Names
from stacks.network.placement import Placement


class PersonaRoles(Construct):
    """A role for each persona; `objects` is what each may do with objects, by the role's ARN.

    Args:
        jobs: the platform's other roles, as Names.role() takes them, which the auditor reads.
        registry: the policy of whoever sees registered models.
        release: policies of whoever withdraws a challenger.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: PlatformConfig,
        names: Names,
        jobs: Sequence[str],
        registry: ScopedPolicy,
        release: Sequence[ScopedPolicy],
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = names
        self.objects: dict[str, list[ObjectGrant]] = {}
        people = config.identity.personas
        look = self._shared("Look", "See what is deployed and how it fares", personas.look(names, config))
        follow = self._shared("Follow", "Follow runs and read their jobs' logs", personas.follow(names, config))
        engineer = personas.platform_engineer(names, config)
        shared = (look, follow, registry)
        self._role("platform-engineer", "Operates the platform", people.platform_engineer, engineer, *shared, *release)
        scientist = personas.data_scientist(names, Placement.of(config, names))
        self._role("data-scientist", "Trains models", people.data_scientist, scientist, *shared)
        analyst = personas.analyst(names, config)
        self._role("analyst", "Writes rules and works on cases", people.analyst, analyst)
        self._auditor(config, [*jobs, *personas.PERSONAS], look)

    def _auditor(self, config: PlatformConfig, roles: Sequence[str], look: ScopedPolicy) -> None:
        """An auditor reads every policy of this stack, except the auditor's own three."""
        made = Stack.of(self).node.find_all()
        arns = [policy.managed_policy_arn for policy in made if isinstance(policy, ScopedPolicy)]
        # Two, since a policy has room for some forty ARNs.
        who = self._shared("AuditRoles", "Read the platform's roles", personas.read_roles(self._names, roles))
        what = self._shared("AuditPolicies", "Read what they may do", personas.read_policies(arns))
        grants = personas.auditor(self._names, config)
        people = config.identity.personas.auditor
        self._role("auditor", "Looks at how all of it is set up", people, grants, look, who, what)

    def _shared(self, name: str, description: str, grants: Sequence[Grant]) -> ScopedPolicy:
        return ScopedPolicy(self, f"{name}Policy", description=description, grants=grants, path=self._names.path)

    def _role(
        self,
        persona: str,
        description: str,
        principals: Sequence[str],
        grants: Sequence[Grant | ObjectGrant],
        *shared: ScopedPolicy,
    ) -> None:
        name = "".join(word.capitalize() for word in persona.split("-"))
        own = self._shared(name, description, [grant for grant in grants if isinstance(grant, Grant)])
        objects = [grant for grant in grants if isinstance(grant, ObjectGrant)]
        if objects:
            self.objects[self._names.role_arn(persona)] = objects
        iam.Role(
            self,
            f"{name}Role",
            role_name=self._names.role(persona),
            path=self._names.path,
            permissions_boundary=boundary_policy(self, self._names.boundary_arn),
            description=description,
            assumed_by=self._people(name, principals),
            managed_policies=[own, *shared],
        )

    def _people(self, name: str, arns: Sequence[str]) -> iam.IPrincipal:
        if not arns:
            # A second factor is known of users who sign in themselves, not of those whom a provider vouches for.
            return iam.AccountRootPrincipal().with_conditions({"Bool": {"aws:MultiFactorAuthPresent": "true"}})
        roles = [arn for arn in arns if ":role/" in arn]
        providers = [arn for arn in arns if arn not in roles]
        # The account with a condition, not the role: a role that is made anew would be another principal, and no
        # principal may end in an asterisk.
        accounts = {account: [r for r in roles if r.split(":")[4] == account] for account in _accounts(roles)}
        people: list[iam.IPrincipal] = [
            iam.AccountPrincipal(account).with_conditions({"ArnLike": {"aws:PrincipalArn": its}})
            for account, its in accounts.items()
        ]
        for place, arn in enumerate(providers):
            provider = iam.SamlProvider.from_saml_provider_arn(self, f"{name}Provider{place}", arn)
            people.append(iam.SamlConsolePrincipal(provider))
        return iam.CompositePrincipal(*people)


def _accounts(arns: Sequence[str]) -> list[str]:
    return sorted({arn.split(":")[4] for arn in arns})
