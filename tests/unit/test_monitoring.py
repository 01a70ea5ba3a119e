"""Data quality: equality with Model Monitor's own files, captures of every encoding, violations and drift."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare, ks_2samp

from fraud.monitoring import find_violations, profile, suggest_constraints
from fraud.monitoring.capture import read_captures
from fraud.monitoring.distribution import (
    categorical_distance,
    each_value_once,
    numeric_distance,
    robust,
)
from fraud.monitoring.errors import BaselineError
from fraud.monitoring.scan import scan_captures, scan_csv
from fraud.monitoring.stability import compare
from tests.unit.monitored_traffic import record

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ["fraud_probability", "amount", "age"]


def _features(document):
    return {feature["name"]: feature for feature in document["features"]}


@pytest.fixture(scope="module")
def housing(shared_fixtures):
    """(folder of AWS's files, our profile) of the same CSV file."""
    folder = shared_fixtures / "model_monitor" / "mm-pair-housing"
    return folder, scan_csv([folder / "train_data.csv"], header=True).profile


def test_statistics_are_awss_file(housing):
    folder, ours = housing
    # As texts: the order of members, of buckets and of domains is AWS's too.
    assert json.dumps(ours.to_json()) == json.dumps(json.loads((folder / "statistics.json").read_text()))


def test_constraints_are_awss_file(housing):
    folder, ours = housing
    assert json.dumps(suggest_constraints(ours)) == json.dumps(json.loads((folder / "constraints.json").read_text()))


def test_awss_own_baseline_finds_no_drift_in_its_own_data(housing):
    folder, current = housing
    constraints = json.loads((folder / "constraints.json").read_text())
    statistics = json.loads((folder / "statistics.json").read_text())
    violations, drift = find_violations(current, constraints, statistics)
    assert violations == []
    assert len(drift) >= 8
    assert max(drift.values()) == 0.0


def test_figures_of_awss_churn_example(shared_fixtures):
    """The table that AWS's introduction prints: ten features, six digits."""
    file = shared_fixtures / "model_monitor" / "mm-pair-churn" / "training-dataset-with-header.csv"
    profile = scan_csv([file], header=True).profile
    assert profile.rows == 2333
    columns = profile.columns[:10]
    assert [column.inferred_type for column in columns] == ["Integral"] * 3 + ["Fractional", "Integral"] * 3 + [
        "Fractional"
    ]
    printed = [
        ("Churn", 0.139306, 325.0, 0.346265, 0.0, 1.0),
        ("Account Length", 101.276897, 236279.0, 39.552442, 1.0, 243.0),
        ("VMail Message", 8.214316, 19164.0, 13.776908, 0.0, 51.0),
        ("Day Mins", 180.226489, 420468.4, 53.987179, 0.0, 350.8),
        ("Day Calls", 100.259323, 233905.0, 20.165008, 0.0, 165.0),
        ("Eve Mins", 200.050107, 466716.9, 50.015928, 31.2, 361.8),
        ("Eve Calls", 99.573939, 232306.0, 19.675578, 12.0, 170.0),
        ("Night Mins", 201.388598, 469839.6, 50.627961, 23.2, 395.0),
        ("Night Calls", 100.227175, 233830.0, 19.282029, 42.0, 175.0),
        ("Intl Mins", 10.253065, 23920.4, 2.778766, 0.0, 18.4),
    ]
    ours = [(c.name, round(c.mean, 6), round(c.sum, 1), round(c.deviation, 6), c.low, c.high) for c in columns]
    assert ours == printed
    levels = [column.sketch.levels()[0] for column in columns]
    assert levels[0][:9] == [0.0] * 8 + [1.0]
    assert levels[1][:6] == [119.0, 100.0, 111.0, 181.0, 95.0, 104.0]
    assert levels[5][:4] == [212.8, 221.3, 227.8, 341.3]


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


def test_texts_of_columns_and_completeness_are_awss():
    """From public reports: github.com payalpt/aai-540-group-7 and skumbarusd/AAI-540_MLOps_Group4."""
    rules = {"features": [{"name": f"_c{at}", "inferred_type": "Unknown", "completeness": 1.0} for at in range(21)]}
    for columns, what in ((27, "extra"), (7, "missing")):
        frame = pl.DataFrame({f"_c{at}": ["1"] for at in range(columns)})
        assert find_violations(profile(frame), rules, None)[0] == [
            {
                "feature_name": f"{what.capitalize()} columns",
                "constraint_check_type": f"{what}_column_check",
                "description": f"There are {what} columns in current dataset. Number of columns in current dataset: "
                f"{columns}, Number of columns in baseline constraints: 21",
            }
        ]
    frame = pl.DataFrame({"carrier_enc": ["2.0"] * 300 + [None] * 3})
    rules = {"features": [{"name": "carrier_enc", "inferred_type": "Integral", "completeness": 1.0}]}
    assert {v["constraint_check_type"]: v["description"] for v in find_violations(profile(frame), rules, None)[0]} == {
        "completeness_check": "Data completeness requirement is not met. Expected: 100.0%. "
        "Observed: Only 99.00990099009901%.",
        "data_type_check": "Data type match requirement is not met. Expected data type: Integral, "
        "Expected match: 100.0%. Observed: Only 0.0% of data is Integral.",
    }


def test_awss_notebooks_read_how_many_values_are_known():
    """sm-model_monitor's visualization/utils.py reads the share with this expression; missing values are known."""
    rules = {
        "features": [
            {
                **{"name": "country", "inferred_type": "String", "completeness": 0.5},
                "string_constraints": {"domains": ["BE", "FR"]},
            }
        ]
    }
    frame = pl.DataFrame({"country": ["BE", "FR", "XX", None]})
    (violation,) = find_violations(profile(frame), rules, None)[0]
    found = re.search("Value: (.+) does not meet the constraint requirement!", violation["description"])
    assert float(found.group(1)) == 0.75


def test_awss_churn_example_has_sixty_violations_and_no_drift(shared_fixtures):
    """The introduction sends its rows over and over; 14 of 3,954 are the one whose flags are fractions."""
    folder = shared_fixtures / "model_monitor" / "mm-pair-churn"
    baseline = scan_csv([folder / "training-dataset-with-header.csv"], header=True).profile
    odd, *rows = (folder / "test_sample.csv").read_text().splitlines()
    random = np.random.default_rng(0)
    sent = [odd] * 14 + [rows[at % len(rows)] for at in range(3940)]
    answers = random.beta(0.3, 2, len(sent)).tolist()
    lines = [f"{answer!r},{line}".split(",") for answer, line in zip(answers, sent, strict=True)]
    names = [column.name for column in baseline.columns]
    current = profile(pl.DataFrame(lines, schema=dict.fromkeys(names, pl.String), orient="row"))
    violations, drift = find_violations(current, suggest_constraints(baseline), baseline.to_json())
    assert len(violations) == 60 and {v["constraint_check_type"] for v in violations} == {"data_type_check"}
    texts = {v["feature_name"]: v["description"] for v in violations}
    assert "Observed: Only 0.0% of data is Integral." in texts["Churn"]
    assert all(
        "Observed: Only 99.64592817400101% of data is Integral." in texts[name] for name in ("State_NV", "State_RI")
    )
    # By its shares alone the answer is as far from a label as can be: Deequ's distance does not count equal values.
    assert drift["Churn"] == 0.0


def test_a_run_of_awss_on_captures_has_these_statistics(tmp_path):
    """Eighteen captured requests and AWS's figures of them: PacktPublishing's SageMaker cookbook, chapter 7."""
    rows = {
        "g": ("-3.585282409963491,-4.820820583530444,88,51", "0.9837374687194824"),
        "b": ("-3.585,-4.8208,88.123,51.456", "0.9837374687194824"),
    }
    with (tmp_path / "a.jsonl").open("w") as file:
        for at in "ggbgbgbgbgbgbggggg":
            data, answer = rows[at]
            sent = {"observedContentType": "text/csv", "mode": "INPUT", "data": data, "encoding": "CSV"}
            got = {"observedContentType": "text/csv", "mode": "OUTPUT", "data": answer, "encoding": "CSV"}
            record = {"captureData": {"endpointInput": sent, "endpointOutput": got}, "eventMetadata": {}}
            file.write(json.dumps(record) + "\n")
    found = scan_captures(tmp_path, ["label", "a", "b", "c", "d"]).profile.to_json()
    columns = {feature["name"]: feature["numerical_statistics"] for feature in found["features"]}
    assert {feature["inferred_type"] for feature in found["features"]} == {"Fractional"}
    # Eighteen requests came in several files; how Spark packed them is not known, and shows in the last digits.
    for name, figures in {
        "label": (0.9837374687194824, 17.707274436950684, 0.0),
        "a": (-3.5851882733089937, -64.53338891956189, 0.00013312933350598632),
        "b": (-4.82081372235363, -86.77464700236533, 9.703169304897515e-06),
        "c": (88.04100000000001, 1584.7380000000003, 0.05798275605729882),
        "d": (51.15200000000001, 920.7360000000001, 0.21496046148071232),
    }.items():
        ours = (columns[name]["mean"], columns[name]["sum"], columns[name]["std_dev"])
        assert ours == pytest.approx(figures, rel=1e-10, abs=1e-15)
    buckets = {name: body["distribution"]["kll"]["buckets"] for name, body in columns.items()}
    assert [bucket["count"] for bucket in buckets["label"]] == [0.0] * 9 + [18.0]
    assert [bucket["count"] for bucket in buckets["c"]] == [12.0] + [0.0] * 8 + [6.0]
    assert buckets["b"][7] == {"lower_bound": -4.820806175059134, "upper_bound": -4.820804116706089, "count": 0.0}
    assert columns["d"]["distribution"]["kll"]["sketch"]["data"][0][:4] == [51.0, 51.0, 51.456, 51.0]


def test_data_type_text_is_awss():
    frame = pl.DataFrame({"age": ["1"] * 281 + ["1.5"]})
    constraints = {"features": [{"name": "age", "inferred_type": "Integral", "completeness": 1.0}]}
    violations, _ = find_violations(profile(frame), constraints, None)
    assert violations[0]["description"] == (
        "Data type match requirement is not met. Expected data type: Integral, Expected match: 100.0%. "
        f"Observed: Only {281 / 282 * 100}% of data is Integral."
    )


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


def test_captures_of_every_encoding_give_the_same_rows(tmp_path):
    hour = tmp_path / "endpoint" / "primary" / "2030" / "01" / "01" / "05"
    hour.mkdir(parents=True)
    in_json = '{"instances": [[12.5, 30], [3.0, null]]}'
    out_json = '{"predictions": [{"score": 0.25}, {"score": 0.5}]}'
    records = [
        record("12.5,30\n3.0,\n", "0.25\n0.5\n"),
        record(in_json, out_json, "JSON", "application/json"),
        record(
            base64.b64encode(b"12.5,30\n3.0,").decode(),
            base64.b64encode(b"0.25\n0.5").decode(),
            "BASE64",
            "text/csv; charset=utf-8",
        ),
        record(
            base64.b64encode(in_json.encode()).decode(),
            base64.b64encode(out_json.encode()).decode(),
            "BASE64",
            "application/json",
        ),
        record('"12.5","30"\n3.0,""', "0.25\n0.5"),
        record("[12.5, 30]\n[3.0, null]", '{"score": 0.25}\n{"score": 0.5}', "JSON", "application/jsonlines"),
    ]
    (hour / "00-00-000-a.jsonl").write_text("\n".join(records) + "\n")
    captured = read_captures(tmp_path, NAMES)
    assert (captured.records, captured.malformed) == (6, 0)
    assert captured.frame.columns == NAMES
    numbers = captured.frame.cast(pl.Float64)
    assert numbers.rows() == [(0.25, 12.5, 30.0), (0.5, 3.0, None)] * 6
    only_input = read_captures(tmp_path, NAMES[1:], ["endpointInput"]).frame
    assert only_input.columns == NAMES[1:]
    assert len(only_input) == 12


def test_malformed_records_are_counted_and_the_rest_is_read(tmp_path):
    bad = [
        "not json",
        "{}",
        "[]",
        '{"captureData": null}',
        record("1,2\n3,4\n", "0.5\n"),
        record("1,2", "0.5", "THRIFT"),
        record("%%%", "0.5", "BASE64"),
        record(base64.b64encode(b"\xff\xfe\xfd").decode(), "MC41", "BASE64"),
        record('{"a": ', "0.5", "JSON"),
        '{"captureData": {"endpointInput": {"data": "1,2", "encoding": "CSV"}}}',
    ]
    good = record("1,2", "0.5")
    (tmp_path / "a.jsonl").write_bytes(("\n".join([*bad, good, ""]) + "\n").encode() + b"\xff\xfe\n")
    captured = read_captures(tmp_path, NAMES)
    assert captured.malformed == len(bad) + 1
    assert captured.records == len(bad) + 2
    assert captured.frame.rows() == [("0.5", "1", "2")]


def test_short_and_long_rows_are_kept_and_show_as_columns(tmp_path):
    records = [record("1,2", "0.5"), record("1", "0.5"), record("1,2,9", "0.5")]
    (tmp_path / "a.jsonl").write_text("\n".join(records))
    frame = read_captures(tmp_path, NAMES).frame
    assert frame.rows() == [("0.5", "1", "2", None), ("0.5", "1", None, None), ("0.5", "1", "2", "9")]
    assert frame.columns == [*NAMES, "_c3"]
    (tmp_path / "a.jsonl").write_text(records[1])
    assert read_captures(tmp_path, NAMES).frame.columns == NAMES[:2]
