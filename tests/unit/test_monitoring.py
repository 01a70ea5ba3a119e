"""Data quality: kinds of columns, distances, violations and drift."""

import json

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare, ks_2samp

from fraud.monitoring import find_violations, profile, suggest_constraints
from fraud.monitoring.distribution import (
    categorical_distance,
    each_value_once,
    numeric_distance,
    robust,
)
from fraud.monitoring.errors import BaselineError
from fraud.monitoring.stability import compare


def test_distance_is_the_two_sample_kolmogorov_smirnov_statistic():
    random = np.random.default_rng(0)
    for first, second in (
        (random.normal(size=900), random.normal(0.3, 1.2, 1300)),
        (random.integers(0, 4, 500).astype(float), random.integers(1, 5, 700).astype(float)),
    ):
        points = [(np.sort(values), np.ones(len(values))) for values in (first, second)]
        assert numeric_distance(*points) == pytest.approx(ks_2samp(first, second).statistic, abs=1e-12)
    assert categorical_distance({"a": 3, "b": 1}, {"a": 1, "c": 1}) == pytest.approx(0.5)
    tenths = np.full(50, 0.1)
    assert numeric_distance((tenths.astype(np.float32).astype(float), np.ones(50)), (tenths, np.ones(50))) == 0.0
    assert robust(0.3, 100, 100) == pytest.approx(0.3 - 1.8 * (200 / 10_000) ** 0.5)
    assert robust(0.01, 100, 100) == 0.0


def test_chance_alone_seldom_counts_as_drift():
    random = np.random.default_rng(4)
    baseline = profile(pl.DataFrame({"amount": random.gamma(2, 30, 5000)}))
    constraints, statistics = suggest_constraints(baseline), baseline.to_json()
    for rows in (30, 300, 3000):
        same = profile(pl.DataFrame({"amount": random.gamma(2, 30, rows)}))
        assert find_violations(same, constraints, statistics)[0] == []
    moved = profile(pl.DataFrame({"amount": random.gamma(2, 30, 1000) * 2}))
    violations, drift = find_violations(moved, constraints, statistics)
    assert [violation["constraint_check_type"] for violation in violations] == ["baseline_drift_check"]
    assert drift["amount"] > 0.2
    assert "distance: " in violations[0]["description"]
    assert " exceeds threshold: 0.1" in violations[0]["description"]


def _baseline():
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "fraud_probability": random.beta(1, 30, 3000),
            "amount": random.gamma(2, 30, 3000),
            "age": random.integers(18, 90, 3000),
            "country": random.choice(["BE", "FR"], 3000),
        }
    )
    made = profile(frame)
    return frame, suggest_constraints(made), made.to_json()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: f, set()),
        (lambda f: f.drop("amount"), {("Missing columns", "missing_column_check")}),
        (lambda f: f.with_columns(new=pl.lit(1)), {("Extra columns", "extra_column_check")}),
        (
            lambda f: f.rename({"amount": "sum"}),
            {("amount", "missing_column_check"), ("sum", "extra_column_check")},
        ),
        (lambda f: f.with_columns(pl.col("age") + 0.5), {("age", "data_type_check")}),
        (
            lambda f: f.with_columns(pl.when(pl.int_range(pl.len()) > 9).then("amount").alias("amount")),
            {("amount", "completeness_check")},
        ),
        (
            lambda f: f.with_columns(pl.when(pl.int_range(pl.len()) > 0).then("amount").otherwise(-1.0)),
            {("amount", "non_negative_check")},
        ),
        (
            lambda f: f.with_columns(
                country=pl.when(pl.int_range(pl.len()) > 0).then("country").otherwise(pl.lit("XX"))
            ),
            {("country", "categorical_values_check")},
        ),
        (
            lambda f: f.with_columns(country=pl.lit("BE")),
            {("country", "baseline_drift_check")},
        ),
    ],
)
def test_each_violation_is_found_and_nothing_else(change, expected):
    frame, constraints, statistics = _baseline()
    violations, _ = find_violations(profile(change(frame)), constraints, statistics)
    assert {(v["feature_name"], v["constraint_check_type"]) for v in violations} == expected


def test_settings_of_the_baseline_are_obeyed():
    frame, constraints, statistics = _baseline()
    moved = profile(frame.with_columns(pl.col("amount") * 3))
    assert len(find_violations(moved, constraints, statistics)[0]) == 1
    off = json.loads(json.dumps(constraints))
    off["monitoring_config"]["evaluate_constraints"] = "Disabled"
    assert find_violations(moved, off, statistics) == ([], {})
    lenient = json.loads(json.dumps(constraints))
    lenient["features"][1]["monitoringConfigOverrides"] = {"distribution_constraints": {"comparison_threshold": 0.9}}
    assert find_violations(moved, lenient, statistics)[0] == []


