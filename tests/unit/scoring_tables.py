"""The scoring function's tables in moto, and a model that answers without a network."""

from __future__ import annotations

import threading
from typing import Any

import boto3

from fraud import event_types
from fraud.decisions import compile_rules, default_ruleset
from inference_code.scoring.endpoint import Answer, Unavailable
from inference_code.scoring.labels import Labels
from inference_code.scoring.reading import Reading
from inference_code.scoring.settings import Settings
from inference_code.scoring.store import Store
from inference_code.scoring.transactions import Transactions

EVENT_TYPE = event_types.load("card-transactions")
NOW = 1_767_225_600.0
"""2026-01-01T00:00:00Z"""
SETTINGS = Settings("profiles", "decisions", "rules", "endpoint", "captures", 0.8, "rules", 86_400, 300)


class Model:
    """Answers every event with the same probability; `error` makes it fail, `asked` counts."""

    def __init__(self, probability: float = 0.01) -> None:
        self.probability, self.error, self.asked = probability, "", 0

    def ask(self, identifier: str, features: list[float]) -> Answer:
        self.asked += 1
        if self.error:
            raise Unavailable(self.error)
        return Answer(self.probability, round(1000 * self.probability), [], {"algorithm": "none"})


class Reporter:
    """Keeps what is counted and warned of."""

    def __init__(self) -> None:
        self.counted: list[str] = []
        self.warnings: list[str] = []

    def count(self, metric: str) -> None:
        self.counted.append(metric)

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class OneAtATime:
    """A client whose calls do not overlap: moto's transactions are not atomic between threads."""

    def __init__(self, client: Any) -> None:
        self._client, self._lock = client, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            with self._lock:
                return method(**arguments)

        return call


class Platform:
    """The function's parts, wired as `app` wires them."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.dynamodb = OneAtATime(boto3.client("dynamodb", "us-east-1"))
        self.s3 = boto3.client("s3", "us-east-1")
        self.s3.create_bucket(Bucket="captures")
        create_tables(self.dynamodb)
        self.now = NOW
        self.model, self.reporter = Model(), Reporter()
        self.rules = compile_rules(default_ruleset(), EVENT_TYPE)
        self.store = Store(self.dynamodb, "decisions", "profiles")
        self.transactions = Transactions(
            EVENT_TYPE, settings, self.store, self.model, lambda: self.rules, self.reporter, clock=lambda: self.now
        )
        self.labels = Labels(self.transactions.engine, self.store, self.s3, "captures", 300, clock=lambda: self.now)
        self.reading = Reading(self.store, [entity.name for entity in EVENT_TYPE.entities])


def create_tables(dynamodb: Any) -> None:
    """Create the three tables as the storage stack has them."""
    text = lambda name: {"AttributeName": name, "AttributeType": "S"}  # noqa: E731
    indexes = [
        {
            "IndexName": f"by-{entity.name}",
            "KeySchema": [
                {"AttributeName": f"entity_{entity.name}", "KeyType": "HASH"},
                {"AttributeName": "timestamp", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
        for entity in EVENT_TYPE.entities
    ]
    keyed = [text(f"entity_{entity.name}") for entity in EVENT_TYPE.entities]
    dynamodb.create_table(
        TableName="decisions",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[text("id"), text("timestamp"), *keyed],
        GlobalSecondaryIndexes=indexes,
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.create_table(
        TableName="profiles",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[text("key")],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.create_table(
        TableName="rules",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}, {"AttributeName": "version", "KeyType": "RANGE"}],
        AttributeDefinitions=[text("name"), {"AttributeName": "version", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )


def payment(identifier: int = 1, **changes: Any) -> dict[str, Any]:
    """A valid payment."""
    return {
        "TRANSACTION_ID": identifier,
        "TX_DATETIME": "2025-12-31T12:00:00Z",
        "CUSTOMER_ID": 596,
        "TERMINAL_ID": 3156,
        "TX_AMOUNT": 57.16,
        **changes,
    }
