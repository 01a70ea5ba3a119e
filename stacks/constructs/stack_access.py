"""Who may look at a stack, and promote models in it."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from constructs import Construct

from stacks.constructs.scoped_role import ScopedPolicy
from stacks.identity.common import look_at_stack
from stacks.identity.retraining import promote_in
from stacks.names import Names


class StackLook(ScopedPolicy):
    """Who sees the state, the parameters and the outputs of the stack that it stands in.

    Args:
        lookers: kinds of job or personas, as in `Names.role`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: Names, lookers: Sequence[str]) -> None:
        stack = Stack.of(scope)
        super().__init__(
            scope,
            construct_id,
            description=f"See the state and the parameters of {stack.stack_name}",
            grants=[look_at_stack(stack.stack_id)],
            path=names.path,
            roles=[names.role(job) for job in lookers],
        )


class StackAccess(Construct):
    """Policies on the stack that they stand in, which alone knows its id, for roles that were made before.

    Args:
        lookers: kinds of job, as in `Names.role`, that read the stack's parameters besides the retraining run.
        promoters: who promotes models in the stack besides it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: Names,
        lookers: Sequence[str] = (),
        promoters: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        StackLook(self, "LookPolicy", names=names, lookers=["retraining", *lookers])
        ScopedPolicy(
            self,
            "PromotePolicy",
            description=f"Promote models in {stack.stack_name}",
            grants=promote_in(names, stack.stack_id),
            path=names.path,
            roles=[names.role(job) for job in ("retraining", *promoters)],
        )
