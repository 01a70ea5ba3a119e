"""POST /transactions: an event is counted once, scored, and decided once."""

from __future__ import annotations

import hashlib
import json
import random
import struct
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Protocol

from fraud.cards import find_card_number
from fraud.decisions import Rules
from fraud.event_types.event import Event
from fraud.event_types.model import EventType
from fraud.event_types.payload import PayloadError, parse_event
from fraud.features.columns import ProfileError
from fraud.features.online import OnlineEngine, ProfileKey
from inference_code.scoring import problems
from inference_code.scoring.endpoint import Answer, Endpoint, Unavailable
from inference_code.scoring.settings import Settings
from inference_code.scoring.store import Conflict, Store

PATIENCE_SECONDS = 8.0
"""How long an event waits for others of its entities; a client's own timeout is longer."""
_LONGEST_PAUSE = 0.2
_DAY = 86_400
_MICROSECONDS = 1_000_000


class Reporter(Protocol):
    """Takes what is worth counting or warning about."""

    def count(self, metric: str) -> None:
        """Add one to a metric."""

    def warn(self, message: str) -> None:
        """Log a warning; it holds nothing of the event."""


class Transactions:
    """Scores and decides events of one type."""

    def __init__(
        self,
        event_type: EventType,
        settings: Settings,
        store: Store,
        endpoint: Endpoint,
        rules: Callable[[], Rules],
        reporter: Reporter,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.engine = OnlineEngine(event_type)
        self._event_type, self._settings = event_type, settings
        self._store, self._endpoint, self._rules, self._reporter = store, endpoint, rules, reporter
        self._clock, self._sleep = clock, sleep
        self._pack = struct.Struct(f"<{len(self.engine.feature_names)}d")
        self._exempt = {event_type.timestamp} - {None}

    def score(self, payload: Any) -> dict[str, Any]:
        """Return the decision on an event; a repeat returns the first one.

        Raises Problem: 422 for invalid fields and card numbers, 409 for the same id with other content, 503 when
        others kept the entities' profiles busy.
        """
        event = self._event(payload)
        fingerprint = fingerprint_of(payload)
        deadline = self._clock() + PATIENCE_SECONDS
        pause = 0.004
        while True:
            try:
                snapshot = self._store.read(event.id, self.engine.keys(event))
                if snapshot.decision is not None:
                    return self._repeat(event, fingerprint, snapshot.decision)
                record, profiles = self._next(event, payload, fingerprint, snapshot.profiles)
                self._store.reserve(record, profiles, snapshot, self.expiry_of_profiles(event))
            except Conflict:
                if self._clock() > deadline:
                    raise problems.busy() from None
                # Waiting for a random while lets one of those who wait be first.
                self._sleep(random.uniform(0, pause))
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            return self._decide(event, record)

    def expiry_of_profiles(self, event: Event) -> int:
        """Return when the profiles of an event may be forgotten, in seconds since 1970."""
        latest = max(event.instant / _MICROSECONDS, self._clock())
        return int(latest) + (self._event_type.history_days + 2) * _DAY

    def _event(self, payload: Any) -> Event:
        found = find_card_number(payload, self._exempt)
        if found is not None:
            raise problems.card_number(found)
        now = self._clock()
        try:
            event = parse_event(self._event_type, payload, int(now * _MICROSECONDS))
        except PayloadError as error:
            raise problems.invalid((fault.field, fault.message) for fault in error.faults) from None
        if event.instant > (now + self._settings.max_future_seconds) * _MICROSECONDS:
            field = self._event_type.timestamp or ""
            raise problems.invalid([(field, f"is more than {self._settings.max_future_seconds} s in the future")])
        return event

    def _next(
        self, event: Event, payload: Any, fingerprint: str, stored: Mapping[ProfileKey, bytes]
    ) -> tuple[dict[str, Any], dict[ProfileKey, bytes]]:
        """The decision to be made, and the profiles after the event."""
        try:
            advanced = self.engine.advance(event, stored)
        except ProfileError:
            # Payments go on; the entity's past is lost, which its metric says.
            self._reporter.warn("a stored profile is damaged and was begun anew")
            self._reporter.count("DamagedProfiles")
            advanced = self.engine.advance(event, {})
        if advanced.reset:
            self._reporter.count("ResetProfiles")
        record = {
            "id": event.id,
            "fingerprint": fingerprint,
            "status": "pending",
            "timestamp": _iso(event.instant),
            "instant": event.instant,
            "event": json.dumps(payload),
            "features": self._pack.pack(*advanced.features),
            "clocks": json.dumps([[*key, clock] for key, clock in advanced.clocks.items()]),
            "expires": int(self._clock()) + self._settings.retention_seconds,
        }
        for key in advanced.profiles:
            record[f"entity_{key.entity}"] = key.value
        return record, advanced.profiles

    def _repeat(self, event: Event, fingerprint: str, decision: dict[str, Any]) -> dict[str, Any]:
        if decision["fingerprint"] != fingerprint:
            self._reporter.count("ConflictingTransactions")
            raise problems.conflict("A transaction with this id and other content was decided before.")
        if decision["status"] == "pending":
            # The first request died, or is still under way: whoever is first to finish decides.
            return self._decide(event, decision)
        return json.loads(decision["answer"])

    def _decide(self, event: Event, record: Mapping[str, Any]) -> dict[str, Any]:
        features = list(self._pack.unpack(record["features"]))
        answer = self._ask(event, features)
        rules = self._rules()
        decision = rules.decide(
            event, features, answer.score if answer else None, answer.probability if answer else None
        )
        outcome = decision.outcome
        acted = any(not rule.shadow for rule in decision.fired)
        if answer is None and not acted and self._settings.fail_policy != "rules":
            outcome = rules.ruleset.outcomes[0 if self._settings.fail_policy == "open" else -1]
        body = {
            "id": event.id,
            "outcome": outcome,
            "score": answer.score if answer else None,
            "probability": answer.probability if answer else None,
            "reasons": answer.reasons if answer else [],
            "rules": [{"name": rule.name, "outcome": rule.outcome, "shadow": rule.shadow} for rule in decision.fired],
            "skipped_rules": list(decision.skipped),
            "rules_version": decision.rules_version,
            "model": answer.model if answer else None,
            "degraded": answer is None,
            "decided_at": _iso(int(self._clock() * _MICROSECONDS)),
        }
        changes = {
            "status": "decided",
            "outcome": outcome,
            "score": body["score"],
            "degraded": answer is None,
            "answer": json.dumps(body),
        }
        if not self._store.decide(event.id, changes):
            first = self._store.decision(event.id)
            return json.loads(first["answer"]) if first else body
        self._reporter.count("Decisions")
        if answer is None:
            self._reporter.count("DegradedDecisions")
        return body

    def _ask(self, event: Event, features: list[float]) -> Answer | None:
        try:
            return self._endpoint.ask(event.id, features)
        except Unavailable as error:
            self._reporter.warn(f"the model did not answer: {error}")
            return None


def fingerprint_of(payload: Any) -> str:
    """Return a digest that is the same for the same content, however it is written."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant / _MICROSECONDS, timezone.utc).isoformat(timespec="microseconds")
