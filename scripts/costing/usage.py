"""What templates cannot say: how much the platform is used."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields

HOURS = 730.0
DAYS = HOURS / 24


def _assumed(default: float, text: str) -> float:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Usage:
    """Assumptions, each an option of the command; a month has 730 hours."""

    transactions_per_day: float = _assumed(100_000, "transactions scored a day")
    transaction_kb: float = _assumed(2, "KB of a request and its answer")
    function_ms: float = _assumed(100, "ms that a call of the scoring function takes")
    decision_kb: float = _assumed(1.5, "KB of a stored decision")
    profile_kb: float = _assumed(3, "KB of an entity's profile")
    profiles: float = _assumed(100_000, "entities that have a profile")
    capture_kb: float = _assumed(1.5, "KB of a captured request and its answer")
    log_kb: float = _assumed(1.5, "KB that a transaction writes to each log")
    flow_log_mb_per_day: float = _assumed(200, "MB a day of flow logs")
    stored_gb: float = _assumed(20, "GB of transactions, models and reports kept in each of the other buckets")
    kms_requests_per_transaction: float = _assumed(0.2, "requests of KMS for a transaction")
    monitoring_minutes: float = _assumed(8, "minutes that a monitoring job takes")
    metrics: float = _assumed(150, "metrics that the monitors publish")
    retrainings: float = _assumed(2, "retraining runs a month")
    trial_minutes: float = _assumed(6, "minutes that a trial takes")
    processing_minutes: float = _assumed(8, "minutes that each of a run's processing jobs takes")
    emails: float = _assumed(200, "e-mails a month")

    @property
    def transactions(self) -> float:
        """Transactions a month."""
        return self.transactions_per_day * DAYS

    @property
    def traces(self) -> float:
        """Requests that X-Ray records by its default: one a second, and a twentieth of the others."""
        first = min(self.transactions_per_day, 86_400)
        return (first + 0.05 * (self.transactions_per_day - first)) * DAYS


def add_options(parser: argparse.ArgumentParser) -> None:
    """An option for each assumption."""
    group = parser.add_argument_group("usage", "what the templates cannot say")
    for each in fields(Usage):
        option = "--" + each.name.replace("_", "-")
        text = f"{each.metadata['help']} (default: %(default)g)"
        group.add_argument(option, type=_amount, default=each.default, metavar="N", help=text)


def of_options(options: argparse.Namespace) -> Usage:
    """The usage that the options tell."""
    return Usage(**{each.name: getattr(options, each.name) for each in fields(Usage)})


def _amount(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of 0 or more, is {text}")
    return value
