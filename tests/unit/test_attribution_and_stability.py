"""Attribution drift against AWS's definition, population stability against its own."""

import json

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import ndcg_score

from fraud.monitoring import attribution, profile, stability

EXPLANATION = (
    "model_monitor/mm-aws-json/SageMaker-Monitoring-Feature-Attribution-Drift-for-Endpoint__cell66__explanations.json"
)


def test_ndcg_is_scikit_learns_and_that_of_awss_example():
    random = np.random.default_rng(0)
    for tied in (False, True):
        before, now = random.random((2, 12))
        if tied:
            now = np.round(now, 1)
        ours = attribution.ndcg(dict(enumerate_names(before)), dict(enumerate_names(now)))
        assert ours == pytest.approx(ndcg_score([before], [now]))
    # The college admissions of AWS's documentation: a reversed ranking is far below the threshold.
    before = {"SAT score": 0.70, "GPA": 0.50, "Class rank": 0.05}
    assert attribution.ndcg(before, {"SAT score": 0.10, "GPA": 0.20, "Class rank": 0.70}) == pytest.approx(
        0.6877, abs=1e-4
    )
    assert attribution.ndcg(before, before) == 1.0
    assert attribution.ndcg(before, {"GPA": 0.5, "SAT score": 0.7}) == pytest.approx(1.0)
    assert attribution.ndcg({}, {}) == 1.0


def enumerate_names(values):
    return ((f"f{at}", float(value)) for at, value in enumerate(values))


def test_awss_own_explanations_are_read_and_violations_have_its_text(shared_fixtures):
    aws = json.loads((shared_fixtures / EXPLANATION).read_text())
    values = attribution.attributions(aws)["label0"]
    assert len(values) == 14
    contributions = np.diag(list(values.values())) * len(values)
    ours = attribution.global_attribution(
        -contributions, list(values), aws["explanations"]["kernel_shap"]["label0"]["expected_value"]
    )
    assert attribution.attributions(ours)["label0"] == pytest.approx(values)
    assert ours.keys() == aws.keys()
    assert ours["explanations"]["kernel_shap"]["label0"].keys() == aws["explanations"]["kernel_shap"]["label0"].keys()
    assert attribution.attribution_violations(ours, aws) == ([], {"label0": pytest.approx(1.0)})
    order = sorted(values, key=values.get)
    turned = dict(zip(order, sorted(values.values(), reverse=True), strict=True))
    aws["explanations"]["kernel_shap"]["label0"]["global_shap_values"] = turned
    (violation,), scores = attribution.attribution_violations(ours, aws)
    assert violation == {
        "label": "label0",
        "metric_name": "shap",
        "constraint_check_type": "feature_attribution_drift_check",
        "description": f"Feature attribution drift {scores['label0']} exceeds threshold 0.9",
    }
    assert 0 < scores["label0"] < 0.9


def test_other_labels_and_layouts_are_named():
    ours = attribution.global_attribution(np.ones((2, 1)), ["a"], 0.0, label="fraud")
    with pytest.raises(ValueError, match="its labels \\(label0\\) are none of the analysis"):
        attribution.attribution_violations(ours, attribution.global_attribution(np.ones((2, 1)), ["a"], 0.0))
    with pytest.raises(ValueError, match="global_shap_values is not in the document"):
        attribution.attribution_violations(ours, {"version": "1.0"})


def statistics(**columns):
    return profile(pl.DataFrame(columns)).to_json()


def compared(before, now):
    return {column.name: column for column in stability.compare(statistics(**before), statistics(**now))}


def test_psi_is_its_definition_on_tenths_of_the_baseline():
    random = np.random.default_rng(0)
    before, now = random.gamma(2, 1, 2000), random.gamma(2, 1.6, 2000)
    (found,) = compared({"amount": before}, {"amount": now}).values()
    edges = np.quantile(before, np.arange(1, 10) / 10, method="inverted_cdf")
    p, q = (np.histogram(each, [-np.inf, *np.nextafter(edges, np.inf), np.inf])[0] / 2000 for each in (before, now))
    assert found.before == pytest.approx(p, abs=2e-3)
    assert found.now == pytest.approx(q, abs=2e-3)
    assert found.psi == pytest.approx(np.sum((q - p) * np.log(q / p)), rel=0.02)
    assert found.unstable(stability.LARGE)


