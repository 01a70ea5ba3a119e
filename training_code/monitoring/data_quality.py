"""Data quality: statistics and constraints of a data set and, with a baseline, its violations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training_code.monitoring.baseline import check_columns
from training_code.monitoring.drift import SCORES
from training_code.monitoring.results import Outcome, write_json, write_metrics, write_violations
from training_code.monitoring.settings import AnalysisError, Settings

if TYPE_CHECKING:
    from fraud.monitoring.scan import Scan

SCORE_DRIFT = "ScoreDrift"


def run(settings: Settings) -> Outcome:
    """Write statistics.json, constraints.json and, with a baseline, constraint_violations.json and metrics."""
    from fraud.monitoring import find_violations, suggest_constraints
    from fraud.monitoring.errors import BaselineError, DataError
    from fraud.monitoring.metrics import metric_lines
    from fraud.monitoring.violations import differing_columns

    constraints = settings.constraints
    if constraints is not None:
        check_columns(constraints, settings.statistics)
    try:
        scan = _scan(settings)
    except DataError as error:
        raise AnalysisError(f"dataset_source: {error} ({settings.source})") from error
    current, counts = scan.profile, _counts(scan)
    write_json(settings.output / "statistics.json", current.to_json())
    write_json(settings.output / "constraints.json", suggest_constraints(current))
    print(f"{current.rows} rows, {len(current.columns)} columns", flush=True)
    for line in scan.issues.explained():
        print(line, flush=True)
    if constraints is None:
        return Outcome(current.rows, counts=counts)
    try:
        violations, drift = find_violations(current, constraints, settings.statistics)
    except BaselineError as error:
        raise AnalysisError(str(error)) from None
    write_violations(settings, violations)
    if current.rows:
        missing, extra = differing_columns([column.name for column in current.columns], constraints)
        # AWS's violations count columns; which they are is said here and in the report.
        for what, found in (("missing_columns", missing), ("extra_columns", extra)):
            if found:
                counts[what] = len(found)
                print(f"{what.replace('_', ' ')}: {', '.join(found[:50])}", flush=True)
    emit = constraints.get("monitoring_config", {}).get("emit_metrics", "Enabled") == "Enabled"
    if emit and settings.publish:
        write_metrics(settings, metric_lines(current, drift, settings.dimensions, settings.timestamp))
    headline = {}
    if drift:
        worst = max(drift, key=lambda name: drift[name])
        headline = {"largest_drift": drift[worst], "largest_drift_feature": worst}
    score = next((drift[name] for name in SCORES if name in drift), None)
    return Outcome(current.rows, violations, counts, headline, {} if score is None else {SCORE_DRIFT: score})


def _scan(settings: Settings) -> Scan:
    """Read the data set in the format that the settings name."""
    from fraud.monitoring import scan

    baseline = settings.constraints or {}
    names = [str(feature.get("name")) for feature in baseline.get("features", [])]
    if settings.form == "sagemakerMergeJson":
        raise AnalysisError("dataset_format: sagemakerMergeJson is for model quality and bias; data has no labels")
    if settings.form == "sagemakerCaptureJson":
        # A window without traffic has no input: that is a result, not a failure.
        settings.source.mkdir(parents=True, exist_ok=True)
        parts = settings.form_options.get("captureIndexNames")
        return scan.scan_captures(settings.source, names, parts, (settings.start, settings.end), settings.preprocessor)
    files = _files(settings.source)
    if not files:
        raise AnalysisError(f"dataset_source: no {settings.form} file in {settings.source}")
    header = bool(settings.form_options.get("header", False))
    if settings.form == "parquet":
        if settings.preprocessor:
            raise AnalysisError("record_preprocessor_script: not for parquet; captures, csv and json have records")
        return scan.scan_parquet(files)
    if settings.preprocessor or settings.form == "json":
        return scan.scan_records(files, settings.form, names, settings.preprocessor)
    return scan.scan_csv(files, header)


def _files(source: Path) -> list[Path]:
    """All files below a folder but hidden ones and markers such as _SUCCESS, as Spark reads a folder."""
    if source.is_file():
        return [source]
    return sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))


def _counts(scan: Scan) -> dict[str, int]:
    """What run.json says of records, files and values that are in no figure."""
    values: dict[str, int] = {}
    for column in scan.profile.columns:
        for name, count in column.anomalies.items():
            values[f"values_{name}"] = values.get(f"values_{name}", 0) + count
    return {"records": 0, "malformed": 0} | {name: count for name, count in scan.issues.items() if count} | values
