"""The analyser's kinds end to end: a baseline, then windows of traffic, calm and drifted, and damaged inputs."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit import monitored_traffic as world
from training_code.analyze import analyze
from training_code.monitoring.pages import MOST_BYTES, MOST_METRICS, write_pages
from training_code.monitoring.settings import AnalysisError

HOURS = ("calm", "drifted")
KINDS = ("DATA_QUALITY", "MODEL_QUALITY", "MODEL_BIAS", "MODEL_EXPLAINABILITY")
BIAS = {
    "version": "1.0",
    "headers": [*world.NAMES, world.LABEL],
    "label": world.LABEL,
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "night", "value_or_threshold": [1]}, {"name_or_index": "channel_web"}],
    "group_variable": "channel_web",
    "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
}
SHAP = {
    "version": "1.0",
    "headers": world.NAMES,
    "label_headers": ["fraud_probability"],
    "methods": {"shap": {"agg_method": "mean_abs"}},
}


def read(folder: Path, name: str):
    return json.loads((folder / name).read_text())


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A model, two hours of traffic, and a baseline of each kind made by the analyser itself."""
    root = tmp_path_factory.mktemp("monitors")
    package = world.train()
    world.put_model(package, root / "model")
    frame = world.baseline_table(package, root / "tables/all/baseline.csv")
    path = root / "tables/data/baseline.csv"
    path.parent.mkdir()
    frame.drop(world.LABEL).write_csv(path)
    for name, body in (("bias", BIAS), ("shap", SHAP)):
        (root / f"{name}.json").write_text(json.dumps(body))
    table = {"dataset_format": '{"csv": {"header": true}}', "dataset_source": str(root / "tables/all")}
    settings = {
        "DATA_QUALITY": table | {"dataset_source": str(root / "tables/data")},
        "MODEL_QUALITY": table | {"probability_attribute": "fraud_probability", "ground_truth_attribute": world.LABEL},
        "MODEL_BIAS": table | {"analysis_config": str(root / "bias.json")},
        "MODEL_EXPLAINABILITY": table
        | {"analysis_config": str(root / "shap.json"), "model_source": str(root / "model")},
    }
    for kind, environment in settings.items():
        base = root / "baseline" / kind
        message = analyze({**environment, "analysis_type": kind, "output_path": str(base)}, root / "base")
        assert message == "Completed: Job completed successfully with no violations."
        assert not (base / "constraint_violations.json").exists()
        assert read(base, "run.json")["baseline"] is False
    columns = {"features": world.NAMES, "amount": "amount"}
    (root / "baseline/MODEL_QUALITY/columns.json").write_text(json.dumps(columns))
    hours = {
        "calm": world.traffic(package, root / "calm", 2500, 11),
        "drifted": world.traffic(package, root / "drifted", 2500, 12, drifted=True),
    }
    return SimpleNamespace(root=root, package=package, hours=hours)


def run(platform, kind, hour, output: Path, **more):
    """Run a monitor over an hour; return (exit message, folder of reports)."""
    baseline = platform.root / "baseline" / kind
    constraints = "constraints.json" if kind.endswith("QUALITY") else "analysis.json"
    environment = {
        "analysis_type": kind,
        "dataset_source": str(hour.captures),
        "ground_truth_source": str(hour.truth),
        "dataset_format": '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}',
        "output_path": str(output / "reports"),
        "baseline_constraints": str(baseline / constraints),
        "start_time": world.START,
        "end_time": world.END,
        "sagemaker_endpoint_name": "shop",
        "sagemaker_monitoring_schedule_name": "shop-monitor",
        "publish_cloudwatch_metrics": "Enabled",
    }
    if kind.endswith("QUALITY"):
        environment["baseline_statistics"] = str(baseline / "statistics.json")
    if kind == "MODEL_BIAS":
        environment |= {"analysis_config": str(platform.root / "bias.json"), "features_attribute": "instances"}
    if kind == "MODEL_EXPLAINABILITY":
        environment |= {
            "analysis_config": str(platform.root / "shap.json"),
            "model_source": str(platform.root / "model"),
        }
    return analyze(environment | more, output), output / "reports"


@pytest.fixture(scope="module")
def reports(platform):
    """Folder of reports by (kind, hour)."""
    found = {}
    for kind in KINDS:
        for name, hour in platform.hours.items():
            found[kind, name] = run(platform, kind, hour, platform.root / "runs" / kind / name)[1]
    return found


