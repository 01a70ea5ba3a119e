"""Live payments for a platform that is up: the last days of its data go on, under new ids."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from botocore.session import Session

from fraud import event_types
from scripts.cdk import ACCOUNT
from scripts.scoring import history
from scripts.scoring.client import ScoringClient
from tests.e2e.conftest import Demo

CONNECTIONS = 8


@dataclass(frozen=True)
class Payment:
    """One payment with the truth about it, and what the API decided."""

    payload: history.Payload
    decision: dict[str, Any]

    @property
    def id(self) -> str:
        """Its id."""
        return self.payload.id


@dataclass
class Payments:
    """Posts payments and labels them; each is later than those before."""

    client: ScoringClient
    time: str
    coming: Iterator[history.Payload]

    @classmethod
    def after(cls, platform: Demo, data: Path, event_type: str | Path, *, days: int, price: float = 1.0) -> Payments:
        """The last `days` of `data` once more: as many days later, under new ids, `price` times as dear."""
        kind, url = event_types.load(event_type), platform.outputs("scoring")["ApiUrl"]
        caller, cloud = Session(), platform.endpoint_url
        caller.set_credentials(ACCOUNT, "local")
        client = ScoringClient(url, "us-east-1", endpoint_url=cloud, connections=CONNECTIONS, session=caller)
        _, last = history.parted(history.read(data, kind), kind, days)
        later = last.with_columns(
            pl.col(kind.timestamp) + timedelta(days=days),
            pl.col(kind.amount) * price,
            pl.format("later-{}", pl.col(kind.id)).alias(kind.id),
        )
        return cls(client, kind.timestamp, history.payloads(later, kind))

    def post(self, count: int) -> list[Payment]:
        """Post the next `count` side by side; an answer other than 200 raises."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return list(pool.map(self._post, [next(self.coming) for _ in range(count)]))

    def post_unseen_frauds(self, count: int, unseen: int) -> list[Payment]:
        """Post, and report what became of them: the least suspicious `unseen` turn out to be frauds, too."""
        posted = self.post(count)
        frauds = {payment.id for payment in posted if payment.payload.is_fraud}
        others = [payment for payment in posted if payment.id not in frauds]
        others.sort(key=lambda payment: payment.decision["probability"])
        self.report(posted, frauds | {payment.id for payment in others[:unseen]})
        return posted

    def report(self, payments: Sequence[Payment], frauds: set[str]) -> None:
        """Report what became of each payment a day after it: a fraud if its id is in `frauds`."""

        def report(payment: Payment) -> None:
            at = datetime.fromisoformat(payment.payload.body[self.time]) + timedelta(days=1)
            self.client.label(payment.id, "fraud" if payment.id in frauds else "genuine", at.isoformat())

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(report, payments))

    @contextmanager
    def flowing(self) -> Iterator[list[Payment]]:
        """Post one payment after the other while the block runs; one that is not answered raises at its end."""
        answered: list[Payment] = []
        over = threading.Event()

        def flow() -> None:
            while not over.is_set():
                answered.append(self._post(next(self.coming)))

        with ThreadPoolExecutor(1) as pool:
            flowing = pool.submit(flow)
            try:
                yield answered
            finally:
                over.set()
            flowing.result()

    def _post(self, payload: history.Payload) -> Payment:
        return Payment(payload, self.client.score(payload.body))
