"""The challenger's command: what it refuses, what it changes, and two callers at once."""

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from scripts.promoting import changes, commands, packages
from scripts.promoting.duel import Busy, Duel, refuse_if_busy, version_of
from scripts.retraining.errors import InputError, OperatorError
from tests.unit.retrain_cloud import client_error

GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraudstack-dev"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:fraudstack-dev-retraining"


def duel(**values) -> Duel:
    return Duel(
        **{
            "prefix": "fraudstack-dev",
            "stack": "fraudstack-dev-serving",
            "status": "UPDATE_COMPLETE",
            "champion": f"{GROUP}/3",
            "challenger": f"{GROUP}/4",
            "mode": "ab",
            "endpoint": "fraudstack-dev",
            "group": "fraudstack-dev",
            "state_machine": MACHINE,
            "promotion_role": "arn:aws:iam::123456789012:role/promotion",
            "parameters": {"ModelPackageArn": "", "ChallengerModelPackageArn": "", "Guardrails": "on"},
            **values,
        }
    )


class Machine:
    """Step Functions with executions by name: (status, input)."""

    def __init__(self, **executions: tuple[str, dict]):
        self.executions = {name.replace("_", "-"): found for name, found in executions.items()}
        self.started: list[str] = []

    def list_executions(self, stateMachineArn, statusFilter=None):
        found = [n for n, (status, _) in self.executions.items() if statusFilter in (None, status)]
        return {"executions": [{"name": name, "executionArn": self.arn(name)} for name in found]}

    @staticmethod
    def arn(name):
        return MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"

    def describe_execution(self, executionArn):
        name = executionArn.rsplit(":", 1)[1]
        if name not in self.executions:
            raise client_error("ExecutionDoesNotExist", "DescribeExecution")
        status, given = self.executions[name]
        return {"status": status, "input": json.dumps(given)}

    def start_execution(self, stateMachineArn, name, input):
        self.started.append(name)


def clients(**services) -> SimpleNamespace:
    return SimpleNamespace(**services)


def test_two_promotions_at_once_are_refused_and_a_retraining_is_told() -> None:
    with pytest.raises(Busy, match="UPDATE_IN_PROGRESS"):
        refuse_if_busy(clients(stepfunctions=Machine()), duel(status="UPDATE_IN_PROGRESS"))
    promoting = Machine(promote_v4=("RUNNING", {"modelPackageArn": f"{GROUP}/4"}))
    with pytest.raises(Busy, match=r"Promotion promote-v4 of .*/4 is running"):
        refuse_if_busy(clients(stepfunctions=promoting), duel())
    retraining = Machine(r1=("RUNNING", {"dataset": "s3://b/k"}), old=("FAILED", {"modelPackageArn": "x"}))
    assert refuse_if_busy(clients(stepfunctions=retraining), duel()) == ["r1"]


def test_a_promotion_that_was_stopped_half_way_is_told_and_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised: the champion can be promoted again while the monitors have another model's baselines."""
    monkeypatch.setattr(commands.packages, "resolve", lambda *_: f"{GROUP}/3")
    monkeypatch.setattr(
        commands.packages, "describe", lambda *_: {"ModelPackageArn": f"{GROUP}/3", "ModelApprovalStatus": "Approved"}
    )
    monkeypatch.setattr(commands.packages, "check_features", lambda *_: None)
    options = SimpleNamespace(package="3", approve=False, dry_run=True, follow=True)
    said = {}
    for monitored in ("3", "2", None):
        standing = duel(monitored=monitored and f"{GROUP}/{monitored}")
        monkeypatch.setattr(commands, "_open", lambda _, d=standing: (clients(stepfunctions=Machine()), d))
        console = Console(file=io.StringIO(), width=200)
        commands.status(options, console)
        commands.promote(options, console)
        said[monitored] = console.file.getvalue()
    assert "The monitors compare with v2" in said["2"] and "Promote v3 again" in said["2"]
    assert "Promote v3 in place of v3" in said["2"]
    for other in ("3", None):
        assert "monitors" not in said[other] and "v3 is the champion already" in said[other]


