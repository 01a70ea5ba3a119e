"""Champion and challenger on live traffic: metrics of both, their difference, and whether it is real.

Where both answered the same transactions (a shadow), redraws are paired: what is common to both models cancels out of
the difference, whose interval is narrower by that. In an A/B test each answered its own, and both are redrawn alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud.decisions.defaults import REVIEW_SCORE
from fraud.evaluation.holdout import HoldOut
from fraud.evaluation.metrics import Evaluator
from fraud.evaluation.report import finite
from fraud.models.scoring import probability_of

SCHEMA_VERSION = 1
INTERVAL = 0.95
LEAST_FRAUDS = 20
PER = 1000
# Elements of a (samples, rows) block of redraws.
_BLOCK = 4_000_000

METRICS = {
    "average_precision": ("average precision", True),
    "auc": ("area under the ROC curve", True),
    "recall": ("share of frauds found at the threshold", True),
    "precision": ("share of alerts that are frauds", True),
    "alerts_per_1000": ("alerts in 1,000 transactions", None),
    "saved_per_1000": ("money saved in 1,000 transactions", True),
}
"""Name in words, and whether higher is better; None where that depends."""
MAIN = "average_precision"


class ComparisonError(ValueError):
    """What is to be compared cannot be; the message says what is missing."""


@dataclass(frozen=True)
class Answered:
    """Labelled transactions that one model answered: arrays of shape (rows,).

    `labels` is bool, True for fraud; `scores` holds calibrated probabilities; `amounts` is None where unknown.
    """

    labels: np.ndarray
    scores: np.ndarray
    amounts: np.ndarray | None = None

    @property
    def frauds(self) -> int:
        """Number of frauds."""
        return int(self.labels.sum())


@dataclass(frozen=True)
class Settings:
    """How models are compared.

    A transaction is an alert at or above the probability `threshold` (by default where the default rules begin to
    send to review); `review_cost` is the price of one alert in the currency of the amounts. Intervals are of 95 %
    from `samples` redraws of the transactions.
    """

    threshold: float = probability_of(REVIEW_SCORE)
    review_cost: float = 5.0
    samples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        checks = [
            (0 < self.threshold < 1, f"threshold {self.threshold}: a probability between 0 and 1"),
            (self.review_cost >= 0, f"review cost {self.review_cost}: zero or more"),
            (self.samples >= 100, f"samples {self.samples}: at least 100"),
        ]
        problems = [text for holds, text in checks if not holds]
        if problems:
            raise ComparisonError("; ".join(problems))


def compare_paired(champion: Answered, challenger: Answered, settings: Settings) -> dict[str, Any]:
    """Compare answers to the same transactions, row by row; raises ComparisonError where they are not the same."""
    if len(champion.labels) != len(challenger.labels) or np.any(champion.labels != challenger.labels):
        raise ComparisonError("paired answers must be about the same transactions in the same order")
    sides = {"champion": champion, "challenger": challenger}
    samples = {who: _redraws(side, settings, settings.seed) for who, side in sides.items()}
    return _document(sides, samples, settings, "paired") | {"agreement": _agreement(champion, challenger, settings)}


def compare_unpaired(champion: Answered, challenger: Answered, settings: Settings) -> dict[str, Any]:
    """Compare answers to different transactions that were shared out at random."""
    sides = {"champion": champion, "challenger": challenger}
    # Seeds that differ: the redraws of one say nothing of the other's.
    samples = {who: _redraws(side, settings, settings.seed + at) for at, (who, side) in enumerate(sides.items())}
    return _document(sides, samples, settings, "unpaired") | {"agreement": None}


def _document(
    sides: Mapping[str, Answered], samples: Mapping[str, dict[str, np.ndarray]], settings: Settings, design: str
) -> dict[str, Any]:
    values = {who: _metrics(side, np.ones((1, len(side.labels)), np.float32), settings) for who, side in sides.items()}
    rows = {}
    for name, (words, higher_is_better) in METRICS.items():
        if name not in values["champion"] or name not in values["challenger"]:
            continue
        difference = samples["challenger"][name] - samples["champion"][name]
        champion, challenger = (float(values[who][name][0]) for who in ("champion", "challenger"))
        low, high = _interval(difference)
        rows[name] = {
            "words": words,
            "higher_is_better": higher_is_better,
            "champion": {"value": champion, **_bounds(samples["champion"][name])},
            "challenger": {"value": challenger, **_bounds(samples["challenger"][name])},
            "difference": {"value": challenger - champion, "low": low, "high": high},
            "real": bool(low > 0 or high < 0),
        }
    body = {
        "schema_version": SCHEMA_VERSION,
        "design": design,
        "threshold": settings.threshold,
        "review_cost_per_alert": settings.review_cost,
        "transactions": {who: {"rows": len(side.labels), "frauds": side.frauds} for who, side in sides.items()},
        "metrics": rows,
        "bootstrap": {
            "samples": settings.samples,
            "seed": settings.seed,
            "unit": "transaction",
            "stratified_by": "fraud",
            "interval": INTERVAL,
        },
    }
    return finite(body | _verdict(body))


def _redraws(side: Answered, settings: Settings, seed: int) -> dict[str, np.ndarray]:
    rows = len(side.labels)
    if not rows:
        raise ComparisonError("no labelled transactions to compare")
    evaluator = Evaluator(_holdout(side))
    step = max(1, _BLOCK // max(1, rows))
    blocks = [
        _metrics(side, evaluator.draw(range(start, min(start + step, settings.samples)), seed), settings)
        for start in range(0, settings.samples, step)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _holdout(side: Answered) -> HoldOut:
    return HoldOut(side.labels, np.zeros(len(side.labels), np.int64), amounts=side.amounts)


def _metrics(side: Answered, weights: np.ndarray, settings: Settings) -> dict[str, np.ndarray]:
    """Each metric, of shape (samples,), under weights of shape (samples, rows); NaN where it is not defined."""
    auc, average_precision = Evaluator(_holdout(side)).ranking(side.scores, weights)
    alert, fraud = side.scores >= settings.threshold, side.labels
    sums = weights @ np.column_stack([alert, fraud, alert & fraud, np.ones(len(fraud))]).astype(np.float64)
    alerts, frauds, found, total = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        result = {
            "average_precision": average_precision,
            "auc": auc,
            "recall": found / frauds,
            # Without an alert nothing was wrong, but nothing can be said either.
            "precision": found / alerts,
            "alerts_per_1000": PER * alerts / total,
        }
        if side.amounts is not None:
            caught = weights @ np.where(alert & fraud, side.amounts, 0.0)
            result["saved_per_1000"] = PER * (caught - settings.review_cost * alerts) / total
    return result


def _agreement(champion: Answered, challenger: Answered, settings: Settings) -> dict[str, Any]:
    """How many frauds and genuine transactions both, one or none of the models raises an alert for."""
    one, other = champion.scores >= settings.threshold, challenger.scores >= settings.threshold
    cells = {
        "both": one & other,
        "champion_only": one & ~other,
        "challenger_only": ~one & other,
        "neither": ~one & ~other,
    }
    fraud = champion.labels
    counts = {
        name: {"frauds": int((cell & fraud).sum()), "genuine": int((cell & ~fraud).sum())}
        for name, cell in cells.items()
    }
    ranks = (_ranks(side.scores) for side in (champion, challenger))
    return {"alerts": counts, "rank_correlation": _correlation(*ranks)}


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[place]


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if len(one) < 2 or one.std() == 0 or other.std() == 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])


def _verdict(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the numbers mean: better | worse | undecided | too-few-frauds, and sentences that say why."""
    counts = body["transactions"].values()
    fewest = min(side["frauds"] for side in counts)
    if fewest < LEAST_FRAUDS or any(side["frauds"] == side["rows"] for side in counts):
        text = (
            f"There are {fewest} labelled frauds among the transactions compared and at least {LEAST_FRAUDS} are "
            "needed, with genuine ones beside them: wait for labels."
        )
        return {"verdict": "too-few-frauds", "sentences": [text]}
    main = body["metrics"][MAIN]
    text = f"The challenger's {main['words']} is {_change(MAIN, main)}."
    if main["real"]:
        verdict = "better" if main["difference"]["value"] > 0 else "worse"
        text += " Chance alone does not explain the difference: its interval is without zero."
    else:
        verdict = "undecided"
        text += f" It may be chance: the interval holds zero.{_more(main, fewest)}"
    others = [
        f"{row['words'][0].upper()}{row['words'][1:]}: {_change(name, row)}"
        + ("." if row["real"] else ", which may be chance.")
        for name, row in body["metrics"].items()
        if name != MAIN
    ]
    return {"verdict": verdict, "sentences": [text, *others]}


