"""What state machines call: SageMaker's optimised integrations and the AWS SDK integrations."""


class IntegrationError(Exception):
    """A task that failed, with the error name and cause that Retry and Catch see."""

    def __init__(self, error: str, cause: str):
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause
