"""The registry of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from scripts.retraining.errors import AWS_ERRORS, explain
from stacks.config import PlatformConfig

Status = Literal["ok", "warning", "error"]
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Finding:
    """What a check found: `warning` may be deployed, `error` will fail; `remedy` says what to do about either."""

    status: Status
    message: str
    remedy: str = ""


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
        if context.local:
            yield Finding("warning", f"cannot be judged in a local cloud: {explain(error)}", "ask the AWS account")
            return
        yield Finding("error", f"could not be looked at: {explain(error)}", "give the caller this permission")