def _more(main: Mapping[str, Any], frauds: int) -> str:
    """How long to wait: intervals narrow with the root of the number of frauds."""
    difference = main["difference"]
    width = (difference["high"] - difference["low"]) / 2
    if not difference["value"] or not math.isfinite(width):
        return ""
    needed = math.ceil(frauds * (width / abs(difference["value"])) ** 2)
    if needed <= frauds or needed > 1000 * frauds:
        return ""
    return f" If it stays so, about {needed:,} labelled frauds would tell it; there are {frauds:,}."


def _change(name: str, row: Mapping[str, Any]) -> str:
    """`0.8123 against 0.7954 (+0.0169, 95 % interval -0.0010 to +0.0348)`."""
    digits = ",.1f" if name.endswith("_per_1000") else ".4f"
    one, other, difference = row["challenger"]["value"], row["champion"]["value"], row["difference"]
    interval = f"{difference['low']:+{digits}} to {difference['high']:+{digits}}"
    return f"{one:{digits}} against {other:{digits}} ({difference['value']:+{digits}}, 95 % interval {interval})"


def _interval(samples: np.ndarray) -> tuple[float, float]:
    samples = samples[np.isfinite(samples)]
    if not len(samples):
        return math.nan, math.nan
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def _bounds(samples: np.ndarray) -> dict[str, float]:
    low, high = _interval(samples)
    return {"low": low, "high": high}
