"""Assembles the evaluation of a candidate, and of a champion where there is one, into JSON documents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud.evaluation import curves as pictures
from fraud.evaluation.costs import budget_row, threshold_table
from fraud.evaluation.gate import decide
from fraud.evaluation.holdout import HoldOut
from fraud.evaluation.metrics import Evaluator, recall_name
from fraud.evaluation.model_quality import model_quality_statistics

SCHEMA_VERSION = 1
LOWER_IS_BETTER = ("brier", "ece")


class EvaluationError(ValueError):
    """The settings of an evaluation are wrong; the message names the setting and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """How models are compared.

    `gate_metric` is one of the evaluator's metrics where higher is better; `gate_margin` is how far below the
    champion the candidate may be, `gate_floor` the least value. Intervals are of 95 % from
    `bootstrap_samples` redraws. `review_cost` is the price of one alert in the currency of the amounts.
    """

    gate_metric: str = "average_precision"
    gate_margin: float = 0.01
    gate_floor: float = 0.2
    bootstrap_samples: int = 200
    review_budgets: tuple[int, ...] = (50, 100, 200)
    top_cards: int = 100
    review_cost: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        ranked = [*(name for name in self.evaluator(_NOTHING).names if name not in LOWER_IS_BETTER)]
        checks = [
            (self.gate_metric in ranked, f"gate metric {self.gate_metric!r}: one of {', '.join(ranked)}"),
            (self.gate_margin >= 0, f"gate margin {self.gate_margin}: zero or more"),
            (0 <= self.gate_floor <= 1, f"gate floor {self.gate_floor}: from 0 to 1"),
            (self.bootstrap_samples >= 20, f"bootstrap samples {self.bootstrap_samples}: at least 20"),
            (bool(self.review_budgets), "review budgets: at least one"),
            (all(number >= 1 for number in self.review_budgets), "review budgets: 1 or more alerts a day"),
            (self.top_cards >= 1, f"top cards {self.top_cards}: 1 or more"),
            (self.review_cost >= 0, f"review cost {self.review_cost}: zero or more"),
        ]
        problems = [text for holds, text in checks if not holds]
        if problems:
            raise EvaluationError("; ".join(problems))

    def evaluator(self, holdout: HoldOut) -> Evaluator:
        """Return the evaluator of a hold-out under these settings."""
        return Evaluator(holdout, self.top_cards, self.review_budgets)


_NOTHING = HoldOut(labels=np.zeros(0, bool), days=np.zeros(0, np.int64))


@dataclass(frozen=True)
class Evaluation:
    """`summary` is evaluation.json, `curves` curves.json, `model_quality` model_quality_statistics.json."""

    summary: dict[str, Any]
    curves: dict[str, Any]
    model_quality: dict[str, Any]


def evaluate(holdout: HoldOut, candidate: np.ndarray, champion: np.ndarray | None, settings: Settings) -> Evaluation:
    """Compare calibrated probabilities of shape (rows,) of the candidate and, if any, the champion."""
    evaluator = settings.evaluator(holdout)
    scores = {"candidate": candidate} | ({} if champion is None else {"champion": champion})
    metrics = {who: evaluator.metrics(values) for who, values in scores.items()}
    samples = {
        who: evaluator.bootstrap(values, settings.bootstrap_samples, settings.seed) for who, values in scores.items()
    }
    parts: dict[str, Any] = {"candidate": None, "champion": None, "difference": None}
    for who in scores:
        parts[who] = {"metrics": metrics[who], "intervals": _intervals(samples[who])}
    if champion is not None:
        # Both models saw the same redraws: what is common to them cancels out of the difference.
        change = {name: samples["candidate"][name] - samples["champion"][name] for name in evaluator.names}
        parts["difference"] = {
            "metrics": {name: metrics["candidate"][name] - metrics["champion"][name] for name in evaluator.names},
            "intervals": _intervals(change),
        }
    gate = decide(
        metrics["candidate"],
        metrics.get("champion"),
        settings.gate_metric,
        settings.gate_margin,
        settings.gate_floor,
    )
    table = threshold_table(holdout, candidate, settings.review_cost)
    summary = {
        "schema_version": SCHEMA_VERSION,
        **parts,
        "gate": gate.to_json(),
        "test": holdout.summary(),
        "review_budgets": [_budget(holdout, scores, samples, budget) for budget in evaluator.budgets],
        "review_cost_per_alert": settings.review_cost,
        "thresholds": table,
        "bootstrap": {
            "samples": settings.bootstrap_samples,
            "unit": "transaction" if holdout.cards is None else "card",
            "stratified_by": "fraud",
            "interval": 0.95,
        },
    }
    best = next((row["threshold"] for row in table if row["best"]), 0.5)
    return Evaluation(
        summary=finite(summary),
        curves=finite(
            {"schema_version": SCHEMA_VERSION, "champion": None}
            | {who: pictures.curves(holdout, values) for who, values in scores.items()}
        ),
        model_quality=finite(
            model_quality_statistics(holdout, candidate, best, metrics["candidate"], samples["candidate"])
        ),
    )


def finite(value: Any) -> Any:
    """Replace NaN and infinity by None throughout: JSON has neither, and Step Functions refuses them."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _intervals(samples: Mapping[str, np.ndarray]) -> dict[str, dict[str, float] | None]:
    result: dict[str, dict[str, float] | None] = {}
    for name, values in samples.items():
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [0.025, 0.975]) if len(values) else (0.0, 0.0)
        result[name] = {"low": float(low), "high": float(high)} if len(values) else None
    return result


def _budget(
    holdout: HoldOut, scores: Mapping[str, np.ndarray], samples: Mapping[str, Any], budget: int
) -> dict[str, Any]:
    name = recall_name(budget)
    row: dict[str, Any] = {"alerts_per_day": budget, "champion": None}
    for who, values in scores.items():
        interval = _intervals({name: samples[who][name]})[name]
        row[who] = budget_row(holdout, values, budget) | {"recall_interval": interval}
    return row
