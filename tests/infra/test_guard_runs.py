"""Whole executions of the guard's definition against services that answer as AWS's do."""

from __future__ import annotations

import json
from typing import Any

import pytest

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


def test_an_alarm_collects_and_starts_a_run_of_the_champions_kind() -> None:
    cloud = Cloud()
    result = cloud.run()
    assert result.error is None, result.cause
    (started,) = cloud.started
    given = json.loads(started["Input"])
    collected = result.output["collectionId"]
    assert given == {
        "dataset": f"s3://transactions/datasets/{collected}/",
        "eventType": LINEAGE["eventType"],
        "algorithm": "xgboost",
        "trigger": "alarm fraudstack-dev-drift-score",
    }
    assert result.output["status"] == "Started" and result.output["run"] == started["Name"]
    assert result.path.count("Wait for export") == 2
    (message,) = cloud.messages
    assert "9000 events, 800 of them new (40 frauds)" in message["Message"]


def test_runs_that_the_guard_starts_are_named_as_runs_are() -> None:
    import re

    cloud = Cloud()
    cloud.run()
    assert re.fullmatch(r"r[0-9a-f]{8}-1", cloud.started[0]["Name"])


def test_the_collecting_job_reads_the_export_and_the_champions_data() -> None:
    job = Cloud().run().call("sagemaker:createProcessingJob.sync")
    sources = {i["InputName"]: i["S3Input"]["S3Uri"] for i in job["ProcessingInputs"]}
    assert sources["export"] == "s3://transactions/collections/c1/AWSDynamoDB/01-ab/"
    assert (sources["previous"], sources["event-type"]) == (LINEAGE["dataset"], LINEAGE["eventType"])
    assert job["RoleArn"].endswith("role/collection") and job["NetworkConfig"]["EnableNetworkIsolation"]
    flags = job["AppSpecification"]["ContainerArguments"]
    assert dict(zip(flags[::2], flags[1::2], strict=True)) == {
        "--now": NOW,
        "--window-days": "120",
        "--minimum-new-labelled": "500",
        "--minimum-new-frauds": "20",
        "--accept-labels": "no",
    }


def test_requests_satisfy_the_service_models() -> None:
    from botocore.session import get_session
    from botocore.validate import validate_parameters

    from local_cloud.stepfunctions.sdk import to_request

    result = Cloud().run({"trigger": "recheck"}, MANUAL)
    assert result.output["status"] == "Idle"
    busy = Cloud()
    busy.alarms = ["fraudstack-dev-quality-auc"]
    second = busy.run({"trigger": "recheck"}, MANUAL)
    assert second.output["status"] == "Started" and second.output["alarm"] == "fraudstack-dev-quality-auc"
    names = {"sfn": "stepfunctions"}
    for resource, arguments in second.calls:
        *_, service, action = resource.removesuffix(".sync").split(":")
        model = get_session().get_service_model(names.get(service, service))
        shape = model.operation_model(action[0].upper() + action[1:]).input_shape
        request = to_request(arguments, shape) if resource.startswith("aws-sdk") else arguments
        validate_parameters(request, shape)


REFUSALS = [
    ("in-flight", "a run is in flight: r1", {"runs": [execution("r1", "2026-03-01T00:00:00Z", status="RUNNING")]}),
    (
        "in-flight",
        "another execution of the guard asked before: earlier",
        {"guards": [execution("guard-1", NOW), execution("earlier", "2026-03-10T11:59:00Z")]},
    ),
    ("no-model", "no model is deployed yet", {"champion": ""}),
    (
        "cooldown",
        "r1, started at 2026-03-10T10:00:00.000Z; with a cooldown of 24 h the next may start at 2026-03-11T10:00",
        {"runs": [execution("r1", "2026-03-10T10:00:00Z", "2026-03-10T10:30:00Z", "FAILED")]},
    ),
    (
        "cooldown",
        "data were collected at 2026-03-10T01:00:00.000Z (c00000000) without",
        {"latest": {"name": "c00000000", "at": 1773104400000}},
    ),
    (
        "weekly-limit",
        "2 runs started in the last seven days, 2 may; the oldest of them is r1 of 2026-03-05",
        {
            "runs": [
                execution("r2", "2026-03-08T00:00:00Z", "2026-03-08T01:00:00Z"),
                execution("r1", "2026-03-05T00:00:00Z", "2026-03-05T01:00:00Z"),
                execution("r0", "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"),
            ]
        },
    ),
    (
        "budget",
        "cost up to 82 USD and another may cost 20 USD; the budget is 100 USD a month",
        {
            "runs": [
                # An hour costs 2 USD at most, no run more than 20.
                execution("r5", "2026-03-09T00:00:00Z", "2026-03-09T01:00:00Z"),
                *(
                    execution(f"r{day}", f"2026-03-0{day}T00:00:00Z", f"2026-03-0{day}T20:00:00Z")
                    for day in (3, 2, 2, 1)
                ),
                execution("r0", "2026-02-01T00:00:00Z", "2026-02-20T01:00:00Z"),
            ]
        },
    ),
    ("lineage", "does not say what it was trained on", {"lineage": {"dataset": "s3://b/d/"}}),
    (
        "data",
        "120 new events have a known outcome, 500 are needed",
        {"collection": {"sufficient": False, "reasons": ["120 new events have a known outcome, 500 are needed"]}},
    ),
]


