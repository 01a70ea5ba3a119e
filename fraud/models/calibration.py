"""Turns a model's scores into probabilities without changing their order.

Three maps are tried, each strictly increasing, so that ranking metrics stay as they are:

- platt: a logistic curve of the score's log-odds (2 parameters), from 10 frauds on;
- beta: the same with separate slopes at both ends (3 parameters), from 100 frauds on;
- isotonic: centred isotonic regression, a line through the centres of the steps of isotonic regression instead
  of the steps, because steps would tie scores; from 1,000 frauds on.

A more flexible map replaces a simpler one only where its log loss over five folds is lower by more than two
standard errors. Below 10 frauds the scores are left alone: there is nothing to learn a curve from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CALIBRATION_FILE = "calibration.json"
CALIBRATION_VERSION = 1
LEAST_FRAUDS = {"platt": 10, "beta": 100, "isotonic": 1000}
_PARAMETERS = {"identity": 0, "platt": 2, "beta": 3}
_FOLDS = 5
_TILT = 1e-3
_EDGE = 1e-15
# Log-odds above 20 are compressed below 30: beyond 36 a float64 probability rounds to 1 and scores would tie.
_CAP, _CAP_ROOM, _CAP_SCALE = 20.0, 10.0, 40.0


class CalibrationError(ValueError):
    """A calibration file is malformed; the message names the field."""


@dataclass(frozen=True)
class Calibration:
    """A strictly increasing map of scores to probabilities.

    `method` is identity, platt, beta or isotonic. `parameters` are (slope, intercept) for platt, (slope at 0,
    slope at 1, intercept) for beta; for isotonic `knots` are increasing (log-odds of score, log-odds of
    probability) pairs, joined by lines.
    """

    method: str = "identity"
    parameters: tuple[float, ...] = ()
    knots: tuple[tuple[float, float], ...] = ()
    frauds: int = 0
    rows: int = 0

    def __post_init__(self) -> None:
        if self.method == "isotonic":
            knots = np.asarray(self.knots, dtype=np.float64)
            if knots.ndim != 2 or len(knots) < 2 or not np.all(np.diff(knots, axis=0) > 0):
                raise CalibrationError("knots: at least two strictly increasing pairs are needed")
        elif self.method not in _PARAMETERS:
            raise CalibrationError(f"method: {self.method!r} is not identity, platt, beta or isotonic")
        elif len(self.parameters) != _PARAMETERS[self.method]:
            raise CalibrationError(f"parameters: {self.method} needs {_PARAMETERS[self.method]} numbers")

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Return float64 probabilities of shape (rows,) for scores in [0, 1]."""
        scores = np.asarray(scores, dtype=np.float64)
        if self.method == "identity":
            return scores
        odds = self._log_odds(np.clip(scores, _EDGE, 1 - _EDGE))
        odds = np.where(odds > _CAP, _CAP + _CAP_ROOM * np.tanh((odds - _CAP) / _CAP_SCALE), odds)
        return 1.0 / (1.0 + np.exp(-odds))

    def one(self, score: float) -> float:
        """Return the probability of one score: to the last bit what a call with an array gives, in a tenth of the time.

        Logarithms and exponentials are numpy's here too: the C library's differ in the last bit.
        """
        if self.method == "identity":
            return score
        score = min(max(score, _EDGE), 1 - _EDGE)
        low, high = float(np.log(score)), float(np.log1p(-score))
        if self.method == "platt":
            slope, intercept = self.parameters
            odds = slope * (low - high) + intercept
        elif self.method == "beta":
            slope_low, slope_high, intercept = self.parameters
            odds = slope_low * low - slope_high * high + intercept
        else:
            odds = float(self._log_odds(np.float64(score)))
        if odds > _CAP:
            odds = _CAP + _CAP_ROOM * float(np.tanh((odds - _CAP) / _CAP_SCALE))
        return 1.0 / (1.0 + float(np.exp(-odds)))

    def _log_odds(self, scores: np.ndarray) -> np.ndarray:
        if self.method == "platt":
            slope, intercept = self.parameters
            return slope * _logit(scores) + intercept
        if self.method == "beta":
            low, high, intercept = self.parameters
            return low * np.log(scores) - high * np.log1p(-scores) + intercept
        x, y = np.asarray(self.knots).T
        odds = _logit(scores)
        inside = np.interp(odds, x, y)
        # Beyond the outer knots the curve goes on with the score's own slope.
        return inside + np.minimum(odds - x[0], 0.0) + np.maximum(odds - x[-1], 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, as written to calibration.json."""
        return {
            "calibration_version": CALIBRATION_VERSION,
            "method": self.method,
            "parameters": list(self.parameters),
            "knots": [list(knot) for knot in self.knots],
            "fitted_on": {"split": "validation", "rows": self.rows, "frauds": self.frauds},
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Calibration:
        """Read the JSON form; raise CalibrationError naming the field at fault."""
        version = body.get("calibration_version")
        if version != CALIBRATION_VERSION:
            raise CalibrationError(f"calibration_version: {version!r} cannot be read, 1 is supported")
        fitted = body.get("fitted_on", {})
        return cls(
            method=body.get("method", ""),
            parameters=tuple(float(number) for number in body.get("parameters", ())),
            knots=tuple((float(x), float(y)) for x, y in body.get("knots", ())),
            frauds=int(fitted.get("frauds", 0)),
            rows=int(fitted.get("rows", 0)),
        )

    def save(self, folder: Path) -> None:
        """Write calibration.json into a folder."""
        text = json.dumps(self.to_json(), indent=1)
        (folder / CALIBRATION_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Read calibration.json from a folder."""
        return cls.from_json(json.loads((folder / CALIBRATION_FILE).read_text(encoding="utf-8")))


def fit(labels: np.ndarray, scores: np.ndarray) -> Calibration:
    """Choose and fit a calibration on labels and scores of shape (rows,) that training has not learnt from."""
    labels = np.asarray(labels) == 1
    scores = np.clip(np.asarray(scores, dtype=np.float64), _EDGE, 1 - _EDGE)
    scarce = int(min(labels.sum(), len(labels) - labels.sum()))
    candidates = [method for method, least in LEAST_FRAUDS.items() if scarce >= least]
    if not candidates:
        return Calibration(frauds=int(labels.sum()), rows=len(labels))
    chosen = candidates[0]
    if len(candidates) > 1:
        losses = {method: _cross_validated_losses(method, labels, scores) for method in candidates}
        for method in candidates[1:]:
            gain = losses[chosen] - losses[method]
            if gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain)):
                chosen = method
    return _fit(chosen, labels, scores)


