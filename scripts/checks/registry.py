"""The registry of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, ProfileNotFound

from scripts.retraining.errors import AWS_ERRORS, denied, explain, unanswered, without_credentials
from stacks.config import PlatformConfig

Status = Literal["ok", "warning", "error"]
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Finding:
    """What a check found: `warning` may be deployed, `error` will fail; `remedy` says what to do about either.

    `final`: no other check can find anything out.
    """

    status: Status
    message: str
    remedy: str = ""
    final: bool = False


@dataclass(frozen=True)
class Context:
    """What checks look at: the environment's configuration, and boto3's session of the account."""

    config: PlatformConfig
    session: Any
    probe: bool = False
    # The CDK's bootstrap that the deployment uses.
    qualifier: str = "hnb659fds"

    def client(self, service: str) -> Any:
        """A boto3 client in the configuration's region."""
        return self.session.client(service, region_name=self.config.region)

    @property
    def partition(self) -> str:
        """The partition of the configuration's region."""
        return self.client("sts").meta.partition

    @property
    def local(self) -> bool:
        """Whether this is no AWS but a cloud on some machine, which has not everything to look at."""
        host = urlsplit(self.client("sts").meta.endpoint_url).hostname or ""
        return not host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


Check = Callable[[Context], Iterable[Finding]]
CHECKS: dict[str, tuple[str, Check]] = {}


def check(name: str, question: str) -> Callable[[Check], Check]:
    """Register a check under a name; `question` is what it answers."""

    def register(function: Check) -> Check:
        CHECKS[name] = (question, function)
        return function

    return register


def run(name: str, context: Context) -> Iterator[Finding]:
    """The findings of a check; what AWS refuses is a finding as well, and what a local cloud lacks a warning."""
    try:
        yield from CHECKS[name][1](context)
    except AWS_ERRORS as error:
        yield failure(error, local=context.local, first=name == "account")


def failure(error: Exception, *, local: bool, first: bool = True) -> Finding:
    """What an error of botocore's means for a check; where the `first` reaches nobody, none does."""
    told = explain(error)
    if without_credentials(error) or isinstance(error, ProfileNotFound):
        return Finding("error", f"nobody can be asked: {told}", "correct the credentials, and run this again", True)
    if unanswered(error):
        remedy = "correct AWS_ENDPOINT_URL, the region in cdk.json or the network's way out, and run this again"
        return Finding("error", f"could not be looked at: {told}", remedy, first)
    if denied(error):
        return Finding("error", f"could not be looked at: {told}", "give the caller this permission")
    if local:
        return Finding("warning", f"cannot be judged in a local cloud: {_lacking(error, told)}", "ask the AWS account")
    return Finding("error", f"could not be looked at: {told}", "run this again; if it stays so, ask AWS's support")


def _lacking(error: Exception, told: str) -> str:
    known = isinstance(error, ClientError) and error.response["Error"].get("Message")
    return told if known else f"it does not know {getattr(error, 'operation_name', told)}"