@pytest.mark.parametrize(
    ("check", "reason", "situation"), REFUSALS, ids=[f"{c}-{i}" for i, (c, *_) in enumerate(REFUSALS)]
)
def test_what_is_refused_says_why_and_where(check: str, reason: str, situation: dict[str, Any]) -> None:
    cloud = Cloud()
    vars(cloud).update(situation)
    result = cloud.run()
    found, why = refused(result)
    assert found == check and reason in why
    assert cloud.started == []
    (message,) = cloud.messages
    assert f"({check})" in message["Subject"] and reason in message["Message"] and "guard-1" in message["Message"]


@pytest.mark.parametrize(
    ("check", "situation"), [(c, s) for c, _, s in REFUSALS if c in ("cooldown", "weekly-limit", "budget")]
)
def test_limits_can_be_overridden_one_by_one(check: str, situation: dict[str, Any]) -> None:
    cloud = Cloud()
    vars(cloud).update(situation)
    others = {"override": [other for other in ("cooldown", "weekly-limit", "budget", "data") if other != check]}
    assert refused(cloud.run({"trigger": "operator", **others}))[0] == check
    result = cloud.run({"trigger": "operator", "override": [check]})
    assert result.output["status"] == "Started" and result.output["override"] == [check]


def test_overriding_the_data_check_lets_the_job_write_what_there_is() -> None:
    job = Cloud().run({"override": ["data"]}).call("sagemaker:createProcessingJob.sync")
    flags = job["AppSpecification"]["ContainerArguments"]
    assert flags[flags.index("--minimum-new-labelled") + 1] == flags[flags.index("--minimum-new-frauds") + 1] == "0"
    assert flags[flags.index("--accept-labels") + 1] == "yes"


def test_a_run_in_flight_cannot_be_overridden() -> None:
    cloud = Cloud()
    everything = ["approval", "cooldown", "weekly-limit", "budget", "data"]
    cloud.runs = [execution("r1", "2026-01-01T00:00:00Z", status="RUNNING")]
    assert refused(cloud.run({"override": everything}))[0] == "in-flight"


def test_a_candidate_that_waits_for_approval_comes_first() -> None:
    cloud = Cloud()
    cloud.candidates = [{"ModelPackageArn": PACKAGE.replace("/7", "/8")}]
    check, reason = refused(cloud.run(training=MANUAL))
    assert check == "approval" and "/8 waits for approval" in reason
    assert cloud.run({"override": ["approval"]}, MANUAL).output["status"] == "Started"


def test_of_two_that_ask_at_once_one_run_starts() -> None:
    """Neither sees the other, since lists lag behind: the name they both derive decides."""
    cloud = Cloud()
    cloud.runs = [execution("r1", "2026-02-01T00:00:00Z", "2026-02-01T01:00:00Z")]
    first = cloud.run(name="guard-1")
    cloud.latest = None
    results = [first, cloud.run(name="guard-2")]
    assert [result.output["status"] for result in results] == ["Started", "Refused"]
    assert "has started run" in results[1].output["reason"] and len(cloud.started) == 1
    # When the run is known, the next name is another one.
    cloud.latest = None
    cloud.runs.insert(0, execution(cloud.started[0]["Name"], "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"))
    assert cloud.run(name="guard-3").output["status"] == "Started"


def test_of_two_guards_that_see_each_other_the_earlier_goes_on() -> None:
    cloud = Cloud()
    cloud.guards = [execution("guard-1", NOW), execution("guard-2", NOW)]
    assert cloud.run(name="guard-1").output["status"] == "Started"
    assert refused(cloud.run(name="guard-2"))[0] == "in-flight"


