"""The demo's traffic through the scoring API: profiles of what came before, the last week, and its labels."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import boto3
import polars as pl
from rich.console import Console

from fraud.event_types import EventType
from fraud.features import profiles as built
from scripts.scoring import history, profiles
from scripts.scoring.client import ScoringClient
from scripts.scoring.replay import Tally, replay, shown

CONNECTIONS = 8
_SHOWN = 5
"""Frauds and genuine transactions shown of the replay."""


@dataclass
class Live:
    """A deployed API and the history that it is shown with; `past` came before the days in `recent`."""

    client: ScoringClient
    event_type: EventType
    past: pl.DataFrame
    recent: pl.DataFrame
    tally: Tally | None = None
    labelled: int = 0
    sent: dict[str, history.Payload] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        client: ScoringClient,
        events: pl.DataFrame,
        event_type: EventType,
        days: float,
        most: int,
    ) -> Live:
        """Part the events by time; of the last days as many cards are replayed as have about `most` transactions."""
        past, recent = history.parted(events, event_type, days)
        return cls(client, event_type, past, history.some_cards(recent, event_type, most))

    def load_profiles(self, session: boto3.Session, table: str) -> int:
        """Write the profiles of the past; returns how many."""
        made = built.build(self.past, self.event_type)
        return profiles.write(session.client("dynamodb"), table, made, self.event_type.history_days)

    def replay(self, console: Console) -> Tally:
        """Post the recent transactions in their order."""
        for payload in history.payloads(self.recent, self.event_type):
            self.sent[payload.id] = payload
        total = len(self.sent)
        work: Callable[..., Tally] = lambda show: replay(  # noqa: E731
            self.client, self.sent.values(), total, CONNECTIONS, show
        )
        self.tally = shown(console, total, work)
        return self.tally

    def report_frauds(self) -> int:
        """Post the label of each replayed fraud, as a bank does when its customers complain; returns how many."""
        frauds = [payload.id for payload in self.sent.values() if payload.is_fraud]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            self.labelled = len(list(pool.map(lambda identifier: self.client.label(identifier, "fraud"), frauds)))
        return self.labelled

    def ten_decisions(self, seed: int) -> list[dict[str, Any]]:
        """Frauds and genuine transactions of the replay, with what was decided and the strongest reason."""
        random_ = random.Random(seed)
        picked: list[history.Payload] = []
        for is_fraud in (True, False):
            some = [payload for payload in self.sent.values() if payload.is_fraud is is_fraud]
            picked += random_.sample(some, min(_SHOWN, len(some)))
        return [self._decided(payload) for payload in sorted(picked, key=lambda payload: str(payload.id))]

    def _decided(self, payload: history.Payload) -> dict[str, Any]:
        decision = self.client.decision(payload.id)
        reasons = decision.get("reasons") or []
        return {
            "id": payload.id,
            "timestamp": decision["timestamp"][:19].replace("T", " "),
            "amount": payload.amount,
            "outcome": decision["outcome"],
            "rules": ", ".join(rule["name"] for rule in decision["rules"] if not rule["shadow"]) or "–",
            "reason": reasons[0]["feature"] if reasons else "–",
            "score": decision["probability"] if decision["probability"] is not None else float("nan"),
            "fraud": payload.is_fraud,
        }
