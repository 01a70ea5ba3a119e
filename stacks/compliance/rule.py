"""What a rule is: one question about resources of some types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stacks.compliance.template import Resource


@dataclass(frozen=True)
class Context:
    """What an environment promises: where `removal` is retain, what holds data outlives its stack."""

    removal: Literal["destroy", "retain"] = "retain"


@dataclass(frozen=True)
class Rule:
    """`check` returns whether a resource complies; `remedy` says what to change where it does not."""

    id: str
    kinds: tuple[str, ...]
    remedy: str
    check: Callable[[Resource, Context], bool]


@dataclass(frozen=True)
class Finding:
    """A resource that does not comply."""

    rule: str
    stack: str
    logical_id: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.stack}/{self.logical_id}: {self.remedy}"


def rule(identity: str, *kinds: str, remedy: str) -> Callable[[Callable[[Resource, Context], bool]], Rule]:
    """Make a rule of the function below it."""
    return lambda check: Rule(identity, kinds, remedy, check)
