"""The services that the monitors' state machines call, answering as AWS's do."""

from __future__ import annotations

import json
from typing import Any

from stacks.config import MonitoringConfig, PlatformConfig
from stacks.monitoring import monitors_of
from stacks.monitoring.definition import build_definition
from stacks.monitoring.outcome import build_outcome_definition
from stacks.monitoring.settings import MachineSettings
from stacks.names import Names
from stacks.network.placement import Placement
from tests.infra.interpreter import Execution, StatesError, run

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraudstack-dev/7"
CONFIG = PlatformConfig(environment="dev", monitoring=MonitoringConfig(engine="processing"))
SETTINGS = MachineSettings(
    placement=Placement(),
    prefix="fraudstack-dev",
    monitors=monitors_of(CONFIG, Names(CONFIG)),
    monitoring=CONFIG.monitoring,
    image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    code_uri="s3://assets/c0de.tar.gz",
    wheels_uri="s3://assets/4ee1.tar",
    artifacts_bucket="artifacts",
    captures_bucket="captures",
    reports_bucket="reports",
    data_key="arn:aws:kms:us-east-1:123456789012:key/data",
    role="arn:aws:iam::123456789012:role/monitoring",
    endpoint="fraudstack-dev",
    variant="primary",
    monitoring_stack="fraudstack-dev-monitoring",
    namespace="fraudstack",
    challenged=True,
    tags=(("project", "fraudstack"),),
)
LINE = {"MetricName": "feature_baseline_drift_a", "Timestamp": "2026-11-18T14:00:00Z", "Dimensions": [], "Value": 0.5}
PAGE = json.dumps({"metrics": [LINE, LINE]})
VIOLATIONS = [{"constraint_check_type": kind} for kind in ("baseline_drift_check", "data_type_check")]


class Cloud:
    """What a run finds in S3, and what it puts into CloudWatch."""

    def __init__(self, *, package: str = PACKAGE, pages: tuple[str, ...] = (PAGE,)) -> None:
        self.package = package
        self.there = ["data-capture/", "ground-truth/", "model-packages/", "monitoring-history/"]
        self.files: dict[str, str] = {
            "run.json": json.dumps(
                {
                    "status": "CompletedWithViolations",
                    "message": "2 violations",
                    "metrics": {"recall": 0.75, "average_precision": 0.5, "f1": 0.6},
                    "metrics_pages": len(pages),
                }
            ),
            "constraint_violations.json": json.dumps({"violations": VIOLATIONS}, indent=1),
            **{f"{number}.json": page for number, page in enumerate(pages)},
        }
        self.executions: list[dict[str, str]] = []
        self.handlers = {
            "aws-sdk:cloudformation:describeStacks": self.describe_stack,
            "aws-sdk:sagemaker:describeModelPackage": lambda arguments: {
                "InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://artifacts/runs/r/model.tar.gz"}]}
            },
            "aws-sdk:s3:listObjectsV2": self.list_objects,
            "aws-sdk:s3:getObject": self.get_object,
            "aws-sdk:s3:copyObject": lambda arguments: {},
            "aws-sdk:cloudwatch:putMetricData": lambda arguments: {},
            "sagemaker:createProcessingJob.sync": lambda arguments: {"ProcessingJobStatus": "Completed"},
        }
        # What the other engine asks.
        self.watching = {
            **self.handlers,
            "aws-sdk:sagemaker:listMonitoringExecutions": lambda arguments: {
                "MonitoringExecutionSummaries": [
                    each
                    for each in self.executions
                    if each["MonitoringScheduleName"] == arguments["MonitoringScheduleName"]
                ]
            },
        }

    def describe_stack(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"Stacks": [{"Parameters": [{"ParameterKey": "ModelPackageArn", "ParameterValue": self.package}]}]}

    def list_objects(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"KeyCount": int(any(arguments["Prefix"].startswith(root) for root in self.there))}

    def get_object(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name = arguments["Key"].rsplit("/", 1)[1]
        if name not in self.files:
            raise StatesError("S3.NoSuchKeyException", "The specified key does not exist.")
        first, last = (int(at) for at in arguments.get("Range", "bytes=0-999999999")[6:].split("-"))
        result = {"Body": self.files[name][first : last + 1]}
        if len(json.dumps(result)) > 256 * 1024:
            raise StatesError("States.DataLimitExceeded", f"{name} is larger than a state may be")
        return result

    def run(self, monitor: str = "data-quality", **given: str) -> Execution:
        given = given or {"time": "2026-11-25T14:00:00Z"}
        return run(build_definition(SETTINGS), self.handlers, {"monitor": monitor, **given})

    def follow(self, given: dict[str, Any]) -> Execution:
        """An execution of the other engine's machine."""
        return run(build_outcome_definition(SETTINGS), self.watching, given)

    def counted(self, execution: Execution, schedule: str | None = None) -> dict[str, float]:
        data = [arguments for name, arguments in execution.calls if arguments.get("Namespace") == "fraudstack"]
        items = [item for arguments in data for item in arguments["MetricData"]]
        return {
            item["MetricName"]: item["Value"]
            for item in items
            if schedule in (None, item["Dimensions"][0]["Value"].removeprefix("fraudstack-dev-"))
        }
