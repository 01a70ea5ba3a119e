"""The registry of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from scripts.retraining.errors import AWS_ERRORS, explain
from stacks.config import PlatformConfig

Status = Literal["ok", "warning", "error"]


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

    def client(self, service: str) -> Any:
        """A boto3 client in the configuration's region."""
        return self.session.client(service, region_name=self.config.region)


Check = Callable[[Context], Iterable[Finding]]
CHECKS: dict[str, tuple[str, Check]] = {}


def check(name: str, question: str) -> Callable[[Check], Check]:
    """Register a check under a name; `question` is what it answers."""

    def register(function: Check) -> Check:
        CHECKS[name] = (question, function)
        return function

    return register


def run(name: str, context: Context) -> Iterator[Finding]:
    """The findings of a check; what AWS refuses is a finding as well."""
    try:
        yield from CHECKS[name][1](context)
    except AWS_ERRORS as error:
        yield Finding("error", f"could not be looked at: {explain(error)}", "give the caller this permission")
