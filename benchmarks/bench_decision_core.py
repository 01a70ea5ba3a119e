"""What one decision costs without any network: profiles, features, the model's score, and the rules.

    python -m benchmarks.bench_decision_core [--events 20000] [--customers 1000]

Simulated card payments of 60 days fill the profiles; then the last events go through the online engine, a model of 100
trees of depth 6 (treelite) and ten rules, one by one on one core. Printed are the median and the 99th percentile of
each part, and the ratio to what XGBoost's own inplace_predict needs for the score alone.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import xgboost
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.check_agreement import _events
from fraud import event_types
from fraud.decisions import Rule, RuleSet, compile_rules
from fraud.features.batch import compute
from fraud.features.online import OnlineEngine, ProfileKey
from fraud.features.profiles import build
from fraud.models.scoring import score
from fraud.models.xgboost_trees import XGBoostModel
from fraud.serving.row_scores import row_score
from fraud.simulation import LawSettings, Simulator

RULES = RuleSet(
    version=1,
    rules=(
        Rule("very risky", "score >= 900", "decline"),
        Rule("risky", "score >= 700", "review"),
        Rule("large", "TX_AMOUNT > 500", "review"),
        Rule("much above habit", "customer_ratio_30d > 5.0 && TX_AMOUNT > 100.0", "review"),
        Rule("risky terminal", "terminal_risk_7d > 0.3", "review"),
        Rule("at night", "is_night == 1 && score > 600", "review"),
        Rule("many today", "customer_count_1d > 12", "review"),
        Rule("new terminal", "terminal_known_count_30d == 0 && TX_AMOUNT > 300.0", "review", shadow=True),
        Rule("blocked", "CUSTOMER_ID in lists.blocked", "decline"),
        Rule("probable", "probability > 0.5", "decline", shadow=True),
    ),
    lists={"blocked": tuple(f"c{number}" for number in range(1000))},
)


def main() -> int:
    """Print the table and return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--customers", type=int, default=1_000)
    options = parser.parse_args()
    event_type = event_types.load("card-transactions")
    settings = LawSettings(customers=options.customers, terminals=2 * options.customers, days=60, seed=1)
    events = pl.concat(list(Simulator(settings).days())).sort("TX_DATETIME", maintain_order=True)
    booster, features = _model(events, event_type)
    core = _Core(event_type, booster, features, events.head(len(events) - options.events))
    parts: dict[str, list[float]] = {name: [] for name in ("profiles and features", "score", "rules", "all")}
    for event, _, _ in track(list(_events(events.tail(options.events), event_type)), "events", transient=True):
        times = core.decide(event)
        for name, seconds in zip(parts, (*times, sum(times)), strict=True):
            parts[name].append(1e6 * seconds)
    peer = _microseconds(lambda: booster.inplace_predict(core.row))
    table = Table(title=f"One decision, of {options.events:,}; profiles of {events.height - options.events:,} events")
    for head in ("part", "median, µs", "p99, µs", "ratio"):
        table.add_column(head, justify="left" if head == "part" else "right")
    for name, values in [*parts.items(), ("inplace_predict alone", peer)]:
        median = statistics.median(values)
        table.add_row(
            name, f"{median:.0f}", f"{np.percentile(values, 99):.0f}", f"{median / statistics.median(peer):.2f}"
        )
    Console().print(table)
    return 0


class _Core:
    def __init__(self, event_type: Any, booster: xgboost.Booster, features: int, past: pl.DataFrame) -> None:
        self._engine = OnlineEngine(event_type)
        self._rules = compile_rules(RULES, event_type)
        self._score = row_score(XGBoostModel(booster), features)
        self._profiles = {ProfileKey(name, value): content for name, value, content in build(past, event_type)}
        self.row = np.zeros((1, features), dtype=np.float32)

    def decide(self, event: Any) -> tuple[float, float, float]:
        """Decide on one event; returns the seconds of each part."""
        started = time.perf_counter()
        advanced = self._engine.advance(event, self._profiles)
        counted = time.perf_counter()
        probability = self._score(advanced.features)
        points = score(probability)
        scored = time.perf_counter()
        self._rules.decide(event, advanced.features, points, probability)
        decided = time.perf_counter()
        self._profiles |= advanced.profiles
        return counted - started, scored - counted, decided - scored


def _model(events: pl.DataFrame, event_type: Any) -> tuple[xgboost.Booster, int]:
    features = compute(events, event_type).to_numpy().astype(np.float32)
    data = xgboost.DMatrix(features, events[event_type.label].to_numpy())
    settings = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "nthread": 2}
    return xgboost.train(settings, data, 100), features.shape[1]


def _microseconds(work: Callable[[], Any], repeats: int = 2_000) -> list[float]:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(1e6 * (time.perf_counter() - started))
    return times


if __name__ == "__main__":
    sys.exit(main())
