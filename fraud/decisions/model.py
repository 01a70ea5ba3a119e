"""What a rule set says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MODES = ("first-match", "all-match")
"""First-match: the first rule that fires decides. All-match: the most severe outcome of the rules that fire does."""
DEFAULT_OUTCOMES = ("approve", "review", "decline")


@dataclass(frozen=True)
class Rule:
    """A condition and the outcome it leads to; a shadow rule is evaluated and reported, and decides nothing."""

    name: str
    when: str
    outcome: str
    shadow: bool = False
    description: str = ""


@dataclass(frozen=True)
class RuleSet:
    """Rules in order, with the outcomes they may name from the mildest to the most severe.

    `default` is the outcome when no rule fires. `lists` are texts by the name of their list.
    """

    rules: tuple[Rule, ...]
    mode: str = "first-match"
    outcomes: tuple[str, ...] = DEFAULT_OUTCOMES
    default: str = DEFAULT_OUTCOMES[0]
    version: int = 0
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