@pytest.mark.parametrize(
    "name",
    [
        "0c5f2f4e-1111-2222-3333-444455556666_0c5f2f4e-1111-2222-3333-444455556667",
        # As scripts.promote starts them; the first over no model.
        "promote-v3-over-v2-1",
        "promote-v1-over-none-12",
    ],
)
def test_promotions_are_no_training_runs(name: str) -> None:
    cloud = Cloud()
    cloud.runs = [execution(name, "2026-03-10T11:00:00Z", "2026-03-10T11:01:00Z")]
    assert cloud.run().output["status"] == "Started"
    cloud.runs[0]["Status"] = "RUNNING"
    assert refused(cloud.run())[0] == "in-flight"


def test_quality_of_a_model_that_was_replaced_since_is_no_reason_to_retrain() -> None:
    """Labels are known after seven days: until then alarms of quality are about answers of the model before."""
    quality, drift = "fraudstack-dev-quality-recall", "fraudstack-dev-drift-score"
    cloud = Cloud()
    cloud.registered = "2026-03-05T12:00:00.000Z"
    check, reason = refused(cloud.run({"trigger": "alarm", "alarm": quality}))
    assert check == "former-model"
    assert "answers up to 2026-03-03T12:00:00.000Z" in reason and "registered at 2026-03-05T12:00:00.000Z" in reason
    cloud.alarms = [quality]
    assert refused(cloud.run({"trigger": "recheck"}))[0] == "former-model"
    # Drift is of now; an operator knows why; an older model has answered.
    cloud.alarms = [quality, drift]
    for request in (
        {"trigger": "recheck"},
        {"trigger": "alarm", "alarm": drift},
        {"trigger": "operator"},
        {"trigger": "alarm", "alarm": quality, "override": ["former-model"]},
    ):
        cloud.started.clear()
        cloud.latest = None
        assert cloud.run(request).output["status"] == "Started", request
    cloud.registered = "2026-03-03T11:00:00.000Z"
    cloud.started.clear()
    cloud.latest = None
    assert cloud.run({"trigger": "alarm", "alarm": quality}).output["status"] == "Started"


def test_without_an_alarm_a_recheck_ends_quietly() -> None:
    cloud = Cloud()
    cloud.alarms = ["fraudstack-dev-latency", "fraudstack-dev-scoring-degraded"]
    result = cloud.run({"trigger": "recheck"})
    assert result.output == {"status": "Idle", "trigger": "recheck"} and cloud.messages == []


@pytest.mark.parametrize(
    "request_", [{"trigger": "me"}, {"override": "cooldown"}, {"override": ["in-flight"]}, {"alarm": 1}]
)
def test_a_request_that_makes_no_sense_fails_and_says_what_would(request_: dict[str, Any]) -> None:
    cloud = Cloud()
    result = cloud.run(request_)
    assert result.error == "InvalidInput" and "cooldown, weekly-limit" in result.cause
    assert cloud.started == []


@pytest.mark.parametrize(
    "resource",
    [
        "aws-sdk:sfn:listExecutions",
        "aws-sdk:s3:listObjectsV2",
        "aws-sdk:s3:putObject",
        "aws-sdk:cloudformation:describeStacks",
        "aws-sdk:sagemaker:describeModelPackage",
        "aws-sdk:dynamodb:exportTableToPointInTime",
        "aws-sdk:dynamodb:describeExport",
        "sagemaker:createProcessingJob.sync",
        "aws-sdk:s3:getObject",
        "aws-sdk:sfn:startExecution",
    ],
)
def test_a_guard_that_cannot_look_fails_and_starts_nothing(resource: str) -> None:
    cloud = Cloud()
    cloud.fails(resource, "Some.Exception", "no access")
    result = cloud.run()
    assert result.error == "Some.Exception" and "failed: no access" in result.cause
    assert cloud.started == [] and "guard failed" in cloud.messages[0]["Subject"]


def test_a_failed_export_is_told_with_its_reason() -> None:
    cloud = Cloud()
    cloud.export = ["FAILED"]
    result = cloud.run()
    assert result.error == "ExportFailed" and "the bucket is gone" in result.cause


def test_a_message_that_cannot_be_sent_changes_nothing() -> None:
    cloud = Cloud()
    cloud.fails("sns:publish", "Sns.AuthorizationErrorException", "no")
    result = cloud.run()
    assert result.output["status"] == "Started" and len(cloud.started) == 1
