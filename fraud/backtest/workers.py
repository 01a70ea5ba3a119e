"""Evaluating rules on many rows in a process of its own; imports nothing that is slow to start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraud.decisions import Rules, RuleSet, compile_rules
from fraud.event_types.model import EventType

NOT, FIRED, SKIPPED = 0, 1, 2
"""What a rule does on an event."""
_CODES = {False: NOT, True: FIRED, None: SKIPPED}
_rules: Rules | None = None


def start(ruleset: RuleSet, event_type: EventType) -> None:
    """Compile the rules of this process."""
    global _rules
    _rules = compile_rules(ruleset, event_type)


def work(which: Sequence[int], columns: Mapping[str, list[Any]]) -> bytes:
    """Evaluate by the rules of this process; see `evaluate`."""
    assert _rules is not None
    return evaluate(_rules, which, columns)


def evaluate(rules: Rules, which: Sequence[int], columns: Mapping[str, list[Any]]) -> bytes:
    """Return what each of the rules at positions `which` does on each row, row by row; `columns` have no None."""
    names = tuple(columns)
    codes = bytearray()
    for row in zip(*columns.values(), strict=True):
        results = rules.evaluate(dict(zip(names, row, strict=True)), which)
        codes.extend([_CODES[result] for result in results])
    return bytes(codes)
