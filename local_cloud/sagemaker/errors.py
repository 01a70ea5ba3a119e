"""Errors that reach the client as SageMaker's own error codes."""


class SageMakerError(Exception):
    """A refusal with the error code, message and HTTP status that boto3 shows."""

    code = "ValidationException"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None):
        super().__init__(message)
        self.code = code or self.code
        self.status = status or self.status


class ValidationError(SageMakerError):
    """A request that SageMaker's API would not accept, or names something that does not exist."""


class ResourceNotFound(SageMakerError):
    code = "ResourceNotFound"


class ResourceInUse(SageMakerError):
    code = "ResourceInUse"


class ConflictError(SageMakerError):
    code = "ConflictException"


class AccessDenied(SageMakerError):
    code = "AccessDeniedException"


class NotImplementedHere(SageMakerError):
    """An operation of the AWS API that the local cloud does not offer."""

    code = "UnknownOperationException"

    def __init__(self, operation: str):
        super().__init__(f"{operation} is not available in the local cloud; docs/local-cloud.md lists what is.")
