"""From the JSON or YAML form of a rule set to its model and back, with errors that name the rule and the field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud.decisions.model import DEFAULT_OUTCOMES, MODES, Rule, RuleSet

NAME = re.compile(r"^[a-z][a-z0-9_-]{0,62}$")
LIST_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
MOST_RULES = 500
MOST_TEXTS = 100_000
_FIELDS = {"mode", "outcomes", "default", "version", "lists", "rules"}
_RULE_FIELDS = {"name", "when", "outcome", "shadow", "description"}


@dataclass(frozen=True)
class RuleFault:
    """What is wrong: in which rule ("" for the set itself), where in its condition (from 1; 0: nowhere), and why."""

    rule: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f", line {self.line}, column {self.column}" if self.line else ""
        return f"rule {self.rule}{place}: {self.message}" if self.rule else self.message


class RuleError(ValueError):
    """A rule set cannot be used; `faults` has everything found."""

    def __init__(self, faults: Sequence[RuleFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def from_mapping(body: Any) -> RuleSet:
    """Return the rule set that a mapping (as read from JSON or YAML) describes; conditions are not looked at.

    Raises RuleError with every fault found.
    """
    if not isinstance(body, Mapping):
        raise RuleError([RuleFault("", "a rule set is a mapping with the field `rules`")])
    faults = [_unknown("", key, _FIELDS) for key in body if key not in _FIELDS]
    outcomes = _texts(body.get("outcomes", DEFAULT_OUTCOMES), "outcomes", faults)
    lists = _lists(body.get("lists") or {}, faults)
    rules = _rules(body.get("rules"), outcomes, faults)
    mode, default = body.get("mode", MODES[0]), body.get("default", outcomes[0] if outcomes else "")
    version = body.get("version", 0)
    if mode not in MODES:
        faults.append(RuleFault("", f"mode: {mode!r} is not one of {', '.join(MODES)}"))
    if default not in outcomes:
        faults.append(RuleFault("", f"default: {default!r} is not among the outcomes {', '.join(outcomes)}"))
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        faults.append(RuleFault("", f"version: {version!r} is not a whole number of at least 0"))
    if faults:
        raise RuleError(faults)
    return RuleSet(rules, mode, outcomes, default, version, lists)


def to_mapping(ruleset: RuleSet) -> dict[str, Any]:
    """Return the form that `from_mapping` reads back to an equal rule set."""
    rules = []
    for rule in ruleset.rules:
        body = {"name": rule.name, "when": rule.when, "outcome": rule.outcome}
        rules.append(body | ({"shadow": True} if rule.shadow else {}) | _stated("description", rule.description))
    return {
        "version": ruleset.version,
        "mode": ruleset.mode,
        "outcomes": list(ruleset.outcomes),
        "default": ruleset.default,
        "lists": {name: list(texts) for name, texts in ruleset.lists.items()},
        "rules": rules,
    }


def _rules(body: Any, outcomes: Sequence[str], faults: list[RuleFault]) -> tuple[Rule, ...]:
    if not isinstance(body, Sequence) or isinstance(body, str):
        faults.append(RuleFault("", "rules: a list of rules is needed (it may be empty)"))
        return ()
    if len(body) > MOST_RULES:
        faults.append(RuleFault("", f"rules: {len(body)} are more than {MOST_RULES}"))
    rules: list[Rule] = []
    for number, item in enumerate(body, 1):
        if not isinstance(item, Mapping):
            faults.append(RuleFault("", f"rules: number {number} is no mapping with name, when and outcome"))
            continue
        name = item.get("name")
        if not isinstance(name, str) or not NAME.match(name):
            allowed = "lower-case letters, digits, '-' and '_', at most 63"
            faults.append(RuleFault("", f"rules: number {number} needs a name of {allowed}"))
            continue
        faults += [_unknown(name, key, _RULE_FIELDS) for key in item if key not in _RULE_FIELDS]
        if name in {rule.name for rule in rules}:
            faults.append(RuleFault(name, "the name is used twice"))
        when, outcome, shadow = item.get("when"), item.get("outcome"), item.get("shadow", False)
        if not isinstance(when, str) or not when.strip():
            faults.append(RuleFault(name, 'when: a condition is needed, for example "score > 900"'))
        if outcome not in outcomes:
            faults.append(RuleFault(name, f"outcome: {outcome!r} is not among the outcomes {', '.join(outcomes)}"))
        if not isinstance(shadow, bool):
            faults.append(RuleFault(name, "shadow: true or false"))
        rules.append(Rule(name, str(when), str(outcome), shadow is True, str(item.get("description") or "")))
    return tuple(rules)


def _lists(body: Any, faults: list[RuleFault]) -> dict[str, tuple[str, ...]]:
    if not isinstance(body, Mapping):
        faults.append(RuleFault("", "lists: a mapping from names to lists of texts is needed"))
        return {}
    lists = {}
    for name, texts in body.items():
        if not isinstance(name, str) or not LIST_NAME.match(name):
            faults.append(RuleFault("", f"lists: {name!r}: lower-case letters, digits and '_' are allowed in names"))
            continue
        lists[name] = _texts(texts, f"lists.{name}", faults)
        if len(lists[name]) > MOST_TEXTS:
            faults.append(RuleFault("", f"lists.{name}: {len(lists[name])} texts are more than {MOST_TEXTS}"))
    return lists


def _texts(value: Any, field: str, faults: list[RuleFault]) -> tuple[str, ...]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_list or not all(isinstance(item, str) and item for item in value):
        faults.append(RuleFault("", f"{field}: a list of texts is needed (quote numbers)"))
        return ()
    if len(set(value)) < len(value):
        faults.append(RuleFault("", f"{field}: each text once"))
    return tuple(value)


def _unknown(rule: str, key: Any, allowed: set[str]) -> RuleFault:
    return RuleFault(rule, f"{key}: unknown field; allowed are {', '.join(sorted(allowed))}")


def _stated(key: str, value: str) -> dict[str, str]:
    return {key: value} if value else {}
