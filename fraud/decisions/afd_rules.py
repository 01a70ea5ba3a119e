"""A detector of Amazon Fraud Detector as a rule set: its rules, their order and mode, and the outcomes they name.

Its answers to GetRules ({"ruleDetails": [...]}) and GetDetectorVersion ({"rules": [...], "ruleExecutionMode": ...})
are read as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud.decisions.afd import ConversionError, to_cel
from fraud.decisions.model import DEFAULT_OUTCOMES, Rule, RuleSet
from fraud.decisions.parsing import NAME, RuleError, RuleFault
from fraud.decisions.variables import variables_of
from fraud.event_types.model import EventType

_MODES = {"FIRST_MATCHED": "first-match", "ALL_MATCHED": "all-match"}
_MILD = re.compile(r"approve|allow|accept|pass|legit|genuine|ok$")
_SEVERE = re.compile(r"decline|deny|denied|block|reject|fraud|stop")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_LIST = re.compile(r"@([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True)
class Converted:
    """The rule set, and what a person should look at in it."""

    ruleset: RuleSet
    notes: tuple[str, ...]


def convert(
    rules: Any, event_type: EventType, detector: Any = None, names: Mapping[str, str] | None = None
) -> Converted:
    """Return the rule set that does what a detector's rules do.

    `rules` is GetRules' answer (or its list), `detector` GetDetectorVersion's: without it the mode is first-match and
    the rules are in the order given, each in its latest version. `names` maps their variables to ours; others are
    found by their names, whatever the case. Raises RuleError with what cannot be converted; the conditions still have
    to be compiled.
    """
    details = _chosen(_details(rules), detector)
    faults: list[RuleFault] = []
    notes: list[str] = []
    ours = {name.lower(): name for name in variables_of(event_type)}
    found: list[tuple[str, str, Sequence[str], str]] = []
    lists: dict[str, tuple[str, ...]] = {}
    for number, detail in enumerate(details, 1):
        name = _name(str(detail.get("ruleId") or f"rule-{number}"), {rule[0] for rule in found})
        expression, outcomes = detail.get("expression"), detail.get("outcomes")
        if not isinstance(expression, str) or not isinstance(outcomes, Sequence) or not outcomes:
            faults.append(RuleFault(name, "an expression and outcomes are needed, as GetRules gives them"))
            continue
        theirs = {name: ours[name.lower()] for name in _VARIABLE.findall(expression) if name.lower() in ours}
        try:
            when = to_cel(expression, theirs | dict(names or {}))
        except ConversionError as error:
            faults.append(RuleFault(name, str(error)))
            continue
        lists |= dict.fromkeys((listed.lower() for listed in _LIST.findall(expression)), ())
        when = re.sub(r"\blists\.([A-Za-z_][A-Za-z0-9_]*)", lambda match: match[0].lower(), when)
        found.append((name, when, list(map(str, outcomes)), str(detail.get("description") or "")))
    if faults:
        raise RuleError(faults)
    ordered = _outcomes(outcome for rule in found for outcome in rule[2])
    converted = []
    for name, when, outcomes, description in found:
        outcome = max(outcomes, key=ordered.index)
        if len(outcomes) > 1:
            notes.append(f"rule {name} has the outcomes {', '.join(outcomes)}: {outcome} was taken")
        converted.append(Rule(name, when, outcome, description=description))
    notes.append(f"outcomes from the mildest to the most severe, by their names: {', '.join(ordered)}")
    if any("score" in rule.when for rule in converted):
        notes.append("scores are on another scale here: choose thresholds by a backtest")
    notes += [f"list {name} is empty: publish its texts" for name in lists]
    mode = _MODES.get(str((detector or {}).get("ruleExecutionMode", "FIRST_MATCHED")), "first-match")
    return Converted(RuleSet(tuple(converted), mode, ordered, ordered[0], lists=lists), tuple(notes))


def _details(rules: Any) -> list[Mapping[str, Any]]:
    body = rules.get("ruleDetails") if isinstance(rules, Mapping) else rules
    if not isinstance(body, Sequence) or isinstance(body, str) or not all(isinstance(item, Mapping) for item in body):
        raise RuleError([RuleFault("", 'the answer of GetRules is needed: {"ruleDetails": [...]}')])
    return list(body)


def _chosen(details: list[Mapping[str, Any]], detector: Any) -> list[Mapping[str, Any]]:
    """The detector's rules in its order; without a detector, each rule's latest version."""
    by_version = {(str(detail.get("ruleId")), str(detail.get("ruleVersion", "1"))): detail for detail in details}
    if detector is None:
        latest: dict[str, tuple[int, Mapping[str, Any]]] = {}
        for position, detail in enumerate(details):
            key = str(detail.get("ruleId") or position)
            version = int(str(detail.get("ruleVersion", "1")) or 1)
            if key not in latest or version > latest[key][0]:
                latest[key] = (version, detail)
        return [detail for _, detail in latest.values()]
    wanted = detector.get("rules") if isinstance(detector, Mapping) else None
    if not isinstance(wanted, Sequence):
        raise RuleError([RuleFault("", 'the answer of GetDetectorVersion is needed: {"rules": [...]}')])
    keys = [(str(rule.get("ruleId")), str(rule.get("ruleVersion", "1"))) for rule in wanted]
    missing = [f"{name} version {version}" for name, version in keys if (name, version) not in by_version]
    if missing:
        raise RuleError([RuleFault("", f"the detector's rules are not among those given: {', '.join(missing)}")])
    return [by_version[key] for key in keys]


def _name(theirs: str, taken: set[str]) -> str:
    name = re.sub(r"[^a-z0-9_-]", "-", theirs.lower())[:60]
    name = name if NAME.match(name) else f"r-{name}"
    number, free = 2, name
    while free in taken:
        free, number = f"{name[:58]}-{number}", number + 1
    return free


def _outcomes(named: Iterable[str]) -> tuple[str, ...]:
    """Outcomes by what their names say; there is always one that lets an event pass."""
    found = dict.fromkeys(named)
    mild = [name for name in found if _MILD.search(name.lower()) and not _SEVERE.search(name.lower())]
    severe = [name for name in found if _SEVERE.search(name.lower())]
    between = [name for name in found if name not in mild and name not in severe]
    return tuple([*(mild or DEFAULT_OUTCOMES[:1]), *between, *severe])
