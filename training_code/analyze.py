"""Processing job under Model Monitor's data-quality contract.

Settings come in the environment, as Model Monitor sets it: dataset_source, dataset_format, output_path and,
for a run against a baseline, baseline_constraints, baseline_statistics, start_time, end_time,
sagemaker_endpoint_name, sagemaker_monitoring_schedule_name and publish_cloudwatch_metrics. Writes
statistics.json and constraints.json and, with a baseline, constraint_violations.json; the verdict goes to
output/message.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

SOURCE = Path(__file__).resolve().parent.parent
if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))

from training_code import bootstrap, entry  # noqa: E402

if TYPE_CHECKING:
    import polars as pl

NO_VIOLATIONS = "Completed: Job completed successfully with no violations."
_UNSUPPORTED = ("record_preprocessor_script", "post_analytics_processor_script")


class AnalysisError(ValueError):
    """The job's settings or inputs are wrong; the message names the environment variable or file."""


def analyze(environment: Mapping[str, str], base: Path) -> str:
    """Run the analysis and write its files; return the exit message."""
    from fraud.monitoring import find_violations, profile, suggest_constraints
    from fraud.monitoring.metrics import metric_lines

    for name in _UNSUPPORTED:
        if environment.get(name):
            raise AnalysisError(f"{name}: scripts are not supported by this analyser; leave it out")
    if environment.get("analysis_type", "DATA_QUALITY").upper() != "DATA_QUALITY":
        raise AnalysisError(f"analysis_type {environment['analysis_type']!r}: DATA_QUALITY is supported")
    constraints = _json_file(environment, "baseline_constraints")
    statistics = _json_file(environment, "baseline_statistics")
    names = [feature["name"] for feature in (constraints or {}).get("features", [])]

    current = profile(_dataset(environment, base, names))
    output = Path(environment.get("output_path") or base / "processing" / "output")
    output.mkdir(parents=True, exist_ok=True)
    _write(output / "statistics.json", current.to_json())
    _write(output / "constraints.json", suggest_constraints(current))
    print(f"{current.rows} rows, {len(current.columns)} columns", flush=True)
    if constraints is None:
        return NO_VIOLATIONS

    violations, drift = find_violations(current, constraints, statistics)
    _write(output / "constraint_violations.json", {"version": 0.0, "violations": violations})
    for violation in violations:
        print("{feature_name}: {constraint_check_type}: {description}".format(**violation), flush=True)
    emit = constraints.get("monitoring_config", {}).get("emit_metrics", "Enabled") == "Enabled"
    if emit and environment.get("publish_cloudwatch_metrics") == "Enabled":
        dimensions = {
            "Endpoint": environment.get("sagemaker_endpoint_name", ""),
            "MonitoringSchedule": environment.get("sagemaker_monitoring_schedule_name", ""),
        }
        end = environment.get("end_time") or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = metric_lines(current, drift, {key: value for key, value in dimensions.items() if value}, end)
        folder = base / "output" / "metrics" / "cloudwatch"
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "cloudwatch_metrics.jsonl").write_text(text, encoding="utf-8")
    if violations:
        return f"CompletedWithViolations: Job completed successfully with {len(violations)} violations."
    return NO_VIOLATIONS


def _dataset(environment: Mapping[str, str], base: Path, names: list[str]) -> pl.DataFrame:
    """Read the data set in the format that the environment names."""
    import polars as pl

    from fraud.monitoring.capture import PARTS, read_captures

    source = Path(environment.get("dataset_source") or base / "processing" / "input")
    try:
        form = json.loads(environment.get("dataset_format") or '{"sagemakerCaptureJson": {}}')
        (kind, options), *more = form.items()
    except (ValueError, AttributeError):
        kind, options, more = None, {}, []
    if more or kind not in ("csv", "parquet", "sagemakerCaptureJson"):
        raise AnalysisError(
            "dataset_format: one of csv, parquet and sagemakerCaptureJson is expected, as in "
            '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}'
        )
    if kind == "sagemakerCaptureJson":
        if not source.is_dir():
            # A window without traffic has no input: that is a result, not a failure.
            source.mkdir(parents=True, exist_ok=True)
        captured = read_captures(source, names, (options or {}).get("captureIndexNames", PARTS))
        print(f"{captured.records} captured records, {captured.malformed} malformed", flush=True)
        return captured.frame
    files = [source] if source.is_file() else sorted(source.rglob(f"*.{kind}")) if source.is_dir() else []
    if not files:
        raise AnalysisError(f"dataset_source: no {kind} file in {source}")
    try:
        if kind == "parquet":
            return pl.concat([pl.read_parquet(file) for file in files])
        header = bool((options or {}).get("header", True))
        frames = [pl.read_csv(file, has_header=header, infer_schema=False) for file in files]
        frame = pl.concat(frames)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise AnalysisError(f"dataset_source: {source} cannot be read as {kind} ({error})") from None
    return frame if header else frame.rename({old: f"_c{at}" for at, old in enumerate(frame.columns)})


def _json_file(environment: Mapping[str, str], name: str) -> dict[str, Any] | None:
    path = environment.get(name)
    if not path:
        return None
    try:
        body = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{name}: {path} cannot be read ({error})") from None
    if not isinstance(body, dict):
        raise AnalysisError(f"{name}: {path} holds no JSON object")
    return body


def _write(path: Path, body: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(body, allow_nan=False, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Entry point; return the exit code."""
    base = entry.base_folder()

    def work() -> None:
        # Model Monitor gives a job no such input: then the image itself has what is needed.
        if bootstrap.wheels_folder().is_dir():
            bootstrap.install()
        message = analyze(os.environ, base)
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output" / "message").write_text(message, encoding="utf-8")
        print(message, flush=True)

    return entry.run(work)


if __name__ == "__main__":
    sys.exit(main())
