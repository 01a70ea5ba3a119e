"""Constraints of bias with room for chance: traffic like the baseline's breaks few, a change breaks many."""

import json

import numpy as np
import pytest

from fraud.monitoring.bias import BiasData, analyse_bias, bias_values, bias_violations, distance, part
from fraud.monitoring.bias_constraints import suggest_bias_constraints
from stacks.config import MonitoringConfig

FACETS = [("night", (1,)), ("web", (1,)), ("category", ())]
ROWS, WINDOW = 10_000, 1500


def traffic(rows: int, seed: int, alerts_at_night: float = 0.0) -> BiasData:
    """Events of which some kinds are fraud more often; `alerts_at_night` more alerts at night than frauds tell."""
    random = np.random.default_rng(seed)
    night, web = random.random(rows) < 0.3, random.random(rows) < 0.5
    category = random.integers(0, 6, rows)
    chance = 1 / (1 + np.exp(3 - 0.8 * night - 0.7 * (category == 3)))
    score = chance * random.lognormal(0, 0.5, rows) + alerts_at_night * night
    columns = {"night": night.astype(int).tolist(), "web": web.astype(int).tolist(), "category": category.tolist()}
    return BiasData(columns, random.random(rows) < chance, score > 0.12, "fraud", "1")


@pytest.fixture(scope="module")
def baseline() -> tuple[dict, dict]:
    """The baseline's analysis, and the constraints made of it."""
    data = traffic(ROWS, 0)
    analysis, _ = analyse_bias(data, FACETS)
    return analysis, suggest_bias_constraints(analysis, data, part(data, FACETS), WINDOW)


def broken(constraints: dict, seed: int, **changed: float) -> int:
    return len(bias_violations(analyse_bias(traffic(WINDOW, seed, **changed), FACETS)[0], constraints))


def test_chance_raises_no_alarm_and_a_change_does(baseline):
    analysis, constraints = baseline
    alarm = MonitoringConfig().bias.violations
    # AWS's rule against the analysis itself is broken by nothing but chance.
    assert min(broken(analysis, seed) for seed in (1, 2, 3)) > alarm
    assert max(broken(constraints, seed) for seed in (1, 2, 3)) < alarm
    assert min(broken(constraints, seed, alerts_at_night=0.3) for seed in (1, 2, 3)) >= alarm


def test_constraints_are_clarifys_document_and_never_nearer_to_fairness(baseline):
    analysis, constraints = baseline
    json.dumps(constraints, allow_nan=False)
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        measured = list(bias_values(analysis, stage))
        allowed = list(bias_values(constraints, stage))
        assert [key[:3] for key in measured] == [key[:3] for key in allowed]
        for (*_, name, value), (*_, limit) in zip(measured, allowed, strict=True):
            assert distance(name, limit) >= distance(name, value)
