"""What state machines call: SageMaker's optimised integrations and the AWS SDK integrations."""

import contextlib
from collections.abc import Iterator
from typing import Any


class IntegrationError(Exception):
    """A task that failed, with the error name and cause that Retry and Catch see."""

    def __init__(self, error: str, cause: str):
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


@contextlib.contextmanager
def acting(role_arn: str) -> Iterator[None]:
    """Run a task as its machine's role.

    Raises:
        IntegrationError: Step Functions cannot assume the role.
    """
    from local_cloud.authorization import Refused, acting_as

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(acting_as(role_arn, "states.amazonaws.com"))
        except Refused as refused:
            raise IntegrationError("States.Runtime", str(refused)) from None
        yield


def encrypt(role_arn: str, machine_arn: str) -> None:
    """Ask the machine's role for the customer's key, if it has one, that executions are encrypted with.

    Raises:
        IntegrationError: the role may not use the key; no execution starts.
    """
    from local_cloud.authorization import Refused, acting_as, keys

    try:
        with acting_as(role_arn, "states.amazonaws.com"):
            keys.execute(machine_arn)
    except Refused as refused:
        raise IntegrationError("KmsAccessDeniedException", str(refused)) from None


def authorize(resource: str, arguments: Any) -> None:
    """Ask the role for what a task does in process.

    Raises:
        IntegrationError: the role may not.
    """
    from local_cloud.authorization import Refused, states

    try:
        states.task(resource, arguments)
    except Refused as refused:
        raise IntegrationError("States.TaskFailed", str(refused)) from None