@pytest.mark.parametrize("rows", [20, 200, 5000])
def test_the_same_population_is_stable_at_any_size(rows):
    random = np.random.default_rng(rows)
    draws = [random.lognormal(3, 1, size) for size in (5000, *[rows] * 50)]
    unstable = [next(iter(compared({"a": draws[0]}, {"a": draw}).values())).unstable(0.1) for draw in draws[1:]]
    # 99.9 % of windows by construction: one of fifty would be a coincidence, two a defect.
    assert sum(unstable) <= 1


def test_few_values_have_a_bin_each_and_new_ones_fall_to_the_nearest():
    found = compared({"flag": [0.0] * 90 + [1.0] * 10}, {"flag": [0.0] * 50 + [1.0] * 45 + [7.0] * 5})["flag"]
    assert found.labels == ("0", "1")
    assert found.now == (0.5, 0.5)
    # The same number in float32 is the same number.
    found = compared({"share": [0.1, 0.2, 0.3] * 30}, {"share": np.float32([0.1, 0.2, 0.3] * 30)})["share"]
    assert found.psi == pytest.approx(0.0)
    found = compared({"r": list(np.arange(100) / 10)}, {"r": np.float32(np.arange(100) / 10)})["r"]
    assert found.psi == pytest.approx(0.0)


def test_missing_values_and_new_categories_are_bins():
    before = {"country": ["DE"] * 60 + ["FR"] * 40, "amount": [float(n) for n in range(100)]}
    now = {"country": ["DE"] * 30 + ["FR"] * 30 + ["XX"] * 40, "amount": [None] * 50 + [float(n) for n in range(50)]}
    found = compared(before, now)
    assert dict(zip(found["country"].labels, found["country"].now, strict=True))["new values"] == 0.4
    assert found["country"].unstable(0.25)
    assert found["amount"].labels[-1] == "missing"
    assert (found["amount"].before[-1], found["amount"].now[-1]) == (0.0, 0.5)


def test_columns_of_one_side_alone_or_without_values_are_not_compared():
    found = compared({"a": [1.0], "gone": [1.0], "empty": [None]}, {"a": [1.0], "new": [2.0], "empty": [None]})
    assert set(found) == {"a"}
    assert found["a"].psi == 0.0


def test_the_drift_document_has_the_worst_first_and_the_score_apart():
    random = np.random.default_rng(3)
    base = {name: random.normal(size=3000) for name in ("p", "calm", "wild", "mad")}
    now = base | {"wild": base["wild"] + 1, "mad": base["mad"] + 2}
    found = list(stability.compare(statistics(**base), statistics(**now)))
    document = stability.drift_document(found, "p", 0.25)
    assert [feature["name"] for feature in document["features"]] == ["mad", "wild", "calm"]
    assert document["score"]["name"] == "p"
    assert [violation["feature_name"] for violation in document["violations"]] == ["mad", "wild"]
    assert document["violations"][0]["description"] == (
        f"Population stability index: {document['features'][0]['psi']} exceeds threshold: 0.25"
    )
    names = [line["MetricName"] for line in stability.drift_lines(found, "p", {"Endpoint": "shop"}, "2030")]
    assert names == ["score_psi", "feature_psi_calm", "feature_psi_wild", "feature_psi_mad"]
    json.dumps(document, allow_nan=False)


def test_awss_own_statistics_are_compared_with_ours(shared_fixtures):
    folder = shared_fixtures / "model_monitor" / "mm-pair-housing"
    aws = json.loads((folder / "statistics.json").read_text())
    ours = profile(pl.read_csv(folder / "train_data.csv", infer_schema=False)).to_json()
    found = list(stability.compare(aws, ours))
    assert len(found) == sum(
        "numerical_statistics" in f or "distribution" in f["string_statistics"] for f in aws["features"]
    )
    assert max(column.psi for column in found) < 0.01
