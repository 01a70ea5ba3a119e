"""The algorithms behind the trainer interface: typed settings, determinism, files, rare fraud."""

import hashlib

import numpy as np
import pytest
import xgboost
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud.models import (
    OBJECTIVE,
    HyperparameterError,
    Split,
    TrainingError,
    algorithms,
    load_model,
    parse,
    ranking,
    trainer,
)

FAST = {
    "xgboost": {"num_round": "30"},
    "random-forest": {"num_round": "30"},
    "logistic-regression": {},
}


def _split(rows=6000, rate=0.03, seed=0, missing=0.05):
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < rate).astype(np.int8)
    features = random.normal(size=(rows, 6)).astype(np.float32)
    features[labels == 1, :3] += 1.5
    features[random.random(features.shape) < missing] = np.nan
    return Split(features, labels)


def _fit(algorithm, train, validation, report=lambda number, metrics: None, threads=1, **values):
    chosen = trainer(algorithm)
    hyperparameters = parse(chosen.parameters, FAST[algorithm] | values)
    return chosen.fit(train, validation, hyperparameters, report, threads)


@pytest.mark.parametrize("algorithm", algorithms())
def test_each_algorithm_learns_saves_and_loads_the_same_model(algorithm, tmp_path):
    train, validation = _split(), _split(seed=1)
    model = _fit(algorithm, train, validation)
    scores = model.predict_proba(validation.features)
    assert scores.dtype == np.float64
    assert scores.shape == (len(validation.labels),)
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert roc_auc_score(validation.labels, scores) > 0.9
    model.save(tmp_path)
    loaded = load_model(algorithm, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(validation.features), scores)
    np.testing.assert_array_equal(loaded.predict_proba(validation.features[:1]), scores[:1])
    assert loaded.predict_proba(validation.features[:0]).shape == (0,)


@pytest.mark.parametrize("algorithm", algorithms())
def test_the_same_inputs_give_the_same_bytes(algorithm, tmp_path):
    def digests(name, **values):
        folder = tmp_path / name
        folder.mkdir()
        rounds = {"num_round": "8"} if algorithm == "xgboost" else {}
        _fit(algorithm, _split(), _split(seed=1), threads=2, **rounds, **values).save(folder)
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]

    assert digests("first") == digests("second")
    if algorithm != "logistic-regression":
        other = digests("other", seed="7", **({"subsample": "0.5"} if algorithm == "xgboost" else {}))
        assert other != digests("third")


def test_forest_of_arrays_scores_exactly_as_scikit_learn():
    from sklearn.ensemble import RandomForestClassifier

    from fraud.models.random_forest import RandomForestModel

    train, other = _split(rows=3000), _split(rows=2000, seed=5, missing=0.3)
    forest = RandomForestClassifier(n_estimators=20, min_samples_leaf=2, random_state=3)
    forest.fit(train.features, train.labels)
    scores = RandomForestModel.from_sklearn(forest).predict_proba(other.features)
    np.testing.assert_allclose(scores, forest.predict_proba(other.features)[:, 1], rtol=0, atol=1e-7)


@pytest.mark.parametrize("algorithm", ["xgboost", "random-forest"])
def test_progress_is_reported_while_training_goes_on(algorithm):
    lines = []
    _fit(algorithm, _split(), _split(seed=1), report=lambda number, metrics: lines.append((number, metrics)))
    assert lines
    assert all(0 < metrics[OBJECTIVE] <= 1 for _, metrics in lines)


def _rare_fraud(rows, rate, seed):
    """Two signals that are zero for nearly all rows and set for nearly all frauds."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < rate).astype(np.int8)
    first = np.where(labels, random.random(rows) < 0.95, random.random(rows) < 0.002)
    second = np.where(labels, random.random(rows) < 0.90, random.random(rows) < 0.004)
    values = np.column_stack((first * random.uniform(0.2, 1, rows), second * random.uniform(0.2, 1, rows)))
    return Split(values.astype(np.float32), labels)


def test_rare_fraud_is_learnt_where_xgboosts_own_defaults_stay_blind():
    train, validation = _rare_fraud(20_000, 0.001, 0), _rare_fraud(20_000, 0.002, 1)
    test = _rare_fraud(40_000, 0.005, 2)
    plain = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(train.features, train.labels), 100
    )
    blind = plain.predict(xgboost.DMatrix(test.features))
    assert roc_auc_score(test.labels, blind) < 0.6
    model = _fit("xgboost", train, validation, num_round="100")
    scores = model.predict_proba(test.features)
    assert roc_auc_score(test.labels, scores) > 0.97
    assert average_precision_score(test.labels, scores) > 0.8


@pytest.mark.parametrize("levels", [0, 5])
def test_ranking_metrics_equal_scikit_learns(levels):
    random = np.random.default_rng(3)
    labels = random.random(5000) < 0.05
    scores = random.random(5000) + 0.3 * labels
    if levels:
        scores = np.round(scores * levels)
    assert ranking.roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    expected = average_precision_score(labels, scores)
    assert ranking.average_precision(labels, scores) == pytest.approx(expected, abs=1e-12)


def test_ranking_metrics_are_nan_with_one_class():
    scores = np.linspace(0, 1, 5)
    assert np.isnan(ranking.roc_auc(np.zeros(5), scores))
    assert np.isnan(ranking.roc_auc(np.ones(5), scores))
    assert np.isnan(ranking.average_precision(np.zeros(5), scores))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_depth": "99"}, r"max_depth='99': must be an integer from 1 to 20 \(default 5\)"),
        ({"max_depth": "2.5"}, "max_depth='2.5': must be an integer"),
        ({"eta": "nan"}, "eta='nan': must be a number from 0.0001 to 1"),
        ({"eta": "fast"}, "eta='fast'"),
        ({"depth": "3"}, "unknown: depth; allowed are num_round, early_stopping_rounds, eta"),
        ({"eta": "9", "max_depth": "x"}, "eta='9'.*max_depth='x'"),
    ],
)
def test_wrong_hyperparameters_are_named_with_what_is_allowed(values, message):
    with pytest.raises(HyperparameterError, match=message):
        parse(trainer("xgboost").parameters, values)


def test_hyperparameters_are_typed_and_sagemakers_own_are_ignored():
    given = {"max_depth": "7.0", "eta": "1e-1", "sagemaker_program": "x", "_tuning_objective_metric": "y"}
    parsed = parse(trainer("xgboost").parameters, given)
    assert parsed["max_depth"] == 7
    assert isinstance(parsed["max_depth"], int)
    assert parsed["eta"] == 0.1
    assert parsed["num_round"] == 300
    assert list(parsed) == [parameter.name for parameter in trainer("xgboost").parameters]


def test_unknown_algorithms_and_one_class_are_explained():
    with pytest.raises(TrainingError, match="must be one of xgboost, random-forest, logistic-regression"):
        trainer("deep-magic")
    split = _split()
    with pytest.raises(TrainingError, match="train: 6000 rows hold 0 frauds"):
        _fit("logistic-regression", Split(split.features, np.zeros(6000, np.int8)), split)
    with pytest.raises(TrainingError, match="do not fit"):
        Split(split.features, split.labels[:5])