def test_a_promotion_has_one_name_for_all_who_start_it_and_another_after_a_failure() -> None:
    machine = Machine()
    assert changes.start_promotion(clients(stepfunctions=machine), duel(), f"{GROUP}/4").endswith(
        "promote-v4-over-v3-1"
    )
    failed = Machine(promote_v4_over_v3_1=("FAILED", {}))
    changes.start_promotion(clients(stepfunctions=failed), duel(), f"{GROUP}/4")
    assert failed.started == ["promote-v4-over-v3-2"]
    running = Machine(promote_v4_over_v3_1=("RUNNING", {}))
    with pytest.raises(Busy):
        changes.start_promotion(clients(stepfunctions=running), duel(), f"{GROUP}/4")
    assert not running.started


def test_an_approvals_own_promotion_is_found_and_older_ones_are_not() -> None:
    wanted = {"modelPackageArn": f"{GROUP}/4"}
    machine = Machine(old=("SUCCEEDED", wanted), new=("RUNNING", wanted), other=("RUNNING", {}))
    found = changes.promotion_by_approval(clients(stepfunctions=machine), duel(), f"{GROUP}/4", {machine.arn("old")})
    assert found == machine.arn("new")


def test_an_update_changes_the_challenger_alone_and_cannot_be_guarded() -> None:
    assert duel().new_parameters(f"{GROUP}/5") == [
        {"ParameterKey": "ModelPackageArn", "UsePreviousValue": True},
        {"ParameterKey": "ChallengerModelPackageArn", "ParameterValue": f"{GROUP}/5"},
        {"ParameterKey": "Guardrails", "ParameterValue": "off"},
    ]


def test_an_update_that_somebody_else_began_is_busy_and_one_rolled_back_says_why() -> None:
    def update_stack(**_):
        raise client_error(
            "ValidationError", "UpdateStack", "Stack is in UPDATE_IN_PROGRESS state and can not be updated"
        )

    taken = clients(cloudformation=SimpleNamespace(update_stack=update_stack))
    with pytest.raises(Busy, match="came first"):
        changes.set_challenger(taken, duel(), f"{GROUP}/5", Console(file=io.StringIO()))
    events = [
        {"LogicalResourceId": "Endpoint", "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "no ping"},
        {"LogicalResourceId": "old", "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "x"},
    ]
    stacks = SimpleNamespace(
        update_stack=lambda **_: {},
        describe_stacks=lambda StackName: {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}]},
        describe_stack_events=lambda StackName: {"StackEvents": events[:1]},
    )
    with pytest.raises(OperatorError, match="ROLLBACK_COMPLETE: Endpoint: no ping"):
        changes.set_challenger(clients(cloudformation=stacks), duel(), f"{GROUP}/5", Console(file=io.StringIO()))


@pytest.mark.parametrize(
    ("approval", "for_payments", "allowed", "text"),
    [
        ("Approved", True, False, None),
        ("PendingManualApproval", False, False, None),
        ("PendingManualApproval", True, False, "is not approved"),
        ("PendingManualApproval", True, True, None),
        ("Rejected", False, True, "was rejected"),
    ],
)
def test_approval(approval: str, for_payments: bool, allowed: bool, text: str | None) -> None:
    package = {"ModelPackageArn": f"{GROUP}/4", "ModelApprovalStatus": approval}
    if text is None:
        packages.check_approval(package, for_payments=for_payments, allow_unapproved=allowed)
        return
    with pytest.raises(InputError, match=text):
        packages.check_approval(package, for_payments=for_payments, allow_unapproved=allowed)


def test_versions_are_named_by_number_arn_or_latest() -> None:
    listed = {"ModelPackageSummaryList": [{"ModelPackageArn": f"{GROUP}/9"}]}
    registry = clients(sagemaker=SimpleNamespace(list_model_packages=lambda **_: listed))
    assert packages.resolve(registry, duel(), "latest") == f"{GROUP}/9"
    assert packages.resolve(registry, duel(), "v5") == packages.resolve(registry, duel(), "5") == f"{GROUP}/5"
    assert packages.resolve(registry, duel(), f"{GROUP}/6") == f"{GROUP}/6"
    for wrong in ("five", "arn:aws:sagemaker:us-east-1:1:model-package/other/1"):
        with pytest.raises(InputError):
            packages.resolve(registry, duel(), wrong)
    assert version_of(f"{GROUP}/6") == "v6" and version_of("") == "none"
