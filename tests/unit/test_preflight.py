"""The preflight command: which monitoring engine an account can use, and what is said about it."""

from __future__ import annotations

import io
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from rich.console import Console

from scripts import preflight
from scripts.checks import Context, run
from stacks.config import MonitoringConfig, PlatformConfig
from stacks.config.identity import IdentityConfig

CALLER = {"Account": "123456789012", "Arn": "arn:aws-us-gov:iam::123456789012:user/operator"}


class Account:
    """A session whose SageMaker answers as told."""

    def __init__(self) -> None:
        self.sagemaker = boto3.client(
            "sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.sts = boto3.client("sts", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        self.stub, self.identity = Stubber(self.sagemaker), Stubber(self.sts)
        self.stub.activate()
        self.identity.activate()

    def client(self, service: str, region_name: str) -> Any:
        return getattr(self, service)

    def find(self, *, probe: bool = False, engine: str = "model-monitor", path: str = "/") -> list[Any]:
        config = PlatformConfig(
            environment="dev", monitoring=MonitoringConfig(engine=engine), identity=IdentityConfig(path=path)
        )
        found = list(run("monitoring-engine", Context(config, self, probe)))
        self.stub.assert_no_pending_responses()
        return found


def listed(count: int) -> dict[str, Any]:
    schedule = {
        "MonitoringScheduleName": "s",
        "MonitoringScheduleArn": "arn:aws:sagemaker:us-east-1:123456789012:monitoring-schedule/s",
        "CreationTime": 0,
        "LastModifiedTime": 0,
        "MonitoringScheduleStatus": "Scheduled",
    }
    return {"MonitoringScheduleSummaries": [schedule] * count}


def test_an_account_with_schedules_goes_on() -> None:
    account = Account()
    account.stub.add_response("list_monitoring_schedules", listed(1))
    (finding,) = account.find()
    assert finding.status == "ok"


def test_without_schedules_the_switch_is_named_and_a_probe_offered() -> None:
    account = Account()
    account.stub.add_response("list_monitoring_schedules", listed(0))
    (finding,) = account.find()
    assert finding.status == "warning"
    assert "--probe" in finding.remedy and "monitoring.engine to processing" in finding.remedy


def test_the_probe_leaves_nothing_behind() -> None:
    account = Account()
    account.stub.add_response("list_monitoring_schedules", listed(0))
    account.identity.add_response("get_caller_identity", CALLER)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:data-quality-job-definition/fraudstack-dev-preflight"
    asked: dict[str, Any] = {}
    account.sagemaker.meta.events.register(
        "provide-client-params.sagemaker.CreateDataQualityJobDefinition", lambda params, **_: asked.update(params)
    )
    account.stub.add_response("create_data_quality_job_definition", {"JobDefinitionArn": arn})
    account.stub.add_response(
        "delete_data_quality_job_definition", {}, {"JobDefinitionName": "fraudstack-dev-preflight"}
    )
    (finding,) = account.find(probe=True, path="/fraud/")
    assert finding.status == "ok"
    role = "role/fraud/fraudstack-dev-monitoring-us-east-1"
    assert asked["RoleArn"] == f"arn:aws-us-gov:iam::123456789012:{role}"


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("ValidationException", "SageMaker Model Monitor is no longer open to new customers.", "error"),
        ("AccessDeniedException", "Model Monitor is not available for this account.", "error"),
        ("AccessDeniedException", "User x is not authorized to perform: sagemaker:CreateX", "warning"),
    ],
)
def test_a_refusal_says_what_to_do(code: str, message: str, status: str) -> None:
    account = Account()
    account.stub.add_response("list_monitoring_schedules", listed(0))
    account.identity.add_response("get_caller_identity", CALLER)
    account.stub.add_client_error("create_data_quality_job_definition", code, message)
    (finding,) = account.find(probe=True)
    assert finding.status == status and message in finding.message
    assert "monitoring.engine to processing" in finding.remedy


def test_the_other_engine_asks_nobody() -> None:
    (finding,) = Account().find(engine="processing")
    assert finding.status == "ok"


def test_what_may_not_be_looked_at_is_a_finding() -> None:
    account = Account()
    account.stub.add_client_error("list_monitoring_schedules", "AccessDeniedException", "no")
    (finding,) = account.find()
    assert finding.status == "error" and "could not be looked at" in finding.message


def test_the_command_ends_with_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    account.stub.add_response("list_monitoring_schedules", listed(0))
    monkeypatch.setattr(preflight.boto3, "Session", lambda **_: account)
    said = io.StringIO()
    console = Console(file=said, width=200)
    assert preflight.main(["--env", "dev", "--check", "monitoring-engine"], console) == 0
    assert "Which monitoring engine can this account use?" in said.getvalue() and "→" in said.getvalue()
    assert preflight.main(["--env", "nowhere"], console) == 2
