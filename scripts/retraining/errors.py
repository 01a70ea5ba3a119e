"""Errors an operator can act upon, and the words for those that botocore raises."""

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_REJECTED = 3

_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidSignatureException",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_SKEWED = "RequestTimeTooSkewed"
_SKEWED_TEXTS = ("Signature expired", "Signature not yet current")
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_SIGN_ON = (UnauthorizedSSOTokenError, TokenRetrievalError)
_TOO_SLOW = (ReadTimeoutError, ConnectTimeoutError)
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"}


class OperatorError(Exception):
    """A failure with a remedy, to be shown without a traceback; ``exit_code`` is the command's."""

    exit_code = EXIT_FAILED


class InputError(OperatorError):
    """The caller's data or options are at fault; nothing has been started or uploaded."""

    exit_code = EXIT_BAD_INPUT


def error_code(error: ClientError) -> str:
    """The service's own code of an error, e.g. ``ThrottlingException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def without_credentials(error: Exception) -> bool:
    """Whether the caller has none that are any good, so that nothing else can be asked either."""
    if isinstance(error, ClientError):
        return error_code(error) in {*_EXPIRED, _SKEWED}
    return isinstance(error, (NoCredentialsError, PartialCredentialsError, *_SIGN_ON))


def unanswered(error: Exception) -> bool:
    """Whether nobody was reached."""
    return isinstance(error, (EndpointConnectionError, ResponseParserError, *_TOO_SLOW))


def denied(error: Exception) -> bool:
    """Whether the caller lacks a permission."""
    return isinstance(error, ClientError) and error_code(error) in _DENIED


def explain(error: Exception) -> str:
    """What went wrong and what to do, for an error raised by botocore or boto3."""
    if isinstance(error, Boto3Error) and isinstance(error.__context__, AWS_ERRORS):
        # A transfer in parts hides what ended it.
        return explain(error.__context__)
    if isinstance(error, ClientError):
        return _explain_client_error(error)
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return "No AWS credentials were found: set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    if isinstance(error, ProfileNotFound):
        return f"There is no profile {error.kwargs.get('profile')} in ~/.aws/config: correct AWS_PROFILE."
    if isinstance(error, _SIGN_ON):
        return f"The single sign-on session has expired: run `aws sso login` and try again ({error})."
    if isinstance(error, NoRegionError):
        return "No region is configured: give --region or set AWS_DEFAULT_REGION."
    if isinstance(error, EndpointConnectionError):
        return (
            f"Nothing answers at {error.kwargs.get('endpoint_url')}: is the network up, and the local cloud "
            "(`python -m local_cloud status`) where you use one?"
        )
    if isinstance(error, ResponseParserError):
        return "What answers is neither AWS nor a local cloud: is there a proxy between, or is the port another's?"
    if isinstance(error, _TOO_SLOW):
        return f"The service did not answer in time: {error}. Run the same command again; it takes up where it was."
    return f"{type(error).__name__}: {error}"


def _explain_client_error(error: ClientError) -> str:
    code, operation = error_code(error), error.operation_name
    message = error.response.get("Error", {}).get("Message", "")
    if code == _SKEWED or message.startswith(_SKEWED_TEXTS):
        return f"This machine's clock differs from AWS's by minutes: set it, as by NTP, and run again ({message})."
    if code in _EXPIRED:
        return f"The AWS credentials are expired or invalid ({code} from {operation}): renew them and run again."
    if code in _DENIED:
        return f"These credentials may not call {operation}: {message}"
    if code in _THROTTLED:
        return f"{operation} is still throttled after retries ({code}): wait a minute and run the same command again."
    return f"{operation} failed: {code}: {message}"


AWS_ERRORS = (Boto3Error, BotoCoreError, ClientError, ResponseParserError)