def test_column_kinds_are_told_as_deequ_tells_them():
    frame = pl.DataFrame(
        {
            "whole": ["1", " 2", None, "-3"],
            "mixed": ["1", "2.5", "1e3", "+0.5E-2"],
            "text": ["a", "1", None, "inf"],
            "none": pl.Series([None] * 4, dtype=pl.String),
            "flag": ["true", "false", "true", None],
            "flag_and_number": ["true", "1", "0", "1"],
            "not_numbers": ["1.", ".5", "NaN", "1 "],
        }
    )
    columns = {column.name: column for column in profile(frame).columns}
    assert {name: column.inferred_type for name, column in columns.items()} == {
        "whole": "Integral",
        "mixed": "Fractional",
        "text": "String",
        "none": "Unknown",
        "flag": "String",
        "flag_and_number": "String",
        "not_numbers": "String",
    }
    assert columns["whole"].completeness == 0.75
    assert columns["mixed"].kinds == {"Integral": 1, "Fractional": 3, "Boolean": 0, "String": 0}
    assert columns["flag"].kinds["Boolean"] == 3
    assert columns["not_numbers"].kinds["String"] == 4
    assert columns["none"].present == 0
    json.dumps(profile(frame).to_json(), allow_nan=False)


def test_a_flag_that_turns_is_told_by_population_stability_alone():
    """AWS's distance is blind to it; docs/monitoring-statistics.md says so."""
    random = np.random.default_rng(5)
    baseline = profile(pl.DataFrame({"foreign": (random.random(3000) < 0.05).astype(int)}))
    moved = profile(pl.DataFrame({"foreign": (random.random(3000) < 0.6).astype(int)}))
    constraints, before = suggest_constraints(baseline), baseline.to_json()
    assert find_violations(moved, constraints, before) == ([], {"foreign": 0.0})
    assert [column.name for column in compare(before, moved.to_json()) if column.psi > 0.25] == ["foreign"]


def test_small_windows_of_whole_numbers_are_no_drift_by_chance():
    """By AWS's distance they are: a public run has 8 violations in 60 captures of the baseline's own distribution."""
    random = np.random.default_rng(6)
    amounts = np.round(random.lognormal(3, 1.5, 20_000))
    baseline = profile(pl.DataFrame({"amount": amounts}))
    window = profile(pl.DataFrame({"amount": random.choice(amounts, 60)}))
    points = [each_value_once(side.columns[0].sketch.points()) for side in (baseline, window)]
    assert robust(numeric_distance(*points), *(int(weights.sum()) for _, weights in points)) > 0.1
    assert find_violations(window, suggest_constraints(baseline), baseline.to_json()) == ([], {"amount": 0.0})


def test_categories_are_compared_by_the_method_that_the_baseline_names():
    baseline = profile(pl.DataFrame({"country": ["BE"] * 600 + ["FR"] * 300 + ["LU"] * 3}))
    constraints, statistics = suggest_constraints(baseline), baseline.to_json()
    rules = constraints["monitoring_config"]["distribution_constraints"]
    moved = profile(pl.DataFrame({"country": ["BE"] * 55 + ["FR"] * 45}))
    assert find_violations(moved, constraints, statistics)[0] == []
    rules["categorical_drift_method"] = "ChiSquared"
    (violation,), drift = find_violations(moved, constraints, statistics)
    expected = np.array([600, 303]) / 903 * 100
    p_value = chisquare([55, 45], expected).pvalue
    assert violation["constraint_check_type"] == "baseline_drift_check"
    assert drift["country"] == pytest.approx(1 - p_value, abs=1e-12)
    assert f"p-value: {1 - drift['country']:.6f}"[:16] in violation["description"]
    rules["categorical_drift_method"] = "LInfinity"
    rules["comparison_method"] = "Simple"
    assert find_violations(moved, constraints, statistics)[1]["country"] == pytest.approx(0.45 - 300 / 903)
    for setting in ("comparison_method", "categorical_drift_method"):
        kept, rules[setting] = rules[setting], "Sorcery"
        with pytest.raises(BaselineError, match=f"{setting} 'Sorcery'"):
            find_violations(moved, constraints, statistics)
        rules[setting] = kept


def test_overrides_of_a_feature_are_obeyed_where_the_sdk_writes_them():
    baseline = profile(pl.DataFrame({"country": ["BE", "FR"] * 500}))
    moved = profile(pl.DataFrame({"country": ["XX"] * 500}))
    for place in ("monitoringConfigOverrides", "monitoring_config_overrides", "string_constraints"):
        constraints = suggest_constraints(baseline)
        assert len(find_violations(moved, constraints, baseline.to_json())[0]) == 2
        off = {"evaluate_constraints": "Disabled"}
        feature = constraints["features"][0]
        if place == "string_constraints":
            feature[place]["monitoring_config_overrides"] = off
        else:
            feature[place] = off
        assert find_violations(moved, constraints, baseline.to_json())[0] == []
