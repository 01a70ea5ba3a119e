"""Metrics of one model on a hold-out, for the rows as they are or for many redraws of them at once.

Every metric takes weights: how often each unit (card, or row where there is no card) was drawn. The value itself
is the case where each was drawn once, so an interval is always about the very number it stands beside.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fraud.evaluation.holdout import HoldOut

# Elements of a (samples, rows) block: large enough to amortise Python, small enough to stay in memory.
_BLOCK = 4_000_000
RELIABILITY_BINS = 20


class Evaluator:
    """Computes the metrics of scores on one hold-out.

    `top_cards` is the number of cards reviewed each day in card precision; `budgets` are numbers of alerts a
    day. `names` lists the metrics; all but brier and ece are better when higher.
    """

    def __init__(self, holdout: HoldOut, top_cards: int = 100, budgets: Iterable[int] = (50, 100, 200)) -> None:
        self.holdout = holdout
        self.top_cards = top_cards
        self.budgets = tuple(sorted(set(budgets)))
        self.card_metric = f"card_precision_at_{top_cards}"
        ranked = ("auc", "average_precision", self.card_metric, *map(recall_name, self.budgets))
        self.names = (*ranked, "brier", "ece")
        self._units = holdout.units
        self._unit_count = int(self._units.max()) + 1 if holdout.rows else 0

    def metrics(self, scores: np.ndarray) -> dict[str, float]:
        """Return each metric's value for scores of shape (rows,); NaN where it is not defined."""
        once = self._block(_Plan(self.holdout, scores), np.ones((1, self._unit_count), np.float32))
        return {name: float(once[name][0]) for name in self.names}

    def bootstrap(self, scores: np.ndarray, samples: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Return each metric in redraws of the hold-out, of shape (samples,).

        The same seed redraws the same units, so results of two models can be subtracted sample by sample.
        """
        plan = _Plan(self.holdout, scores)
        step = max(1, _BLOCK // max(1, self.holdout.rows))
        blocks = [
            self._block(plan, self.draw(range(start, min(start + step, samples)), seed))
            for start in range(0, samples, step)
        ]
        return {name: np.concatenate([block[name] for block in blocks]) for name in self.names}

    def ranking(self, scores: np.ndarray, unit_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return AUC and average precision, each of shape (samples,), under weights of shape (samples, units)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return _Plan(self.holdout, scores).ranking(unit_weights)

    def draw(self, samples: range, seed: int = 0) -> np.ndarray:
        """Return how often each unit is drawn in the samples of these numbers, of shape (samples, units).

        Cards are drawn, not rows, because the frauds of one card come together: rows drawn one by one would
        make intervals too narrow. Cards with and without fraud are drawn separately, so that every sample
        holds as many defrauded cards as the hold-out. Days are too few to be drawn.
        """
        defrauded = np.zeros(self._unit_count, dtype=bool)
        defrauded[self._units[self.holdout.labels]] = True
        groups = [np.flatnonzero(defrauded), np.flatnonzero(~defrauded)]
        weights = np.zeros((len(samples), self._unit_count), dtype=np.float32)
        for row, sample in enumerate(samples):
            random = np.random.default_rng((seed, sample))
            for members in groups:
                drawn = random.integers(0, max(1, len(members)), len(members))
                weights[row, members] = np.bincount(drawn, minlength=len(members))
        return weights

    def _block(self, plan: _Plan, unit_weights: np.ndarray) -> dict[str, np.ndarray]:
        result = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            result["auc"], result["average_precision"] = plan.ranking(unit_weights)
            result["brier"], result["ece"] = plan.probability(unit_weights)
            for budget in self.budgets:
                result[recall_name(budget)] = plan.recall_within(unit_weights, budget)
            result[self.card_metric] = plan.card_precision(unit_weights, self.top_cards)
        return result


def recall_name(budget: int) -> str:
    """Name of the metric: share of frauds found within a number of alerts a day."""
    return f"recall_at_{budget}_alerts"


def reliability_edges(scores: np.ndarray, bins: int = RELIABILITY_BINS) -> np.ndarray:
    """Inner edges of bins with equally many rows: bins of equal width would hold all genuine rows in one."""
    return np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1])) if len(scores) else np.zeros(0)


class _Plan:
    """What depends on the scores alone, computed once for all samples.

    Rows are kept by falling score. What adds up over rows is added up for each unit first, because units are
    far fewer.
    """

    def __init__(self, holdout: HoldOut, scores: np.ndarray) -> None:
        scores = np.asarray(scores, dtype=np.float64)
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        # Ties are one threshold: each row counts to the end of its group of equal scores.
        last = np.r_[ranked[1:] != ranked[:-1], True] if len(ranked) else np.zeros(0, bool)
        group = np.cumsum(np.r_[0, last[:-1]]) if len(ranked) else np.zeros(0, int)
        ends = np.flatnonzero(last)
        self.unit = holdout.units[order]
        self.fraud_rows = np.flatnonzero(holdout.labels[order])
        self.group_end = ends[group[self.fraud_rows]]
        self.group_start = np.r_[0, ends + 1][group[self.fraud_rows]]
        # Distinct frauds at or above each fraud's group, and above it.
        self.frauds_to_end = np.searchsorted(self.fraud_rows, self.group_end, side="right")
        self.frauds_to_start = np.searchsorted(self.fraud_rows, self.group_start, side="left")

        units = int(holdout.units.max()) + 1 if holdout.rows else 0
        error = scores - holdout.labels
        bins = np.searchsorted(reliability_edges(scores), scores, side="right")
        number_of_bins = int(bins.max(initial=0)) + 1
        place = holdout.units * number_of_bins + bins
        gap = np.bincount(place, weights=error, minlength=units * number_of_bins)
        self.unit_gap = gap.reshape(units, number_of_bins)
        self.unit_squares = np.bincount(holdout.units, weights=error**2, minlength=units)
        self.unit_rows = np.bincount(holdout.units, minlength=units).astype(np.float64)

        day = holdout.days[order]
        fraud = holdout.labels[order].astype(np.float64)
        rows_of_day = [np.flatnonzero(day == number) for number in range(holdout.number_of_days)]
        self.rows_of_day = [(self.unit[rows], fraud[rows]) for rows in rows_of_day]
        self.cards_of_day = _cards_by_day(holdout, scores)

    def ranking(self, unit_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """AUC and average precision, each of shape (samples,)."""
        weights = unit_weights[:, self.unit]
        fraud = weights[:, self.fraud_rows].astype(np.float64)
        # Counts below 2**24 are exact in float32, which halves the memory moved.
        kind = np.float32 if weights.shape[1] < 2**22 else np.float64
        alerts = _from_zero(np.cumsum(weights, axis=1, dtype=kind))
        found = _from_zero(np.cumsum(fraud, axis=1))
        to_end, to_start = found[:, self.frauds_to_end], found[:, self.frauds_to_start]
        alerts_to_end = alerts[:, self.group_end + 1].astype(np.float64)
        all_frauds = found[:, -1]
        precision = np.divide(to_end, alerts_to_end, out=np.zeros_like(to_end), where=alerts_to_end > 0)
        average_precision = np.sum(fraud * precision, axis=1) / all_frauds
        all_genuine = alerts[:, -1].astype(np.float64) - all_frauds
        genuine_to_end = alerts_to_end - to_end
        genuine_to_start = alerts[:, self.group_start] - to_start
        below = all_genuine[:, None] - (genuine_to_end + genuine_to_start) / 2
        return np.sum(fraud * below, axis=1) / (all_frauds * all_genuine), average_precision

    def probability(self, unit_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Brier score and expected calibration error, each of shape (samples,)."""
        total = unit_weights @ self.unit_rows
        brier = unit_weights @ self.unit_squares / total
        return brier, np.abs(unit_weights @ self.unit_gap).sum(axis=1) / total

    def recall_within(self, unit_weights: np.ndarray, budget: int) -> np.ndarray:
        """Share of frauds among the `budget` highest scores of each day."""
        found = sum((_taken(unit_weights, units, budget) * fraud).sum(axis=1) for units, fraud in self.rows_of_day)
        return found / unit_weights[:, self.unit[self.fraud_rows]].sum(axis=1, dtype=np.float64)

    def card_precision(self, unit_weights: np.ndarray, top: int) -> np.ndarray:
        """Share of truly defrauded cards among the `top` most suspicious of a day, averaged over the days.

        A card's score is its highest of the day. A defrauded card that was found is blocked, and leaves the
        following days.
        """
        daily = []
        weights = unit_weights.copy()
        for cards, fraud in self.cards_of_day:
            taken = _taken(weights, cards, top)
            reviewed = np.minimum(top, weights[:, cards].sum(axis=1, dtype=np.float64))
            daily.append((taken * fraud).sum(axis=1) / reviewed)
            found = np.flatnonzero(fraud)
            weights[:, cards[found]] *= taken[:, found] == 0
        return np.mean(daily, axis=0) if daily else np.full(len(unit_weights), np.nan)


def _from_zero(cumulated: np.ndarray) -> np.ndarray:
    return np.concatenate((np.zeros((len(cumulated), 1), cumulated.dtype), cumulated), axis=1)


def _taken(unit_weights: np.ndarray, units: np.ndarray, budget: int) -> np.ndarray:
    """How much of each unit's weight, in the order of `units`, fits into the budget."""
    result = np.zeros((len(unit_weights), len(units)), dtype=np.float32)
    # The budget is nearly always spent within the first few hundred: the rest is looked at only if not.
    reach = min(len(units), 4 * budget + 100)
    while True:
        weights = unit_weights[:, units[:reach]]
        spent = np.cumsum(weights, axis=1, dtype=np.float64)
        if reach == len(units) or spent[:, -1].min() >= budget:
            result[:, :reach] = np.clip(budget - (spent - weights), 0.0, weights)
            return result
        reach = min(len(units), 4 * reach)


def _cards_by_day(holdout: HoldOut, scores: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each day, its cards by falling score and whether each was defrauded that day."""
    result = []
    units = holdout.units
    for day in range(holdout.number_of_days):
        rows = np.flatnonzero(holdout.days == day)
        cards, place = np.unique(units[rows], return_inverse=True)
        highest = np.full(len(cards), -np.inf)
        np.maximum.at(highest, place, scores[rows])
        fraud = np.bincount(place, weights=holdout.labels[rows]) > 0
        order = np.argsort(-highest, kind="stable")
        result.append((cards[order], fraud[order].astype(np.float64)))
    return result
