"""Clarify's bias metrics of one segment (a facet's value) against everybody else.

Shapes: all arrays are booleans of shape (n,). `facet` marks the segment, Clarify's disadvantaged group d; the others
are group a. `labels` and `predictions` mark the positive outcome. Definitions are those of Clarify's documentation
and of smclarify, its open-source part: 0/0 is 0, x/0 is infinity, inf - inf is 0. Metrics that need a value of both
outcomes, or both groups, raise BiasError where they are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

NEIGHBOURS, FEWEST_FOR_NEIGHBOURS = 5, 10
"""Flip Test: neighbours that vote, and the rows from which on more than one does."""


class BiasError(ValueError):
    """A metric is not defined for this data; the message says why."""


PRE_TRAINING = {
    "CDDL": "Conditional Demographic Disparity in Labels (CDDL)",
    "CI": "Class Imbalance (CI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "KL": "Kullback-Liebler Divergence (KL)",
    "KS": "Kolmogorov-Smirnov Distance (KS)",
    "LP": "L-p Norm (LP)",
    "TVD": "Total Variation Distance (TVD)",
}
POST_TRAINING = {
    "AD": "Accuracy Difference (AD)",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
    "DAR": "Difference in Acceptance Rates (DAR)",
    "DCA": "Difference in Conditional Acceptance (DCA)",
    "DCR": "Difference in Conditional Rejection (DCR)",
    "DI": "Disparate Impact (DI)",
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DRR": "Difference in Rejection Rates (DRR)",
    "FT": "Flip Test (FT)",
    "GE": "Generalized Entropy (GE)",
    "RD": "Recall Difference (RD)",
    "SD": "Specificity Difference (SD)",
    "TE": "Treatment Equality (TE)",
}
"""Names and descriptions as Clarify writes them, its spelling of Kullback-Leibler included."""


def require_groups(facet: np.ndarray) -> None:
    """Raise BiasError unless both groups have rows."""
    if not facet.any():
        raise BiasError("Facet set is empty")
    if facet.all():
        raise BiasError("Negated Facet set is empty")


def class_imbalance(facet: np.ndarray) -> float:
    """CI: (n_a - n_d) / n, from -1 to 1."""
    inside = int(facet.sum())
    return (len(facet) - 2 * inside) / len(facet)


def positive_difference(facet: np.ndarray, outcome: np.ndarray) -> float:
    """DPL of labels, DPPL of predictions: the others' positive share less the segment's."""
    return float(outcome[~facet].mean() - outcome[facet].mean())


def disparate_impact(facet: np.ndarray, predictions: np.ndarray) -> float:
    """DI: the segment's positive share over the others'; 1 is parity."""
    return divide(float(predictions[facet].mean()), float(predictions[~facet].mean()))


def conditional_disparity(facet: np.ndarray, outcome: np.ndarray, group: np.ndarray | None) -> float:
    """CDDL, CDDPL: in each subgroup, the segment's share of rejected less its share of accepted, weighted by size."""
    if group is None or not len(group):
        raise BiasError("Group variable is empty or not provided")
    if not outcome.any():
        raise BiasError("No positive labels in set")
    if outcome.all():
        raise BiasError("No negative labels in set")
    total = 0.0
    for name in np.unique(group):
        inside = group == name
        accepted, rejected = outcome & inside, ~outcome & inside
        disparity = _share(rejected & facet, rejected) - _share(accepted & facet, accepted)
        total += int(inside.sum()) * disparity
    return total / len(group)


def divergences(facet: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], float]]:
    """KL, JS, LP, TVD, KS between the label's distributions of the two groups, over outcomes that both have."""
    both = [_shares(labels[~facet]), _shares(labels[facet])]
    common = (both[0] > 0) & (both[1] > 0)
    others, segment = both[0][common], both[1][common]
    middle = (others + segment) / 2

    def checked(value: Callable[[], float]) -> Callable[[], float]:
        def compute() -> float:
            if not len(others):
                raise BiasError("No instance of common facet found, dataset may be too small")
            return float(value())

        return compute

    return {
        "KL": checked(lambda: np.sum(others * np.log(others / segment))),
        "JS": checked(
            lambda: 0.5 * (np.sum(others * np.log(others / middle)) + np.sum(segment * np.log(segment / middle)))
        ),
        "LP": checked(lambda: np.linalg.norm(others - segment, 2)),
        "TVD": checked(lambda: np.linalg.norm(others - segment, 1) / 2),
        "KS": checked(lambda: np.linalg.norm(others - segment, np.inf)),
    }


def confusion_metrics(facet: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """AD, DAR, DCA, DCR, DRR, RD, SD, TE: differences of what follows from the two groups' confusion matrices."""
    a, d = _counts(labels[~facet], predictions[~facet]), _counts(labels[facet], predictions[facet])
    return {
        "AD": a.accuracy - d.accuracy,
        "DAR": _less(a.acceptance, d.acceptance),
        "DCA": _less(a.conditional_acceptance, d.conditional_acceptance),
        "DCR": _less(d.conditional_rejection, a.conditional_rejection),
        "DRR": _less(d.rejection, a.rejection),
        "RD": _less(a.recall, d.recall),
        "SD": _less(d.specificity, a.specificity),
        "TE": _less(d.treatment, a.treatment),
    }


def generalized_entropy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """GE: half the squared coefficient of variation of the benefits, prediction - label + 1."""
    benefits = predictions.astype(np.float64) - labels + 1
    mean = benefits.mean()
    return float(np.mean((benefits / mean) ** 2 - 1) / 2) if mean else 0.0


def flip_test(facet: np.ndarray, predictions: np.ndarray, features: np.ndarray | None) -> float:
    """FT: would the segment's rows be predicted otherwise, were they the others' nearest neighbours?

    `features` is float64 of shape (n, columns) without missing values.
    """
    from sklearn.neighbors import KNeighborsClassifier

    if features is None or not features.shape[1]:
        raise BiasError("FlipTest needs features besides the facet")
    others = features[~facet]
    neighbours = NEIGHBOURS if len(others) >= FEWEST_FOR_NEIGHBOURS else 1
    model = KNeighborsClassifier(n_neighbors=neighbours).fit(others, predictions[~facet])
    expected = model.predict(features[facet])
    actual = predictions[facet]
    return divide(int((actual & ~expected).sum()) - int((~actual & expected).sum()), len(actual))


def divide(part: float, whole: float) -> float:
    """Return part / whole; 0/0 is 0, x/0 is infinity of x's sign."""
    if whole == 0:
        return 0.0 if part == 0 else math.copysign(math.inf, part)
    return part / whole


class _counts:
    """One group's confusion matrix, and the ratios that follow."""

    def __init__(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        hits, misses = int((labels & predictions).sum()), int((labels & ~predictions).sum())
        false_alarms, passed = int((~labels & predictions).sum()), int((~labels & ~predictions).sum())
        self.accuracy = divide(hits + passed, len(labels))
        self.acceptance = divide(hits, hits + false_alarms)
        self.rejection = divide(passed, passed + misses)
        self.conditional_acceptance = divide(hits + misses, hits + false_alarms)
        self.conditional_rejection = divide(passed + false_alarms, passed + misses)
        self.recall = divide(hits, hits + misses)
        self.specificity = divide(passed, passed + false_alarms)
        self.treatment = divide(misses, false_alarms)


def _less(first: float, second: float) -> float:
    return 0.0 if first == second else first - second


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return divide(int(part.sum()), int(whole.sum()))


def _shares(outcome: np.ndarray) -> np.ndarray:
    positive = float(outcome.mean())
    return np.array([1 - positive, positive])
