"""What a threshold costs and saves, and what a fixed number of alerts a day finds."""

from __future__ import annotations

from typing import Any

import numpy as np

from fraud.evaluation.holdout import HoldOut

TABLE_ROWS = 30


def threshold_table(holdout: HoldOut, scores: np.ndarray, review_cost: float) -> list[dict[str, Any]]:
    """Rows from few to many alerts, with the best threshold among them marked `best`.

    Each row is reached by alerting on scores at or above `threshold`. With amounts, `saved` is the amount of
    the frauds caught minus `review_cost` for each alert, and the best threshold saves most; without amounts the
    money columns are None and the best threshold has the highest F1.
    """
    if not holdout.rows:
        return []
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    fraud = holdout.labels[order].astype(np.float64)
    alerts = ends + 1.0
    found = np.cumsum(fraud)[ends]
    frauds, genuine = fraud.sum(), len(fraud) - fraud.sum()
    caught = saved = None
    if holdout.amounts is not None:
        caught = np.cumsum(fraud * holdout.amounts[order])[ends]
        saved = caught - review_cost * alerts
        best = int(np.argmax(saved))
    else:
        best = int(np.argmax(2 * found / (alerts + frauds)))
    table = []
    for at in sorted({*_spread(len(ends)), best}):
        amount = None if caught is None else float(caught[at])
        table.append(
            {
                "threshold": float(ranked[ends[at]]),
                "alerts": int(alerts[at]),
                "alerts_per_day": float(alerts[at] / holdout.number_of_days),
                "precision": float(found[at] / alerts[at]),
                "recall": float(found[at] / frauds) if frauds else None,
                "false_positive_rate": float((alerts[at] - found[at]) / genuine) if genuine else None,
                "fraud_amount_caught": amount,
                "fraud_amount_missed": None if caught is None else float(caught[-1] - caught[at]),
                "review_cost": float(review_cost * alerts[at]),
                "saved": None if saved is None else float(saved[at]),
                "best": at == best,
            }
        )
    return table


def budget_row(holdout: HoldOut, scores: np.ndarray, budget: int) -> dict[str, float | None]:
    """What the `budget` highest scores of each day find: recall, precision and share of the fraud amount."""
    order = np.lexsort((np.arange(holdout.rows), -scores, holdout.days))
    days = holdout.days[order]
    starts = np.searchsorted(days, days)
    alerted = order[np.arange(holdout.rows) - starts < budget]
    found = float(holdout.labels[alerted].sum())
    row: dict[str, float | None] = {
        "recall": found / holdout.frauds if holdout.frauds else None,
        "precision": found / len(alerted) if len(alerted) else None,
        "amount_recall": None,
    }
    if holdout.amounts is not None:
        lost = float(holdout.amounts[holdout.labels].sum())
        hit = alerted[holdout.labels[alerted]]
        row["amount_recall"] = float(holdout.amounts[hit].sum()) / lost if lost else None
    return row


def _spread(size: int) -> list[int]:
    """Positions from 0 to size - 1, evenly spread on a logarithmic scale."""
    return sorted({int(place) - 1 for place in np.geomspace(1, size, TABLE_ROWS).round()})
