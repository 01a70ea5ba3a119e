"""What the monitors' state machine is built from: strings and numbers, so that it can be built without the CDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacks.config import MonitoringConfig
from stacks.monitoring.plan import Monitor

if TYPE_CHECKING:
    from stacks.network.placement import Placement

# Where AWS's own containers publish metrics of endpoints. CloudWatch reserves what begins with "AWS/" alone.
NAMESPACES = {
    "data-quality": "aws/sagemaker/Endpoints/data-metrics",
    "model-quality": "aws/sagemaker/Endpoints/model-metrics",
    "model-bias": "aws/sagemaker/Endpoints/bias-metrics",
    "model-explainability": "aws/sagemaker/Endpoints/explainability-metrics",
}
CAPTURES = "data-capture"
GROUND_TRUTH = "ground-truth"
REPORTS = "monitoring"
HISTORY = "monitoring-history"
# Metrics of every run, whichever engine it was made by; beside them stand the score's drift (0 to 1) of a run of data
# quality, and the metrics of model quality that have floors.
VIOLATIONS, DRIFTED, RUNS, NO_DATA, FAILURES = (
    "MonitoringViolations",
    "DriftedFeatures",
    "MonitoringRuns",
    "MonitoringRunsWithoutData",
    "MonitoringFailures",
)
SCORE, SCORE_DRIFT = "fraud_probability", "ScoreDrift"


@dataclass(frozen=True)
class MachineSettings:
    """Names, ARNs and URIs that the definition refers to; `challenged` where the endpoint may have a challenger."""

    prefix: str
    monitors: tuple[Monitor, ...]
    monitoring: MonitoringConfig
    image: str
    code_uri: str
    wheels_uri: str
    artifacts_bucket: str
    captures_bucket: str
    reports_bucket: str
    data_key: str
    role: str
    placement: Placement
    endpoint: str
    variant: str
    monitoring_stack: str
    namespace: str
    challenged: bool = False
    tags: tuple[tuple[str, str], ...] = ()

    def tag_list(self) -> list[dict[str, str]]:
        """The tags as SageMaker's API takes them."""
        return [{"Key": key, "Value": value} for key, value in self.tags]

    def specifications(self) -> dict[str, dict[str, Any]]:
        """What differs between monitors, by kind."""
        return {monitor.kind: self._specification(monitor) for monitor in self.monitors}

    def _specification(self, monitor: Monitor) -> dict[str, Any]:
        start, end = monitor.window_hours
        challenged = self.challenged and monitor.kind == "model-quality"
        # A processing job has ten inputs: code, wheels, baseline and history beside folders of each kind.
        folders = 2 if challenged else 3
        return {
            "schedule": monitor.schedule,
            "namespace": NAMESPACES[monitor.kind],
            "startHours": start,
            "endHours": end,
            # A year of nightly runs, or a month of hourly ones.
            "historyDepth": 4 if monitor.period_hours >= 24 else 7,
            "folders": folders,
            "labelled": monitor.labelled,
            "challenged": challenged,
            "explained": monitor.explained,
            "environment": environment_of(monitor, self.monitoring),
        }


def environment_of(monitor: Monitor, monitoring: MonitoringConfig) -> dict[str, str]:
    """Settings of a monitor's analyser that no run changes."""
    folder = "/opt/ml/processing/input"
    settings = {
        "analysis_type": monitor.analysis_type,
        "baseline_constraints": f"{folder}/baseline/{monitor.constraints}",
    }
    if monitor.clarify:
        settings["analysis_config"] = f"{folder}/baseline/analysis_config.json"
    else:
        settings["baseline_statistics"] = f"{folder}/baseline/statistics.json"
    if monitor.kind == "data-quality":
        settings["psi_threshold"] = f"{monitoring.data_quality.score_psi:g}"
    if monitor.kind == "model-quality":
        settings["problem_type"] = "BinaryClassification"
    if monitor.labelled:
        settings["probability_attribute"] = "0"
        settings["probability_threshold_attribute"] = f"{monitoring.model_quality.probability_threshold:g}"
        settings["ground_truth_source"] = f"{folder}/{GROUND_TRUTH}"
    if monitor.explained:
        settings["model_source"] = f"{folder}/model"
    return settings
