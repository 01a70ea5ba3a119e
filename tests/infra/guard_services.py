"""The services that the retraining guard calls, answering as AWS's do."""

from __future__ import annotations

import json
from typing import Any

from stacks.config import RetrainingConfig, TrainingConfig
from stacks.guard import GuardSettings, build_definition
from stacks.prices import RunCost
from tests.infra.interpreter import Execution, StatesError, run
from tests.infra.retraining_services import PACKAGE, settings

MANUAL = TrainingConfig(approval="manual")
AUTOMATIC = TrainingConfig(approval="automatic")
LIMITS = RetrainingConfig(
    cooldown_hours=24,
    max_runs_per_week=2,
    monthly_budget_usd=100,
    minimum_new_labelled=500,
    minimum_new_frauds=20,
    window_days=120,
)
GUARD = "arn:aws:states:us-east-1:123456789012:stateMachine:fraudstack-dev-retraining-guard"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:fraudstack-dev-retraining"
ALARM = {"trigger": "alarm", "alarm": "fraudstack-dev-drift-score", "reason": "Threshold Crossed: 0.3 > 0.1"}
NOW = "2026-03-10T12:00:00.000Z"
LINEAGE = {
    "dataset": "s3://transactions/datasets/abc/",
    "eventType": "s3://transactions/datasets/abc.event-type.yaml",
    "algorithm": "xgboost",
}


def guard_settings(training: TrainingConfig = AUTOMATIC, limits: RetrainingConfig = LIMITS) -> GuardSettings:
    return GuardSettings(
        run=settings(training),
        limits=limits,
        cost=RunCost(most=20.0, hourly=2.0),
        guard_arn=GUARD,
        state_machine_arn=MACHINE,
        decisions_table_arn="arn:aws:dynamodb:us-east-1:123456789012:table/fraudstack-dev-decisions",
        transactions_bucket="transactions",
        collection_role="arn:aws:iam::123456789012:role/collection",
        quality_delay_hours=7 * 24,
        alarms=tuple(f"fraudstack-dev-{name}" for name in ("drift-score", "quality-auc", "quality-recall")),
    )


def execution(name: str, start: str, stop: str | None = None, status: str = "SUCCEEDED") -> dict[str, Any]:
    arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
    stopped = {"StopDate": stop} if stop else {}
    return {"ExecutionArn": arn, "Name": name, "StartDate": start, "Status": status, **stopped}


class Cloud:
    """The services that the guard calls; a test changes what it is about."""

    def __init__(self, *, champion: str = PACKAGE) -> None:
        self.champion = champion
        self.lineage, self.registered = dict(LINEAGE), "2026-02-01T12:00:00.000Z"
        self.guards: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.latest: dict[str, Any] | None = None
        self.candidates: list[dict[str, Any]] = []
        self.alarms: list[str] = []
        self.export = ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]
        self.collection: dict[str, Any] = {
            "sufficient": True, "reasons": [], "rows": 9000, "new_labelled": 800, "new_frauds": 40,
        }  # fmt: skip
        self.started: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.handlers = {
            "aws-sdk:cloudwatch:describeAlarms": lambda arguments: {
                "MetricAlarms": [{"AlarmName": name} for name in arguments["AlarmNames"] if name in self.alarms],
            },
            "aws-sdk:sfn:listExecutions": self.list_executions,
            "aws-sdk:cloudformation:describeStacks": lambda _: {
                "Stacks": [{"Parameters": [{"ParameterKey": "ModelPackageArn", "ParameterValue": self.champion}]}]
            },
            "aws-sdk:sagemaker:listModelPackages": lambda _: {"ModelPackageSummaryList": self.candidates},
            "aws-sdk:sagemaker:describeModelPackage": lambda _: {
                "CustomerMetadataProperties": self.lineage,
                "CreationTime": self.registered,
            },
            "aws-sdk:dynamodb:exportTableToPointInTime": lambda arguments: {
                "ExportDescription": {
                    "ExportArn": arguments["TableArn"] + "/export/01-ab",
                    "ExportStatus": "IN_PROGRESS",
                }
            },
            "aws-sdk:dynamodb:describeExport": self.describe_export,
            "sagemaker:createProcessingJob.sync": lambda _: {"ProcessingJobStatus": "Completed"},
            "aws-sdk:s3:getObject": self.read,
            "aws-sdk:s3:listObjectsV2": lambda _: {"KeyCount": 0 if self.latest is None else 1},
            "aws-sdk:s3:putObject": self.write,
            "aws-sdk:sfn:startExecution": self.start,
            "sns:publish": lambda arguments: self.messages.append(arguments) or {"MessageId": "1"},
        }

    def list_executions(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"Executions": self.guards if arguments["StateMachineArn"] == GUARD else self.runs}

    def read(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["Key"] != "collections/latest.json":
            return {"Body": json.dumps(self.collection)}
        return {"Body": json.dumps(self.latest)}

    def write(self, arguments: dict[str, Any]) -> dict[str, Any]:
        assert arguments["Key"] == "collections/latest.json"
        self.latest = arguments["Body"]
        return {}

    def describe_export(self, arguments: dict[str, Any]) -> dict[str, Any]:
        status = self.export.pop(0) if len(self.export) > 1 else self.export[0]
        more = {"ExportManifest": "collections/c1/AWSDynamoDB/01-ab/manifest-summary.json"}
        more = more if status == "COMPLETED" else {"FailureMessage": "the bucket is gone"} if status == "FAILED" else {}
        return {"ExportDescription": {"ExportArn": arguments["ExportArn"], "ExportStatus": status, **more}}

    def start(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if any(before["Name"] == arguments["Name"] for before in self.started):
            raise StatesError("Sfn.ExecutionAlreadyExistsException", "Execution Already Exists")
        self.started.append(arguments)
        return {"ExecutionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{arguments['Name']}"}

    def run(
        self, request: Any = ALARM, training: TrainingConfig = AUTOMATIC, name: str = "guard-1", **limits: Any
    ) -> Execution:
        definition = build_definition(guard_settings(training, LIMITS.model_copy(update=limits)))
        return run(definition, self.handlers, request, name=name, start=NOW)

    def fails(self, resource: str, error: str, cause: str) -> None:
        def handler(arguments: dict[str, Any]) -> None:
            raise StatesError(error, cause)

        self.handlers[resource] = handler


def refused(result: Execution) -> tuple[str, str]:
    assert result.error is None, result.cause
    assert result.output["status"] == "Refused", result.output
    return result.output["check"], result.output["reason"]
