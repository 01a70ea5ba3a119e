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
