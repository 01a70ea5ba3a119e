"""Metrics that a processing container leaves as JSON lines for CloudWatch, as Model Monitor's analysers do."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.hooks import cloudwatch

log = logging.getLogger("local_cloud.jobs")

# The platform, not the container, chooses the namespace, by the kind of analysis.
_NAMESPACES = {
    "MODEL_QUALITY": "model-metrics",
    "MODEL_BIAS": "bias-metrics",
    "MODEL_EXPLAINABILITY": "explainability-metrics",
}
_BATCH = 500


def publish(folder: Path, environment: Mapping[str, str]) -> int:
    """Publish every line of the folder's files; returns how many were accepted.

    A line is ``{"MetricName", "Timestamp", "Dimensions": [{"Name", "Value"}], "Value"}``, or has StatisticValues in
    place of Value; others are logged and left.
    """
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in _rows(path)]
    kind = _NAMESPACES.get(environment.get("analysis_type", ""), "data-metrics")
    for start in range(0, len(rows), _BATCH):
        cloudwatch.put(f"aws/sagemaker/Endpoints/{kind}", rows[start : start + _BATCH])
    return len(rows)


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        try:
            row = json.loads(line)
            if "StatisticValues" in row:
                values = {"StatisticValues": {key: float(value) for key, value in row["StatisticValues"].items()}}
            else:
                values = {"Value": float(row["Value"])}
            rows.append({**row, "MetricName": str(row["MetricName"]), **values})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s, line %s is not a metric: %r", path.name, number, error)
    return rows
