"""Data quality beside AWS: Model Monitor's own files and figures, and the texts of its violations."""

import json
import re

import numpy as np
import polars as pl
import pytest

from fraud.monitoring import find_violations, profile, suggest_constraints
from fraud.monitoring.scan import scan_captures, scan_csv


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


def test_data_type_text_is_awss():
    frame = pl.DataFrame({"age": ["1"] * 281 + ["1.5"]})
    constraints = {"features": [{"name": "age", "inferred_type": "Integral", "completeness": 1.0}]}
    violations, _ = find_violations(profile(frame), constraints, None)
    assert violations[0]["description"] == (
        "Data type match requirement is not met. Expected data type: Integral, Expected match: 100.0%. "
        f"Observed: Only {281 / 282 * 100}% of data is Integral."
    )


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
