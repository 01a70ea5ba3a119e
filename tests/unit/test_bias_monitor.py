"""Bias: the metrics equal AWS's on its own published report, segments of every kind, violations, damaged baselines."""

import json
import math

import numpy as np
import pytest

from fraud.monitoring import bias_metrics
from fraud.monitoring.bias import BiasData, analyse_bias, bias_lines, bias_values, bias_violations
from fraud.monitoring.facets import FacetError, segments

REPORT = "model_monitor/mm-aws-json/sm-clarify_model_bias_monitor_for_endpoint_json__cell72__bias_analysis.json"
# The only numbers of rows, labels, predictions and hits of the two groups from which AWS's report can have come (found
# by trying all; the data itself is not public): 456 others and 210 of the segment.
OTHERS = {"rows": 456, "labels": 143, "predicted": 122, "hits": 86}
SEGMENT = {"rows": 210, "labels": 17, "predicted": 10, "hits": 8}


def group(rows, labels, predicted, hits):
    """(label, prediction) of each row of a group with these counts."""
    rest = rows - labels - predicted + hits
    return [(1, 1)] * hits + [(1, 0)] * (labels - hits) + [(0, 1)] * (predicted - hits) + [(0, 0)] * rest


@pytest.fixture(scope="module")
def data():
    pairs = np.array(group(**OTHERS) + group(**SEGMENT), dtype=bool)
    sex = ["1"] * OTHERS["rows"] + ["0"] * SEGMENT["rows"]
    columns = {"Sex": sex, "x": [float(number % 7) for number in range(len(sex))]}
    group_variable = np.arange(len(sex)) % 3
    return BiasData(columns, pairs[:, 0], pairs[:, 1], "Target", "1", group_variable)


@pytest.fixture(scope="module")
def aws(shared_fixtures):
    return json.loads((shared_fixtures / REPORT).read_text())


def test_every_metric_that_counts_decide_equals_awss(aws, data):
    ours, _ = analyse_bias(data, [("Sex", ["0"])])
    compared = 0
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        (entry,) = aws[stage]["facets"]["Sex"]
        (mine,) = ours[stage]["facets"]["Sex"]
        assert {key: ours[stage][key] for key in ("label", "label_value_or_threshold")} == {
            key: aws[stage][key] for key in ("label", "label_value_or_threshold")
        }
        assert mine["value_or_threshold"] == entry["value_or_threshold"]
        assert [(m["name"], m["description"]) for m in mine["metrics"]] == [
            (m["name"], m["description"]) for m in entry["metrics"]
        ]
        for one, other in zip(mine["metrics"], entry["metrics"], strict=True):
            # These three depend on columns that are not public.
            if one["name"] not in ("CDDL", "CDDPL", "FT"):
                assert one["value"] == pytest.approx(other["value"], rel=1e-15), one["name"]
                compared += 1
    assert compared == 18


def test_violations_are_what_aws_calls_worse(aws):
    changed = json.loads(json.dumps(aws))
    (entry,) = changed["post_training_bias_metrics"]["facets"]["Sex"]
    new = {
        "CDDPL": 0.3748947825295131,
        "DAR": -0.34693877551020413,
        "DCR": -0.0765,
        "TE": "Infinity",
        "DI": 0.5,
        "AD": 0,
    }
    for metric in entry["metrics"]:
        metric["value"] = new.get(metric["name"], metric["value"])
    found = {violation["metric_name"]: violation for violation in bias_violations(changed, aws)}
    # Better (AD at 0, DI nearer to 1) is no violation; a changed sign is one where it is farther from 0.
    assert set(found) == {"CDDPL", "DAR", "DCR", "TE"}
    assert found["CDDPL"] == {
        "constraint_check_type": "bias_drift_check",
        "description": (
            "Metric value 0.3748947825295131 doesn't meet the baseline constraint requirement 0.28176563733194276"
        ),
        "facet": "Sex",
        "facet_value": "0",
        "metric_name": "CDDPL",
    }
    assert found["TE"]["description"].startswith("Metric value Infinity doesn't meet")
    assert bias_violations(aws, aws) == []


def test_metrics_go_to_cloudwatch_by_clarifys_names(aws):
    aws["post_training_bias_metrics"]["facets"]["Sex"][0]["metrics"][-1]["value"] = "Infinity"
    lines = {line["MetricName"]: line for line in bias_lines(aws, {"Endpoint": "shop"}, "2030-01-01T00:00:00Z")}
    assert lines["bias_metric_CI"]["Dimensions"] == [
        {"Name": name, "Value": value}
        for name, value in {
            **{"Endpoint": "shop", "BiasStage": "Pre-training", "Label": "Target", "LabelValue": "1"},
            **{"Facet": "Sex", "FacetValue": "0"},
        }.items()
    ]
    assert lines["bias_metric_DPPL"]["Value"] == 0.2199248120300752
    assert lines["bias_metric_TE"]["Value"] == 2.348543e108


