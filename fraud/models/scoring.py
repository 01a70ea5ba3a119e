"""The score that people read: 0 to 1000, on the scale of odds. Depends on the standard library alone."""

from __future__ import annotations

from math import log10

EVEN_ODDS = 500
POINTS_PER_TENFOLD = 125
HIGHEST = 1000


def score(probability: float) -> int:
    """Return the score of a calibrated probability: 500 is even odds, each 125 points are ten times the odds.

    Because the scale is fixed and probabilities are calibrated, a threshold keeps its meaning from model to model.
    """
    if probability <= 0:
        return 0
    if probability >= 1:
        return HIGHEST
    points = EVEN_ODDS + POINTS_PER_TENFOLD * log10(probability / (1 - probability))
    return round(min(max(points, 0), HIGHEST))


def probability_of(points: int) -> float:
    """Return the probability at which a score stands."""
    odds = 10 ** ((points - EVEN_ODDS) / POINTS_PER_TENFOLD)
    return odds / (1 + odds)
