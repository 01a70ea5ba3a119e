"""Evaluation: metrics against scikit-learn and the handbook's own code, intervals, costs, gate, size."""

import json
import time

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    fbeta_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from fraud.evaluation import Evaluator, HoldOut, decide
from fraud.evaluation.costs import budget_row, threshold_table
from fraud.evaluation.holdout import holdout, without_known_cards
from fraud.evaluation.report import EvaluationError, Settings, evaluate
from tests.unit.model_data import split_frame


def _holdout(rows=8000, rate=0.02, seed=0, cards=900, ties=False):
    random = np.random.default_rng(seed)
    labels = random.random(rows) < rate
    scores = 1 / (1 + np.exp(-(random.normal(-4, 1.3, rows) + 2.5 * labels)))
    if ties:
        scores = np.round(scores, 2)
    test = HoldOut(
        labels=labels,
        days=np.sort(random.integers(0, 7, rows)),
        cards=random.integers(0, cards, rows) if cards else None,
        amounts=random.gamma(2, 40, rows),
        start="2030-01-01T00:00:00",
        end="2030-01-07T23:59:59",
    )
    return test, scores


def _handbook_card_precision(test, scores, top):
    """Card precision as the handbook computes it, card by card."""
    blocked, daily = set(), []
    for day in range(test.number_of_days):
        best = {}
        for row in np.flatnonzero(test.days == day):
            card = test.cards[row]
            if card not in blocked:
                score, fraud = best.get(card, (-1.0, False))
                best[card] = (max(score, scores[row]), fraud or test.labels[row])
        reviewed = sorted(best, key=lambda card: -best[card][0])[:top]
        found = [card for card in reviewed if best[card][1]]
        blocked.update(found)
        daily.append(len(found) / min(top, len(best)))
    return np.mean(daily)


@pytest.mark.parametrize("ties", [False, True])
def test_metrics_equal_scikit_learns_and_the_handbooks(ties):
    test, scores = _holdout(ties=ties)
    values = Evaluator(test, top_cards=20, budgets=(10,)).metrics(scores)
    assert values["auc"] == pytest.approx(roc_auc_score(test.labels, scores), abs=1e-12)
    assert values["average_precision"] == pytest.approx(average_precision_score(test.labels, scores), abs=1e-12)
    assert values["brier"] == pytest.approx(brier_score_loss(test.labels, scores), abs=1e-12)
    if not ties:
        assert values["card_precision_at_20"] == pytest.approx(_handbook_card_precision(test, scores, 20))
    alerted = [
        row
        for day in range(7)
        for row in sorted(np.flatnonzero(test.days == day), key=lambda row: (-scores[row], row))[:10]
    ]
    expected = test.labels[alerted].sum() / test.frauds
    assert values["recall_at_10_alerts"] == pytest.approx(expected)
    assert budget_row(test, scores, 10)["recall"] == pytest.approx(expected)
    assert budget_row(test, scores, 10)["precision"] == pytest.approx(test.labels[alerted].mean())


def test_a_redraw_equals_the_metrics_of_the_rows_it_stands_for():
    test, scores = _holdout(rows=3000, cards=400, ties=True)
    evaluator = Evaluator(test)
    drawn = evaluator.bootstrap(scores, samples=3, seed=5)
    weights = evaluator.draw(range(3), seed=5)
    for sample in range(3):
        rows = np.repeat(np.arange(test.rows), weights[sample, test.cards].astype(int))
        assert drawn["auc"][sample] == pytest.approx(roc_auc_score(test.labels[rows], scores[rows]))
        expected = average_precision_score(test.labels[rows], scores[rows])
        assert drawn["average_precision"][sample] == pytest.approx(expected)
        assert drawn["brier"][sample] == pytest.approx(brier_score_loss(test.labels[rows], scores[rows]))


