"""Runs of the data quality monitor as a processing job: files, metrics, messages and empty windows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.unit.monitored_traffic import record

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ["fraud_probability", "amount", "age"]


def _run(base: Path, **environment):
    wheels = base / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    (wheels / "requirements.txt").write_text("")
    return subprocess.run(
        [sys.executable, "-m", "training_code.analyze"],
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "SAGEMAKER_BASE_DIR": str(base),
            "SM_CHANNEL_WHEELS": str(wheels),
            "output_path": str(base / "reports"),
            "publish_cloudwatch_metrics": "Enabled",
            "sagemaker_endpoint_name": "shop",
            "sagemaker_monitoring_schedule_name": "shop-data-quality",
            "start_time": "2030-01-01T05:00:00Z",
            "end_time": "2030-01-01T06:00:00Z",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture
def baseline_files(tmp_path):
    """Environment of a run against a baseline made by a run without one."""
    random = np.random.default_rng(2)
    frame = pl.DataFrame(
        {name: random.gamma(2, scale, 2000) for name, scale in zip(NAMES, (0.01, 30.0, 20.0), strict=True)}
    )
    source = tmp_path / "baseline-input"
    source.mkdir()
    frame.write_csv(source / "baseline.csv")
    base = tmp_path / "baseline"
    result = _run(base, dataset_source=str(source), dataset_format='{"csv": {"header": true}}')
    assert result.returncode == 0, result.stderr
    assert (base / "output" / "message").read_text() == ("Completed: Job completed successfully with no violations.")
    assert {path.name for path in (base / "reports").iterdir()} >= {"statistics.json", "constraints.json", "run.json"}
    assert not (base / "reports" / "constraint_violations.json").exists()
    return frame, {
        "baseline_constraints": str(base / "reports" / "constraints.json"),
        "baseline_statistics": str(base / "reports" / "statistics.json"),
        "dataset_format": '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}',
    }


def _capture(folder: Path, frame: pl.DataFrame):
    folder.mkdir(parents=True)
    lines = [record(f"{amount!r},{age!r}", f"{score!r}\n") for score, amount, age in frame.iter_rows()]
    (folder / "00-00-000-x.jsonl").write_text("\n".join(lines))


def test_monitoring_run_reports_drift_and_publishes_metrics(baseline_files, tmp_path):
    frame, environment = baseline_files
    for name, factor in (("same", 1.0), ("moved", 2.0)):
        source = tmp_path / f"{name}-input"
        _capture(source / "shop" / "primary" / "2030", frame.with_columns(pl.col("amount") * factor))
        base = tmp_path / name
        result = _run(base, dataset_source=str(source), **environment)
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "same/output/message").read_text().startswith("Completed: ")
    assert (tmp_path / "moved/output/message").read_text() == (
        "CompletedWithViolations: Job completed successfully with 1 violations."
    )
    document = json.loads((tmp_path / "moved/reports/constraint_violations.json").read_text())
    assert set(document) == {"violations"}
    assert [(v["feature_name"], v["constraint_check_type"]) for v in document["violations"]] == [
        ("amount", "baseline_drift_check")
    ]
    text = (tmp_path / "moved/output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text()
    metrics = {line["MetricName"]: line for line in map(json.loads, text.splitlines())}
    assert metrics["feature_baseline_drift_amount"]["Value"] > 0.1
    assert metrics["feature_baseline_drift_age"]["Value"] < 0.1
    assert metrics["feature_data_amount"]["StatisticValues"]["SampleCount"] == 2000
    assert metrics["feature_non_null_age"]["Value"] == 1.0
    assert metrics["feature_non_null_age"]["Timestamp"] == "2030-01-01T06:00:00Z"
    assert metrics["feature_non_null_age"]["Dimensions"] == [
        {"Name": "Endpoint", "Value": "shop"},
        {"Name": "MonitoringSchedule", "Value": "shop-data-quality"},
    ]


def test_the_page_names_what_awss_violations_only_count(baseline_files, tmp_path):
    frame, environment = baseline_files
    environment |= {"dataset_format": '{"csv": {"header": true}}', "dataset_source": str(tmp_path / "in")}
    (tmp_path / "in").mkdir()
    changed = frame.drop("amount").with_columns(pl.col("age").cast(pl.String).str.replace(r"^.*$", "1e999"))
    changed.with_columns(page=pl.lit("x"), colour=pl.lit("y")).write_csv(tmp_path / "in" / "a.csv")
    result = _run(tmp_path / "run", **environment)
    assert result.returncode == 0, result.stderr
    assert "missing columns: amount\nextra columns: page, colour\n" in result.stdout
    folder = tmp_path / "run" / "reports"
    document = json.loads((folder / "constraint_violations.json").read_text())
    assert ("Extra columns", "extra_column_check") in [
        (v["feature_name"], v["constraint_check_type"]) for v in document["violations"]
    ]
    summary = json.loads((folder / "run.json").read_text())
    assert (summary["missing_columns"], summary["extra_columns"], summary["values_infinite"]) == (1, 2, 2000)
    page = (folder / "report.html").read_text()
    assert "1 column no longer sent: amount." in page and "know them: page and colour." in page
    assert "infinite numbers" in page and not list(folder.glob(".*"))


def test_the_platform_s_own_preprocessor_is_what_the_analyser_does_by_itself(baseline_files, tmp_path):
    frame, environment = baseline_files
    _capture(tmp_path / "in" / "shop", frame)
    script = tmp_path / "preprocessor.py"
    script.write_bytes((REPOSITORY / "training_code" / "capture_preprocessor.py").read_bytes())
    environment = environment | {"dataset_source": str(tmp_path / "in"), "record_preprocessor_script": str(script)}
    result = _run(tmp_path / "own", **environment)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "own/reports/statistics.json").read_text())["dataset"]["item_count"] == len(frame)
    # A user's script runs instead, and gives the rows; columns are the baseline's by position.
    script.write_text(
        "def preprocess_handler(inference_record, logger):\n"
        "    logger.info('one')\n"
        "    assert inference_record.event_metadata.event_id == 'e'\n"
        "    answer = inference_record.endpoint_output.data.rstrip()\n"
        "    values = [answer, *inference_record.endpoint_input.data.split(',')]\n"
        "    return {str(at).zfill(20): value for at, value in enumerate(values)}\n"
    )
    after = tmp_path / "after.py"
    after.write_text(
        "import os, pathlib\n"
        "def postprocess_handler():\n"
        "    reports = pathlib.Path(os.environ['output_path'])\n"
        "    (reports / 'mine.txt').write_text(str((reports / 'statistics.json').exists()))\n"
    )
    result = _run(tmp_path / "other", **environment, post_analytics_processor_script=str(after))
    assert result.returncode == 0, result.stderr
    ours, theirs = (json.loads((tmp_path / name / "reports/statistics.json").read_text()) for name in ("own", "other"))
    assert ours == theirs
    assert (tmp_path / "other/reports/mine.txt").read_text() == "True"
    script.write_text("def preprocess_handler(inference_record): raise KeyError('x')\n")
    failed = _run(tmp_path / "failed", **environment)
    assert failed.returncode == 1
    assert "There is an exception raised in preprocessor script." in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("make", [True, False])
def test_a_window_without_traffic_is_a_result_not_a_failure(baseline_files, tmp_path, make):
    _, environment = baseline_files
    source = tmp_path / "empty"
    if make:
        source.mkdir()
    result = _run(tmp_path / "out", dataset_source=str(source), **environment)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out/output/message").read_text() == (
        "Completed: Job completed successfully with no violations."
    )
    reports = tmp_path / "out/reports"
    assert json.loads((reports / "constraint_violations.json").read_text())["violations"] == []
    statistics = json.loads((reports / "statistics.json").read_text())
    assert statistics["dataset"]["item_count"] == 0
    assert [feature["name"] for feature in statistics["features"]] == NAMES
    assert (tmp_path / "out/output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text() == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset_format": "{}"}, "dataset_format: one of csv"),
        ({"baseline_constraints": "/nowhere.json"}, "baseline_constraints: /nowhere.json cannot be read"),
        ({"record_preprocessor_script": "/x.py"}, "record_preprocessor_script: /x.py cannot be read"),
        ({"analysis_type": "SORCERY"}, "analysis_type 'SORCERY'"),
        ({"dataset_format": '{"csv": {}}'}, "dataset_source: no csv file"),
    ],
)
def test_wrong_settings_end_the_job_with_one_message(tmp_path, change, message):
    (tmp_path / "in").mkdir()
    result = _run(tmp_path / "out", **({"dataset_source": str(tmp_path / "in")} | change))
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert message in (tmp_path / "out/output/failure").read_text()