def _cross_validated_losses(method: str, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    # Stratified by label alone: folds interleaved by score too would flatter the flexible maps.
    order = np.lexsort((np.random.default_rng(0).permutation(len(labels)), labels))
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order] = np.arange(len(labels)) % _FOLDS
    losses = np.empty(len(labels))
    for held in range(_FOLDS):
        out = fold == held
        probabilities = _fit(method, labels[~out], scores[~out])(scores[out])
        probabilities = np.clip(probabilities, _EDGE, 1 - _EDGE)
        losses[out] = -np.where(labels[out], np.log(probabilities), np.log1p(-probabilities))
    return losses


def _fit(method: str, labels: np.ndarray, scores: np.ndarray) -> Calibration:
    size = {"frauds": int(labels.sum()), "rows": len(labels)}
    if method == "isotonic":
        return Calibration("isotonic", knots=_isotonic_knots(labels, scores), **size)
    if method == "platt":
        inputs = _logit(scores)[:, None]
    else:
        inputs = np.column_stack((np.log(scores), -np.log1p(-scores)))
    return Calibration(method, parameters=_increasing_logistic(inputs, labels), **size)


def _increasing_logistic(inputs: np.ndarray, labels: np.ndarray) -> tuple[float, ...]:
    """Fit logistic regression with positive slopes; return (slopes…, intercept)."""
    from scipy.optimize import minimize

    frauds, genuine = labels.sum(), (~labels).sum()
    # Platt's targets keep the curve finite where scores separate the classes.
    targets = np.where(labels, (frauds + 1.0) / (frauds + 2.0), 1.0 / (genuine + 2.0))
    design = np.column_stack((inputs, np.ones(len(inputs))))

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        odds = design @ parameters
        value = np.sum(np.logaddexp(0.0, odds) - targets * odds)
        return value / len(odds), design.T @ (1.0 / (1.0 + np.exp(-odds)) - targets) / len(odds)

    slopes = inputs.shape[1]
    result = minimize(
        loss,
        x0=np.r_[np.full(slopes, 1.0), 0.0],
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.02, 10.0)] * slopes + [(None, None)],
        options={"ftol": 1e-12, "gtol": 1e-9},
    )
    return tuple(float(number) for number in result.x)


def _isotonic_knots(labels: np.ndarray, scores: np.ndarray) -> tuple[tuple[float, float], ...]:
    from sklearn.isotonic import isotonic_regression

    odds = _logit(scores)
    order = np.argsort(odds, kind="stable")
    steps = isotonic_regression(labels[order].astype(np.float64))
    block = np.cumsum(np.r_[0, np.diff(steps) > 0])
    rows = np.bincount(block).astype(np.float64)
    centres = np.bincount(block, weights=odds[order]) / rows
    # Half a fraud more and half a genuine row more keep steps of 0 and 1 finite.
    shares = (np.bincount(block, weights=labels[order]) + 0.5) / (rows + 1.0)
    # A slight tilt keeps apart the scores between two knots of the same height.
    heights = np.maximum.accumulate(_logit(shares)) + _TILT * (centres - centres[0])
    knots = np.column_stack((centres, heights))
    rising = np.r_[True, np.all(np.diff(knots, axis=0) > 0, axis=1)]
    return tuple((float(x), float(y)) for x, y in knots[rising])


def _logit(scores: np.ndarray) -> np.ndarray:
    return np.log(scores) - np.log1p(-scores)
