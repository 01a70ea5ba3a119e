"""POST /labels: what turned out about an event, for its entities' profiles and for the monitors."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fraud.api.schemas import LABELS
from fraud.cards import find_card_number
from fraud.event_types import limits
from fraud.event_types.payload import shown_name
from fraud.event_types.times import iso_instant
from fraud.features.columns import ProfileError
from fraud.features.online import OnlineEngine, ProfileKey
from inference_code.scoring import problems
from inference_code.scoring.endpoint import inference_id
from inference_code.scoring.store import Conflict, Store

GROUND_TRUTH = "ground-truth"
PATIENCE_SECONDS = 8.0
_MICROSECONDS = 1_000_000
_FIELDS = {"id", "label", "at"}


class Labels:
    """Records labels; the latest one counts."""

    def __init__(
        self,
        engine: OnlineEngine,
        store: Store,
        s3: Any,
        bucket: str,
        max_future_seconds: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine, self._store, self._s3, self._bucket = engine, store, s3, bucket
        self._max_future, self._clock, self._sleep = max_future_seconds, clock, sleep

    def record(self, payload: Any) -> dict[str, Any]:
        """Record a label; the same label again changes nothing.

        Raises Problem: 422 for invalid fields, 404 for an unknown event, 503 when its profiles are busy.
        """
        identifier, label, arrival = self._read(payload)
        deadline = self._clock() + PATIENCE_SECONDS
        while True:
            decision = self._store.decision(identifier)
            if decision is None:
                raise problems.unknown("decision with this id")
            if arrival < decision["instant"]:
                raise problems.invalid([("at", "is before the event itself")])
            if decision.get("label") != label:
                try:
                    self._write(decision, label, arrival)
                except Conflict:
                    if self._clock() > deadline:
                        raise problems.busy() from None
                    self._sleep(random.uniform(0, 0.05))
                    continue
            # After the tables and every time: a repeat mends a file that could not be written.
            self._write_ground_truth(decision, label)
            return {"id": identifier, "label": label}

    def _read(self, payload: Any) -> tuple[str, str, int]:
        found = find_card_number(payload, {"at"})
        if found is not None:
            raise problems.card_number(found)
        if not isinstance(payload, dict):
            raise problems.malformed("A JSON object is expected.")
        faults = [(shown_name(name), "unknown field") for name in payload if name not in _FIELDS]
        identifier, label = payload.get("id"), payload.get("label")
        if isinstance(identifier, bool) or not isinstance(identifier, (str, int)) or identifier == "":
            faults.append(("id", "a text or a whole number is needed"))
        elif not limits.ID.fullmatch(str(identifier)):
            faults.append(("id", "the id of a transaction is needed, as it was sent"))
        if label not in LABELS:
            faults.append(("label", f"one of {', '.join(LABELS)} is needed"))
        arrival = self._arrival(payload.get("at"), faults)
        if faults:
            raise problems.invalid(faults)
        return str(identifier), label, arrival

    def _arrival(self, at: Any, faults: list[tuple[str, str]]) -> int:
        now = int(self._clock() * _MICROSECONDS)
        if at is None:
            return now
        instant = iso_instant(at)
        if instant is None:
            faults.append(("at", "an ISO 8601 time is needed, for example 2026-01-31T12:00:00Z"))
            return now
        if instant > now + self._max_future * _MICROSECONDS:
            faults.append(("at", "is in the future"))
        return instant

    def _write(self, decision: dict[str, Any], label: str, arrival: int) -> None:
        """Count the fraud in each profile, or withdraw it; the label and the profiles change together."""
        known_before = {tuple(key): known for *key, known in json.loads(decision.get("label_known", "[]"))}
        clocks = {ProfileKey(entity, value): clock for entity, value, clock in json.loads(decision["clocks"])}
        known: dict[ProfileKey, int] = {}
        profiles: dict[ProfileKey, bytes] = {}
        versions: dict[ProfileKey, int] = {}
        if label == "fraud" or known_before:
            snapshot = self._store.read(decision["id"], tuple(clocks))
            versions = snapshot.versions
            for key, clock in clocks.items():
                if label == "fraud":
                    known[key] = self._engine.known_from(clock, arrival)
                    when, delta = known[key], 1
                else:
                    when, delta = known_before[tuple(key)], -1
                try:
                    stored = snapshot.profiles.get(key)
                    profiles[key] = self._engine.apply_label(key.entity, stored, decision["instant"], when, delta)
                except ProfileError:
                    # It is begun anew with the entity's next event.
                    continue
        changes = {
            "label": label,
            "label_at": arrival,
            "label_known": json.dumps([[*key, instant] for key, instant in known.items()]),
        }
        expires = int(self._clock()) + (self._engine.event_type.history_days + 2) * 86_400
        revision = decision.get("label_revision", 0)
        self._store.label(decision["id"], changes, revision, profiles, versions, expires)

    def _write_ground_truth(self, decision: dict[str, Any], label: str) -> None:
        """One line in Model Monitor's form, in the folder of the hour in which the event was decided."""
        event_id = inference_id(decision["id"])
        answer = json.loads(decision["answer"]) if "answer" in decision else {}
        hour = datetime.fromisoformat(answer.get("decided_at") or decision["timestamp"])
        line = {
            "groundTruthData": {"data": "1" if label == "fraud" else "0", "encoding": "CSV"},
            "eventMetadata": {"eventId": event_id},
            "eventVersion": "0",
        }
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{GROUND_TRUTH}/{hour:%Y/%m/%d/%H}/{quote(event_id, safe='')}.jsonl",
            Body=json.dumps(line).encode() + b"\n",
        )
