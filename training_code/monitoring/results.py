"""What a run leaves behind: documents, metrics, its summary and the exit message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_code.monitoring.settings import Settings

COMPLETED = "Completed"
WITH_VIOLATIONS = "CompletedWithViolations"
NO_DATA = "NoData"
METRICS_FILE = "cloudwatch_metrics.jsonl"


@dataclass(frozen=True)
class Outcome:
    """What a kind of monitoring found.

    `rows` is what was analysed. `counts` says what was not, and why (malformed, unmatched …); `headline` holds the
    few numbers that a person asks for first, `metrics` every number by its name in CloudWatch, where a kind's names are
    few. `violations` is None for a run that made a baseline.
    """

    rows: int
    violations: Sequence[Mapping[str, Any]] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    headline: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Completed, CompletedWithViolations or NoData: an empty window is a result, not a failure."""
        if not self.rows:
            return NO_DATA
        return WITH_VIOLATIONS if self.violations else COMPLETED

    @property
    def message(self) -> str:
        """The exit message in Model Monitor's words."""
        if self.violations:
            return f"CompletedWithViolations: Job completed successfully with {len(self.violations)} violations."
        return "Completed: Job completed successfully with no violations."

    def summary(self, settings: Settings) -> dict[str, Any]:
        """Return run.json."""
        return {
            "schema_version": 1,
            "analysis_type": settings.kind,
            "status": self.status,
            "message": self.message,
            "endpoint": settings.endpoint or None,
            "schedule": settings.schedule or None,
            "window": {
                "start": settings.start.isoformat() if settings.start else None,
                "end": settings.end.isoformat() if settings.end else None,
            },
            "baseline": self.violations is not None,
            "rows": self.rows,
            "malformed": 0,
            "unmatched": 0,
            **self.counts,
            "violations": len(self.violations or ()),
            "headline": dict(self.headline),
            "metrics": dict(self.metrics),
        }


def write_json(path: Path, body: Mapping[str, Any]) -> None:
    """Write a document whole or not at all; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(body, allow_nan=False, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def write_violations(settings: Settings, violations: Sequence[Mapping[str, Any]], version: str | None = None) -> None:
    """Write constraint_violations.json and print each violation on a line; Clarify's has a version, "1.0"."""
    body = {"violations": list(violations)}
    write_json(settings.output / "constraint_violations.json", {"version": version, **body} if version else body)
    for violation in violations:
        name = (
            violation.get("feature_name")
            or violation.get("facet")
            or violation.get("label")
            or violation.get("metric_name")
        )
        print(f"{name}: {violation['constraint_check_type']}: {violation['description']}", flush=True)


def write_metrics(settings: Settings, lines: Sequence[Mapping[str, Any]], *, append: bool = False) -> None:
    """Write one metric a line, beside the reports and where Model Monitor's platform publishes from."""
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
    for folder in (settings.output, settings.base / "output" / "metrics" / "cloudwatch"):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / METRICS_FILE).open("a" if append else "w", encoding="utf-8") as file:
            file.write(text)