def test_cards_are_redrawn_whole_and_keep_the_number_of_defrauded_ones():
    test, _ = _holdout(cards=500)
    weights = Evaluator(test).draw(range(50))
    defrauded = np.unique(test.cards[test.labels])
    assert np.all(weights[:, defrauded].sum(axis=1) == len(defrauded))
    assert np.all(weights.sum(axis=1) == 500)
    np.testing.assert_array_equal(weights[20:], Evaluator(test).draw(range(20, 50)))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    truth = average_precision_score(*_labels_and_scores(_holdout(rows=400_000, cards=0, seed=99)))
    hits = 0
    for seed in range(30):
        test, scores = _holdout(rows=4000, cards=0, seed=seed)
        samples = Evaluator(test).bootstrap(scores, 100)["average_precision"]
        low, high = np.quantile(samples, [0.025, 0.975])
        hits += low <= truth <= high
    assert hits >= 24


def _labels_and_scores(pair):
    test, scores = pair
    return test.labels, scores


def test_the_interval_of_a_difference_is_paired():
    test, scores = _holdout()
    other = scores * (1 + 0.02 * np.random.default_rng(1).random(test.rows))
    result = evaluate(test, other, scores, Settings()).summary
    width = {
        part: result[part]["intervals"]["average_precision"]["high"]
        - result[part]["intervals"]["average_precision"]["low"]
        for part in ("candidate", "difference")
    }
    assert width["difference"] < width["candidate"] / 5
    change = result["candidate"]["metrics"]["auc"] - result["champion"]["metrics"]["auc"]
    assert result["difference"]["metrics"]["auc"] == pytest.approx(change)
    same = evaluate(test, scores, scores, Settings()).summary["difference"]
    assert set(same["metrics"].values()) == {0.0}
    assert same["intervals"]["auc"] == {"low": 0.0, "high": 0.0}


def test_200_redraws_of_100_000_rows_take_seconds():
    test, scores = _holdout(rows=100_000, cards=5000)
    began = time.perf_counter()
    Evaluator(test).bootstrap(scores, 200)
    assert time.perf_counter() - began < 15


def test_documents_are_complete_small_and_free_of_nan(tmp_path):
    test, scores = _holdout(rows=50_000, cards=4000)
    result = evaluate(test, scores, scores**1.1, Settings())
    text = json.dumps(result.summary, allow_nan=False)
    assert len(text) < 60_000
    assert set(result.summary) >= {
        *("schema_version", "candidate", "champion", "difference", "gate", "test", "review_budgets", "thresholds")
    }
    assert result.summary["test"] == {
        "rows": 50_000,
        "frauds": test.frauds,
        "start": test.start,
        "end": test.end,
        "days": 7,
    }
    assert [row["alerts_per_day"] for row in result.summary["review_budgets"]] == [50, 100, 200]
    for who in ("candidate", "champion"):
        lines = result.curves[who]
        assert len(lines["roc"]["true_positive_rate"]) <= 501
        assert sum(lines["scores"]["fraud"]) == test.frauds
        assert sum(row["rows"] for row in lines["reliability"]) == test.rows
        assert np.all(np.diff(lines["roc"]["false_positive_rate"]) >= 0)
    json.dumps(result.curves, allow_nan=False)


def test_thinned_curve_keeps_its_area():
    test, scores = _holdout(rows=50_000, cards=4000)
    roc = evaluate(test, scores, None, Settings(bootstrap_samples=20)).curves["candidate"]["roc"]
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(roc_auc_score(test.labels, scores), abs=2e-3)


def test_model_quality_has_awss_fields_and_scikit_learns_values():
    test, scores = _holdout()
    result = evaluate(test, scores, None, Settings(bootstrap_samples=20))
    threshold = next(row["threshold"] for row in result.summary["thresholds"] if row["best"])
    document = result.model_quality
    values = document["binary_classification_metrics"]
    alerts = scores >= threshold
    assert document["version"] == 0.0
    assert document["dataset"]["item_count"] == test.rows
    assert values["recall"]["value"] == pytest.approx(recall_score(test.labels, alerts))
    assert values["precision"]["value"] == pytest.approx(precision_score(test.labels, alerts))
    for beta, name in ((0.5, "f0_5"), (1, "f1"), (2, "f2")):
        assert values[name]["value"] == pytest.approx(fbeta_score(test.labels, alerts, beta=beta))
    assert values["accuracy_best_constant_classifier"]["value"] == pytest.approx(1 - test.labels.mean())
    assert values["auc"]["standard_deviation"] > 0
    matrix = values["confusion_matrix"]
    assert matrix["1"]["1"] == int(np.sum(alerts & test.labels))
    assert matrix["0"]["1"] == int(np.sum(alerts & ~test.labels))