class Page(HTMLParser):
    """Tags and texts of a page; every opened tag must be closed."""

    VOID = frozenset({"meta", "link", "br", "img", "path", "rect", "circle"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("kind", KINDS)
def test_calm_traffic_has_a_verdict_and_every_file(reports, kind):
    folder = reports[kind, "calm"]
    summary = read(folder, "run.json")
    assert summary["analysis_type"] == kind
    assert summary["status"] in ("Completed", "CompletedWithViolations")
    assert summary["window"] == {"start": "2030-01-01T05:00:00+00:00", "end": "2030-01-01T06:00:00+00:00"}
    assert summary["violations"] == len(read(folder, "constraint_violations.json")["violations"])
    labelled = kind in ("MODEL_QUALITY", "MODEL_BIAS")
    assert summary["rows"] + summary["unmatched"] == 2500
    assert (summary["unmatched"] > 0) == labelled
    lines = (folder / "cloudwatch_metrics.jsonl").read_text()
    published = folder.parent / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl"
    assert published.read_text() == lines
    for line in map(json.loads, lines.splitlines()):
        named = {dimension["Name"]: dimension["Value"] for dimension in line["Dimensions"]}
        assert named.items() >= {"Endpoint": "shop", "MonitoringSchedule": "shop-monitor"}.items()
        assert line["Timestamp"] == "2030-01-01T06:00:00Z"
        assert "Value" in line or "StatisticValues" in line
    pages = [read(folder, f"metrics/{number}.json")["metrics"] for number in range(summary["metrics_pages"])]
    assert [metric for page in pages for metric in page] == list(map(json.loads, lines.splitlines()))
    # What alarms have floors for, with engine processing.
    assert ({"recall", "average_precision"} <= summary["metrics"].keys()) == (kind == "MODEL_QUALITY")


def test_pages_are_bounded_and_metrics_that_cloudwatch_refuses_are_counted(tmp_path, capsys):
    lines = [{"MetricName": "m" * (10 + number % 240), "Value": number} for number in range(3000)]
    lines[7]["MetricName"] = "m" * 256
    (tmp_path / "cloudwatch_metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = [tmp_path / "metrics" / f"{number}.json" for number in range(write_pages(tmp_path))]
    found = [json.loads(file.read_text())["metrics"] for file in files]
    assert [metric for page in found for metric in page] == lines[:7] + lines[8:]
    assert max(map(len, found)) <= MOST_METRICS and max(file.stat().st_size for file in files) < 1.02 * MOST_BYTES
    assert "1 metrics with names of more than 255 characters are not published" in capsys.readouterr().out
    assert write_pages(tmp_path / "nothing") == 0


def test_drift_is_seen_by_each_kind(reports):
    data = read(reports["DATA_QUALITY", "drifted"], "drift.json")
    assert {"amount", "night"} <= {violation["feature_name"] for violation in data["violations"]}
    assert not read(reports["DATA_QUALITY", "calm"], "drift.json")["violations"]
    score = {hour: read(reports["DATA_QUALITY", hour], "run.json")["metrics"]["ScoreDrift"] for hour in HOURS}
    assert score["drifted"] > 0.1 > score["calm"]
    quality = {hour: read(reports["MODEL_QUALITY", hour], "run.json")["headline"] for hour in HOURS}
    assert quality["drifted"]["auc"] < quality["calm"]["auc"] - 0.05
    worse = {
        v["metric_name"] for v in read(reports["MODEL_QUALITY", "drifted"], "constraint_violations.json")["violations"]
    }
    assert "auc" in worse
    # Money is known because the baseline says which feature is the amount.
    assert quality["calm"]["fraud_amount"] > quality["calm"]["caught_amount"] > 0
    assert read(reports["MODEL_BIAS", "drifted"], "run.json")["status"] == "CompletedWithViolations"
    ndcg = {hour: read(reports["MODEL_EXPLAINABILITY", hour], "run.json")["headline"]["ndcg"] for hour in HOURS}
    assert ndcg["drifted"] < ndcg["calm"] <= 1.0


def test_metrics_have_the_names_alarms_wait_for(reports):
    def names(kind):
        text = (reports[kind, "drifted"] / "cloudwatch_metrics.jsonl").read_text()
        return {json.loads(line)["MetricName"] for line in text.splitlines()}

    data = names("DATA_QUALITY")
    assert {"feature_baseline_drift_amount", "feature_psi_amount", "score_psi", "feature_non_null_amount"} <= data
    aws = (
        "f0_5 true_negative_rate false_negative_rate recall_best_constant_classifier precision_best_constant_classifier"
    )
    aws += (
        " recall f2 f0_5_best_constant_classifier f2_best_constant_classifier f1_best_constant_classifier auc precision"
    )
    aws += " accuracy_best_constant_classifier true_positive_rate f1 accuracy false_positive_rate"
    aws += " au_prc total_number_of_violations"
    assert set(aws.split()) | {"average_precision", "alert_rate"} <= names("MODEL_QUALITY")
    assert {"bias_metric_DPL", "bias_metric_DI", "bias_metric_TE"} <= names("MODEL_BIAS")
    assert {"feature_amount", "ExpectedValue", "feature_attribution_ndcg"} <= names("MODEL_EXPLAINABILITY")


@pytest.mark.parametrize("hour", HOURS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_report_is_one_file_that_says_what_changed(reports, kind, hour):
    text = (reports[kind, hour] / "report.html").read_text()
    page = Page(text)
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    words = " ".join(" ".join(page.words).split())
    assert "nan" not in words.lower().split()
    assert sum(tag == "svg" for tag, _ in page.tags) >= 1
    if hour == "drifted":
        assert "What changed" in words
        assert "What to do" in words
        expected = {"DATA_QUALITY": "amount (PSI", "MODEL_QUALITY": "AUC: 0.", "MODEL_BIAS": "moved away from parity"}
        assert expected.get(kind, "of the score's weight") in words
    if kind in ("MODEL_QUALITY", "MODEL_BIAS"):
        assert "captured events without a label" in words


def test_earlier_runs_appear_over_time(platform, reports, tmp_path):
    history = tmp_path / "history"
    for number in range(5):
        body = read(reports["MODEL_QUALITY", "calm"], "run.json")
        body["window"] = {"start": None, "end": f"2029-12-{number + 10}T06:00:00+00:00"}
        (history / str(number)).mkdir(parents=True)
        (history / str(number) / "run.json").write_text(json.dumps(body))
    (history / "broken").mkdir()
    (history / "broken" / "run.json").write_text("{")
    _, folder = run(platform, "MODEL_QUALITY", platform.hours["calm"], tmp_path / "out", history_source=str(history))
    text = (folder / "report.html").read_text()
    assert "The last 6 runs of this schedule." in text
    assert "2029-12-10 06:00" in text


def test_names_from_data_cannot_become_markup(platform, tmp_path):
    source = tmp_path / "table"
    source.mkdir()
    (source / "a.csv").write_text('"<script>alert(1)</script>"\n' + "1\n2\n" * 50)
    analyze(
        {
            "dataset_source": str(source),
            "dataset_format": '{"csv": {"header": true}}',
            "output_path": str(tmp_path / "out"),
        },
        tmp_path,
    )
    text = (tmp_path / "out/report.html").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_merged_lines_give_what_joining_gives(platform, reports, tmp_path):
    from training_code.merge_ground_truth import merge

    hour = platform.hours["calm"]
    environment = {"dataset_source": str(hour.captures), "ground_truth_source": str(hour.truth)}
    merge({**environment, "output_path": str(tmp_path / "merged")}, tmp_path)
    merged = SimpleNamespace(captures=tmp_path / "merged", truth="")
    _, folder = run(platform, "MODEL_QUALITY", merged, tmp_path / "out", dataset_format='{"sagemakerMergeJson": {}}')
    name = "constraint_violations.json"
    assert read(folder, name) == read(reports["MODEL_QUALITY", "calm"], name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", ["folder", "labels", "window"])
def test_an_empty_window_is_a_status_not_a_failure(platform, tmp_path, kind, missing):
    hour = SimpleNamespace(captures=tmp_path / "none", truth=tmp_path / "nothing")
    more = {}
    if missing == "labels" and kind in ("MODEL_QUALITY", "MODEL_BIAS"):
        hour.captures = platform.hours["calm"].captures
    if missing == "window" and kind != "DATA_QUALITY":
        hour = platform.hours["calm"]
        more = {"start_time": "2031-01-01T00:00:00Z", "end_time": "2031-01-01T01:00:00Z"}
    message, folder = run(platform, kind, hour, tmp_path / "out", **more)
    assert message == "Completed: Job completed successfully with no violations."
    assert read(folder, "run.json")["status"] == "NoData"
    assert read(folder, "constraint_violations.json")["violations"] == []
    assert "No data" in (folder / "report.html").read_text()


@pytest.mark.parametrize("kind", KINDS[1:])
def test_damaged_lines_are_counted_and_reported(platform, tmp_path, kind):
    hour = SimpleNamespace(captures=tmp_path / "in", truth=platform.hours["calm"].truth)
    shutil.copytree(platform.hours["calm"].captures, hour.captures)
    (file,) = hour.captures.rglob("*.jsonl")
    lines = file.read_text().splitlines()[:400]
    short = json.loads(lines[0])
    short["captureData"]["endpointInput"]["data"] = '{"instances": [[1]]}'
    other = json.loads(lines[1])
    for part in other["captureData"].values():
        part["encoding"] = "MORSE"
    odd = [json.dumps(short), json.dumps(other), "}{", "\x00", '{"captureData": 1, "eventMetadata": {}}']
    file.write_text("\n".join([*odd, *lines[2:]]) + "\n")
    (file.parent / "cut.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00garbage")
    _, folder = run(platform, kind, hour, tmp_path / "out")
    summary = read(folder, "run.json")
    # The short row has an answer that quality can use, where it needs no amounts.
    assert summary["malformed"] in (4, 5)
    assert summary["truncated_files"] == 1
    assert summary["rows"] > 300
    assert "records that cannot be understood" in (folder / "report.html").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_of_which_nothing_can_be_understood_fails(platform, tmp_path, kind):
    """Promised: records of a foreign schema are no window without data, which would be a good result."""
    hour = SimpleNamespace(captures=tmp_path / "in", truth=platform.hours["calm"].truth)
    shutil.copytree(platform.hours["calm"].captures, hour.captures)
    (file,) = hour.captures.rglob("*.jsonl")
    file.write_text('{"ts": 1, "features": {"amount": 1}}\n' * 300)
    with pytest.raises(AnalysisError, match=r"none can be understood \(300 were left out"):
        run(platform, kind, hour, tmp_path / "out")


def _without(*path):
    """The document without the member at the path."""

    def change(document):
        *parents, last = path
        part = document
        for name in parents:
            part = part[name]
        del part[last]
        return json.dumps(document)

    return change


def _truncated(document):
    return json.dumps(document)[:-20]


@pytest.mark.parametrize(
    ("kind", "variable", "damage", "message"),
    [
        *((kind, "baseline_constraints", lambda _: None, "cannot be read") for kind in KINDS),
        *((kind, "baseline_constraints", _truncated, "cannot be read") for kind in KINDS),
        *((kind, "baseline_statistics", _truncated, "cannot be read") for kind in KINDS[:2]),
        ("DATA_QUALITY", "baseline_constraints", lambda _: '{"features": []}', "a list 'features' of objects"),
        ("DATA_QUALITY", "baseline_constraints", lambda _: '{"features": [null]}', "features[0] is no object"),
        ("DATA_QUALITY", "baseline_statistics", _without("features", 0), "nothing about "),
        ("DATA_QUALITY", "baseline_statistics", _without("features", 0, "numerical_statistics"), "is missing or empty"),
        ("MODEL_QUALITY", "baseline_constraints", lambda _: '{"binary_classification_constraints": {}}', "or empty"),
        ("MODEL_QUALITY", "baseline_statistics", _without("binary_classification_metrics"), "is missing or empty"),
        ("MODEL_BIAS", "baseline_constraints", lambda _: "{}", "pre_training_bias_metrics is missing or empty"),
        ("MODEL_BIAS", "baseline_constraints", _without("post_training_bias_metrics"), "is missing or empty"),
        ("MODEL_EXPLAINABILITY", "baseline_constraints", lambda _: "{}", "is not in the document"),
    ],
)
def test_a_damaged_baseline_is_named_and_never_a_good_verdict(platform, tmp_path, kind, variable, damage, message):
    """Promised: what a baseline has lost is not left out of the comparison in silence."""
    name = "analysis.json" if not kind.endswith("QUALITY") else f"{variable.removeprefix('baseline_')}.json"
    path, text = tmp_path / name, damage(read(platform.root / "baseline" / kind, name))
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        run(platform, kind, platform.hours["calm"], tmp_path / "out", **{variable: str(path)})


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("MODEL_QUALITY", {"problem_type": "Riddle"}, "problem_type 'Riddle': one of BinaryClassification"),
        ("MODEL_QUALITY", {"probability_threshold_attribute": "high"}, "probability_threshold_attribute: 'high'"),
        ("MODEL_QUALITY", {"problem_type": "Regression"}, "regression_constraints is missing"),
        ("MODEL_QUALITY", {"start_time": "yesterday"}, "start_time: 'yesterday' is no time in ISO 8601"),
        ("MODEL_BIAS", {"analysis_config": ""}, "analysis_config: MODEL_BIAS needs the path"),
        ("MODEL_EXPLAINABILITY", {"model_source": ""}, "model_source: the folder with the endpoint's model.tar.gz"),
        ("DATA_QUALITY", {"psi_threshold": "much"}, "psi_threshold: 'much' is no number"),
    ],
)
def test_wrong_settings_are_named(platform, tmp_path, kind, change, message):
    with pytest.raises(AnalysisError, match=re.escape(message)):
        run(platform, kind, platform.hours["calm"], tmp_path, **change)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"headers": []}, "headers must list"),
        ({"facet": [{"name_or_index": "shoe_size"}]}, "facet 'shoe_size' is none of the headers"),
        ({"facet": []}, "facet must name at least one column"),
        ({"facet": [{"name_or_index": "amount"}]}, "facet amount: a column of numbers needs value_or_threshold"),
    ],
)
def test_a_wrong_bias_configuration_is_named(platform, tmp_path, config, message):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(BIAS | config))
    with pytest.raises(AnalysisError, match=message):
        run(platform, "MODEL_BIAS", platform.hours["calm"], tmp_path / "out", analysis_config=str(path))
