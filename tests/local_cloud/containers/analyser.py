# ruff: noqa: SIM112 - AWS names its variables so.
"""Stands in for AWS's analysers: reports what it was given, and waits where its data say so."""

import json
import os
import time
from pathlib import Path


def main() -> None:
    source, output = Path(os.environ["dataset_source"]), Path(os.environ["output_path"])
    names = (
        "dataset_format",
        "analysis_type",
        "problem_type",
        "probability_attribute",
        "probability_threshold_attribute",
    )
    lines = [line for path in sorted(source.rglob("*.jsonl")) for line in path.read_text().splitlines()]
    config = Path("/opt/ml/processing/input/config/analysis_config.json")
    model = Path("/opt/ml/processing/input/model")
    seen = {
        "lines": [json.loads(line) for line in lines],
        "environment": {name: os.environ[name] for name in names if name in os.environ},
        "config": json.loads(config.read_text()) if config.exists() else None,
        "model": any(model.glob("*.tar.gz")),
        "baseline": json.loads(Path(os.environ["baseline_constraints"]).read_text()),
    }
    (output / "analysis.json").write_text(json.dumps(seen))
    metrics = Path("/opt/ml/output/metrics/cloudwatch")
    metrics.mkdir(parents=True)
    dimensions = [{"Name": "MonitoringSchedule", "Value": os.environ["sagemaker_monitoring_schedule_name"]}]
    line = {"MetricName": "seen", "Timestamp": os.environ["end_time"], "Dimensions": dimensions}
    values = {"SampleCount": 2, "Sum": 6, "Minimum": 1, "Maximum": 5}
    with (metrics / "cloudwatch_metrics.jsonl").open("w") as file:
        file.write(json.dumps({**line, "Value": len(lines)}) + "\n")
        file.write(json.dumps({**line, "MetricName": "summary", "StatisticValues": values}) + "\n")
    if "31337" in "".join(lines):
        time.sleep(300)
    said = "CompletedWithViolations: Job completed successfully with 1 violations."
    Path("/opt/ml/output/message").write_text(said)


main()
