"""The rules of the moment, from their table; checked, compiled, and kept for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fraud.decisions import RuleError, Rules, compile_rules, default_ruleset, from_mapping
from fraud.event_types.model import EventType
from inference_code.scoring.rule_table import POINTER, RULESET, RuleTable, list_name

KEPT_SECONDS = 30


class ActiveRules:
    """Gives the active rule set, and the one before when the active one cannot be used.

    The texts of a list are those of its version in force; a list that was never published has the texts that the rule
    set itself states.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        event_type: EventType,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table, self._event_type = RuleTable(client, table), event_type
        self._warn, self._clock = warn, clock
        self._rules = compile_rules(default_ruleset(), event_type)
        self._until = 0.0
        self._versions: dict[str, int] = {}
        # Versions never change: each is read once.
        self._bodies: dict[tuple[str, int], Any] = {}

    def get(self) -> Rules:
        """Return the compiled rules."""
        now = self._clock()
        if now >= self._until:
            self._until = now + KEPT_SECONDS
            try:
                self._refresh()
            except RuleError as error:
                self._warn(f"the active rules cannot be used, those before stay: {error.faults[0]}")
            except LookupError as error:
                self._warn(f"the active rules cannot be read, those before stay: {error}")
            except Exception as error:  # whatever the table answers, payments are decided
                self._warn(f"the active rules cannot be read, those before stay: {type(error).__name__}")
        return self._rules

    def _refresh(self) -> None:
        version = self._table.active(RULESET)
        if version == POINTER:
            return
        body = self._body(RULESET, version)
        versions = {RULESET: version}
        versions |= {list_name(name): self._table.active(list_name(name)) for name in body.get("lists") or {}}
        if versions == self._versions:
            return
        lists = {
            name: self._body(list_name(name), versions[list_name(name)]) if versions[list_name(name)] else texts
            for name, texts in (body.get("lists") or {}).items()
        }
        ruleset = from_mapping({**body, "lists": lists})
        self._rules = compile_rules(replace(ruleset, version=version), self._event_type)
        self._versions = versions
        self._bodies = {key: kept for key, kept in self._bodies.items() if versions.get(key[0]) == key[1]}

    def _body(self, name: str, version: int) -> Any:
        key = (name, version)
        if key not in self._bodies:
            self._bodies[key] = self._table.body(name, version)
        return self._bodies[key]
