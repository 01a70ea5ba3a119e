"""Calibration: probabilities come out honest and the order of the scores does not change."""

import json

import numpy as np
import pytest
from sklearn.metrics import log_loss

from fraud.models import calibration
from fraud.models.calibration import Calibration, CalibrationError


def _sample(frauds: int, rows: int = 40_000, bend: float = 1.0, seed: int = 0):
    """Labels, and scores whose log-odds are a distorted copy of the true ones."""
    random = np.random.default_rng(seed)
    odds = random.normal(-3.0, 2.0, rows)
    odds += np.log(frauds / (1 / (1 + np.exp(-odds))).sum())
    truth = 1 / (1 + np.exp(-odds))
    labels = random.random(rows) < truth
    scores = 1 / (1 + np.exp(-(bend * odds + 2.0)))
    return labels.astype(np.int8), scores.astype(np.float32), truth


@pytest.mark.parametrize("frauds", [30, 300, 4000])
def test_calibration_lowers_the_loss_and_keeps_every_rank(frauds):
    labels, scores, _ = _sample(frauds, bend=0.6)
    fitted = calibration.fit(labels, scores)
    probabilities = fitted(scores)
    assert log_loss(labels, probabilities) < log_loss(labels, scores)
    distinct = np.unique(scores)
    assert np.all(np.diff(fitted(distinct)) > 0)
    assert probabilities.sum() == pytest.approx(labels.sum(), rel=0.15)


def test_centred_isotonic_is_chosen_for_a_curve_that_platt_and_beta_cannot_follow():
    random = np.random.default_rng(1)
    scores = random.random(60_000)
    truth = np.where(scores < 0.3, 0.02, np.where(scores < 0.7, 0.3, 0.35))
    labels = random.random(len(scores)) < truth
    fitted = calibration.fit(labels, scores)
    assert fitted.method == "isotonic"
    assert np.all(np.diff(fitted(np.unique(scores.astype(np.float32)))) > 0)
    assert np.mean(np.abs(fitted(scores) - truth)) < 0.02


def test_a_simple_distortion_keeps_the_simple_curve():
    labels, scores, _ = _sample(4000, bend=0.6)
    assert calibration.fit(labels, scores).method == "platt"


def test_scores_are_left_alone_where_frauds_are_too_few_to_learn_from():
    labels, scores, _ = _sample(30)
    labels[np.flatnonzero(labels)[5:]] = 0
    fitted = calibration.fit(labels, scores)
    assert fitted.method == "identity"
    np.testing.assert_array_equal(fitted(scores), scores.astype(np.float64))


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
def test_extreme_scores_stay_apart_and_inside_zero_and_one(method):
    fitted = {
        "platt": Calibration("platt", (3.0, 4.0)),
        "beta": Calibration("beta", (0.5, 4.0, 1.0)),
        "isotonic": Calibration("isotonic", knots=((-3.0, -8.0), (2.0, 9.0))),
    }[method]
    near_one = np.float32(1) - np.arange(1, 6, dtype=np.float32) * np.float32(2**-24)
    scores = np.sort(np.r_[near_one, np.float32(1e-12), np.float32(1e-13), np.float32(0.5)])
    probabilities = fitted(scores)
    assert np.all(np.diff(probabilities) > 0)
    assert probabilities[0] > 0
    assert probabilities[-1] < 1
    assert np.all(np.isfinite(fitted(np.array([0.0, 1.0]))))


def test_file_gives_back_the_same_probabilities(tmp_path):
    for frauds in (5, 30, 300, 5000):
        labels, scores, _ = _sample(frauds, bend=0.7)
        fitted = calibration.fit(labels, scores)
        fitted.save(tmp_path)
        np.testing.assert_array_equal(Calibration.load(tmp_path)(scores), fitted(scores))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "sigmoid"}, "method: 'sigmoid'"),
        ({"calibration_version": 9}, "calibration_version: 9"),
        ({"parameters": [1.0]}, "platt needs 2 numbers"),
        ({"method": "isotonic", "knots": [[0, 1], [1, 1]]}, "strictly increasing"),
    ],
)
def test_a_malformed_file_names_the_field(tmp_path, change, message):
    body = Calibration("platt", (1.0, 0.0)).to_json() | change
    (tmp_path / "calibration.json").write_text(json.dumps(body))
    with pytest.raises(CalibrationError, match=message):
        Calibration.load(tmp_path)
