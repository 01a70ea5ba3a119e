"""The analyser's settings: the environment that Model Monitor gives its container, and this project's additions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2]
KINDS = ("DATA_QUALITY", "MODEL_QUALITY", "MODEL_BIAS", "MODEL_EXPLAINABILITY")
FORMATS = ("csv", "json", "parquet", "sagemakerCaptureJson", "sagemakerMergeJson")
_OWN_PREPROCESSOR = SOURCE / "training_code" / "capture_preprocessor.py"


class AnalysisError(ValueError):
    """The job's settings or inputs are wrong; the message names the environment variable or file."""


@dataclass(frozen=True)
class Settings:
    """One run of the analyser.

    `form` and `form_options` are the data set's format, `constraints` and `statistics` the baseline's documents,
    None without a baseline. `start` and `end` bound the window, end exclusive; None where the environment has none.
    `preprocessor` and `postprocessor` are users' scripts, None without.
    """

    kind: str
    base: Path
    source: Path
    form: str
    form_options: Mapping[str, Any]
    output: Path
    constraints: dict[str, Any] | None
    statistics: dict[str, Any] | None
    start: datetime | None
    end: datetime | None
    endpoint: str
    schedule: str
    publish: bool
    environment: Mapping[str, str]
    preprocessor: Path | None = None
    postprocessor: Path | None = None

    @property
    def dimensions(self) -> dict[str, str]:
        """CloudWatch's dimensions of this run's metrics."""
        named = {"Endpoint": self.endpoint, "MonitoringSchedule": self.schedule}
        return {key: value for key, value in named.items() if value}

    @property
    def timestamp(self) -> str:
        """The time of this run's metrics: the end of the window, or now."""
        return (self.end or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def folder(self, name: str) -> Path | None:
        """Return the folder that an environment variable names, or None where it is not set or empty."""
        value = self.environment.get(name)
        return Path(value) if value and Path(value).is_dir() else None


def read_settings(environment: Mapping[str, str], base: Path) -> Settings:
    """Read the environment; raise AnalysisError naming the variable that is wrong."""
    kind = environment.get("analysis_type", "DATA_QUALITY").upper()
    if kind not in KINDS:
        raise AnalysisError(f"analysis_type {environment['analysis_type']!r}: one of {', '.join(KINDS)} is expected")
    form, options = _dataset_format(environment)
    return Settings(
        kind=kind,
        base=base,
        source=Path(environment.get("dataset_source") or base / "processing" / "input"),
        form=form,
        form_options=options,
        output=Path(environment.get("output_path") or base / "processing" / "output"),
        constraints=json_file(environment, "baseline_constraints"),
        statistics=json_file(environment, "baseline_statistics"),
        start=_moment(environment, "start_time"),
        end=_moment(environment, "end_time"),
        endpoint=environment.get("sagemaker_endpoint_name", ""),
        schedule=environment.get("sagemaker_monitoring_schedule_name", ""),
        publish=environment.get("publish_cloudwatch_metrics") == "Enabled",
        environment=environment,
        preprocessor=_script(environment, "record_preprocessor_script"),
        postprocessor=_script(environment, "post_analytics_processor_script"),
    )


def json_file(environment: Mapping[str, str], name: str) -> dict[str, Any] | None:
    """Return the JSON object of the file that a variable names, None where it is not set."""
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


def _dataset_format(environment: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
    try:
        form = json.loads(environment.get("dataset_format") or '{"sagemakerCaptureJson": {}}')
        (kind, options), *more = form.items()
    except (ValueError, AttributeError):
        kind, options, more = None, {}, []
    if more or kind not in FORMATS:
        raise AnalysisError(
            f"dataset_format: one of {', '.join(FORMATS)} is expected, as in "
            '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}'
        )
    return kind, options or {}


def _moment(environment: Mapping[str, str], name: str) -> datetime | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise AnalysisError(f"{name}: {text!r} is no time in ISO 8601, such as 2030-01-01T06:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _script(environment: Mapping[str, str], name: str) -> Path | None:
    """Return a user's script; None for the one that AWS's analyser needs for this platform's captures."""
    value = environment.get(name)
    if not value:
        return None
    try:
        # Captures of this platform are read as they are.
        return None if Path(value).read_bytes() == _OWN_PREPROCESSOR.read_bytes() else Path(value)
    except OSError as error:
        raise AnalysisError(f"{name}: {value} cannot be read ({error})") from None