def test_threshold_table_counts_money_and_marks_the_best():
    test = HoldOut(
        labels=np.array([True, False, True, False]),
        days=np.array([0, 0, 1, 1]),
        amounts=np.array([100.0, 10.0, 3.0, 10.0]),
    )
    table = threshold_table(test, np.array([0.9, 0.8, 0.7, 0.1]), review_cost=5.0)
    assert [row["saved"] for row in table] == [95.0, 90.0, 88.0, 83.0]
    assert [row["best"] for row in table] == [True, False, False, False]
    assert table[0]["threshold"] == 0.9
    assert table[0]["fraud_amount_missed"] == 3.0
    assert table[2]["recall"] == 1.0
    assert table[2]["precision"] == pytest.approx(2 / 3)
    assert table[3]["alerts_per_day"] == 2.0
    without = HoldOut(test.labels, test.days)
    table = threshold_table(without, np.array([0.9, 0.8, 0.7, 0.1]), review_cost=5.0)
    assert [row["saved"] for row in table] == [None] * 4
    assert [row["best"] for row in table] == [False, False, True, False]


@pytest.mark.parametrize(
    ("candidate", "champion", "passed", "words"),
    [
        (0.70, None, True, "no champion"),
        (0.19, None, False, "is below the floor of 0.2000"),
        (0.70, 0.705, True, "within the margin of 0.0100"),
        (0.69, 0.705, False, "as good as the champion's 0.7050"),
        (0.15, 0.10, False, "is below the floor"),
        (float("nan"), None, False, "cannot be computed"),
        (0.70, float("nan"), False, "champion's nan"),
    ],
)
def test_gate(candidate, champion, passed, words):
    other = None if champion is None else {"average_precision": champion}
    decision = decide({"average_precision": candidate}, other, "average_precision", margin=0.01, floor=0.2)
    assert decision.passed is passed
    assert any(words in reason for reason in decision.reasons), decision.reasons
    assert all(reason.endswith(".") for reason in decision.reasons)


def test_a_holdout_of_one_class_is_judged_without_a_crash():
    test, scores = _holdout(rows=500)
    for labels in (np.zeros(500, bool), np.ones(500, bool)):
        one = HoldOut(labels, test.days, test.cards, test.amounts)
        result = evaluate(one, scores, scores, Settings(gate_metric="auc", bootstrap_samples=20))
        json.dumps(result.summary, allow_nan=False)
        json.dumps(result.model_quality, allow_nan=False)
        assert result.summary["candidate"]["metrics"]["auc"] is None
        assert result.summary["gate"]["passed"] is False
        assert "cannot be computed" in result.summary["gate"]["reasons"][0]


def test_holdout_takes_days_cards_and_amounts_from_the_frame():
    frame = split_frame(rows=1000).with_columns(
        pl.Series("__known_fraud_card", [False] * 990 + [True] * 10),
    )
    kept = without_known_cards(frame)
    test = holdout(kept)
    assert test.rows == 990
    assert test.number_of_days == 7
    assert len(np.unique(test.cards)) == kept["__card"].n_unique()
    assert test.start.startswith("2030-01-01")
    bare = holdout(kept.with_columns(pl.lit(None).alias("__card"), pl.lit(None).alias("__amount")))
    assert bare.cards is None
    assert bare.amounts is None
    assert len(np.unique(bare.units)) == 990
    some = kept.with_columns(pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise("__card").alias("__card"))
    codes = holdout(some).cards
    assert len(np.unique(codes[:5])) == 5
    assert not set(codes[:5]) & set(codes[5:])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gate_metric": "brier"}, "gate metric 'brier': one of auc, average_precision"),
        ({"gate_floor": 2}, "gate floor 2: from 0 to 1"),
        ({"gate_margin": -1}, "gate margin -1"),
        ({"review_budgets": (0,)}, "1 or more alerts"),
        ({"bootstrap_samples": 1}, "at least 20"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(EvaluationError, match=message):
        Settings(**wrong)
