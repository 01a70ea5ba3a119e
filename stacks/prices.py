"""A small table of prices, and what a retraining run may cost at most, from the machines it is configured with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stacks.config.training import TrainingConfig

TABLE = Path(__file__).with_name("prices.json")
# The jobs of a run that are no trials: collect, prepare, evaluate.
PROCESSING_JOBS = 3
# Another evaluation, where the champion was replaced during the first.
MOST_PROCESSING_JOBS = PROCESSING_JOBS + 1
HOUR = 3600


@dataclass(frozen=True)
class RunCost:
    """USD: what a run costs if every job takes all of its time, and the most that an hour of it costs."""

    most: float
    hourly: float


@dataclass(frozen=True)
class Price:
    """USD for one of something, where the price was read, and the day that it is known of (YYYY-MM-DD)."""

    usd: float
    per: str
    source: str
    date: str


def hourly() -> dict[str, float]:
    """USD an hour of instances, by their type: for training, processing and endpoints alike."""
    return dict(_table()["hourly_usd"])


def services() -> dict[str, Price]:
    """Prices of everything but instances, by name."""
    return {name: Price(**price) for name, price in _table()["services"].items()}


def checked() -> tuple[str, str]:
    """The region that the table is of, and the day its instances were looked at."""
    return _table()["region"], _table()["checked"]


def source() -> str:
    """What the prices of instances are and where they are from."""
    return _table()["source"]


def run_cost(training: TrainingConfig, own_prices: Mapping[str, float]) -> RunCost:
    """Return what a run of this configuration can cost; `own_prices` (USD an hour by instance type) come first.

    Raises ValueError naming an instance type without a price.
    """
    processing = _price(training.processing.instance_type, own_prices)
    trial = _price(training.trial.instance_type, own_prices)
    jobs = MOST_PROCESSING_JOBS * training.processing.max_runtime_seconds * processing
    trials = training.max_trials * training.trial.max_runtime_seconds * trial
    hourly = max(processing, training.parallel_trials * trial)
    return RunCost(most=round((jobs + trials) / HOUR, 2), hourly=round(hourly, 4))


def _price(instance_type: str, own_prices: Mapping[str, float]) -> float:
    prices = {**hourly(), **own_prices}
    if instance_type not in prices:
        raise ValueError(
            f"no price is known of {instance_type}: give it as retraining.hourly_usd, for example "
            f'{{"{instance_type}": 1.5}} (USD an hour); known are {", ".join(sorted(prices))}'
        )
    return prices[instance_type]


@cache
def _table() -> dict[str, Any]:
    return json.loads(TABLE.read_text(encoding="utf-8"))