def test_what_cannot_be_computed_says_why_and_is_not_compared():
    everyone = BiasData(
        {"Sex": ["0"] * 4, "word": list("abcd")}, np.array([1, 0, 1, 0]) == 1, np.array([0, 0, 0, 0]) == 1, "y", "1"
    )
    document, rates = analyse_bias(everyone, [("Sex", []), ("word", ["a"])])
    (sex,), (word,) = (document["post_training_bias_metrics"]["facets"][name] for name in ("Sex", "word"))
    assert {metric["error"] for metric in sex["metrics"]} == {"Negated Facet set is empty"}
    errors = {metric["name"]: metric.get("error") for metric in word["metrics"]}
    assert errors["CDDPL"] == "Group variable is empty or not provided"
    assert errors["DI"] is None
    assert list(bias_values(document, "post_training_bias_metrics"))
    assert all(name != "CDDPL" for _, _, name, _ in bias_values(document, "post_training_bias_metrics"))
    json.dumps(document, allow_nan=False)
    assert rates[0]["rows"] == 4
    assert rates[0]["others_selection_rate"] is None


def test_flip_test_asks_the_nearest_of_the_others():
    facet = np.array([False] * 12 + [True] * 4)
    features = np.array([[0.0]] * 6 + [[10.0]] * 6 + [[0.1], [0.2], [9.9], [9.8]])
    # Among the others whoever is near 10 is accepted; one of the segment there is not, and one near 0 is.
    predictions = np.array([False] * 6 + [True] * 6 + [False, True, True, False])
    assert bias_metrics.flip_test(facet, predictions, features) == 0.0
    predictions[13] = False
    assert bias_metrics.flip_test(facet, predictions, features) == -0.25


def test_missing_and_textual_columns_of_the_flip_test():
    columns = {"Sex": ["0", "1"] * 8, "a": [None, "", 1.5, "nan"] * 4, "b": ["1"] * 16}
    labels = np.arange(16) % 3 == 0
    document, _ = analyse_bias(BiasData(columns, labels, ~labels, "y", "1"), [("Sex", ["0"])])
    values = {name: value for _, _, name, value in bias_values(document, "post_training_bias_metrics")}
    assert math.isfinite(values["FT"])
    document, _ = analyse_bias(BiasData(columns | {"c": ["x"] * 16}, labels, ~labels, "y", "1"), [("Sex", ["0"])])
    entries = document["post_training_bias_metrics"]["facets"]["Sex"][0]["metrics"]
    errors = {metric["name"]: metric.get("error") for metric in entries}
    assert errors["FT"] == "FlipTest does not support non-numeric columns"


def test_segments_of_categories_and_of_numbers():
    found = dict(segments("country", ["DE", "FR", None, "DE", " "], []))
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "DE": [True, False, False, True, False],
        "FR": [False, True, False, False, False],
    }
    ((name, rows),) = segments("flag", [1.0, "1", 0, "0.0", "1.0"], [1])
    assert (name, rows.tolist()) == ("1", [True, True, False, False, True])
    ((name, rows),) = segments("age", [10.5, 40.0, 41.5, 60.0, None], [40])
    assert (name, rows.tolist()) == ("(40, 60]", [False, False, True, True, False])
    ((name, rows),) = segments("country", ["DE", "FR", "IT"], ["DE", "IT"])
    assert (name, rows.tolist()) == ("DE,IT", [True, False, True])
    with pytest.raises(FacetError, match="facet amount: a column of numbers needs value_or_threshold"):
        list(segments("amount", [0.5, 1.5, 2.5], []))


def test_ten_thousand_categories_are_the_most_frequent_ones_and_the_rest():
    names = [f"käufer-{number:05d} 🛒" for number in range(10_000)]
    values = names + names[:60] * 3
    found = dict(segments("shop", values, []))
    assert len(found) == 51
    assert sum(int(rows.sum()) for rows in found.values()) == len(values)
    assert int(found[names[0]].sum()) == 4
    assert int(found["other values"].sum()) == len(values) - 50 * 4


@pytest.mark.parametrize("damaged", [{"post_training_bias_metrics": []}, {"pre_training_bias_metrics": {"facets": 3}}])
def test_a_baseline_in_another_layout_is_named(damaged, data):
    analysis, _ = analyse_bias(data, [("Sex", ["0"])])
    with pytest.raises(ValueError, match="not in Clarify's layout"):
        bias_violations(analysis, damaged)
