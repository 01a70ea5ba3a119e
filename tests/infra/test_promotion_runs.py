"""Promotions and approvals by the retraining definition, against services that answer as AWS's do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.infra.interpreter import BEGINNING, Execution, StatesError
from tests.infra.retraining_services import ACCOUNT, CHAMPION, PACKAGE, TRAINING, Cloud


def test_promotion_changes_one_parameter_through_its_own_role() -> None:
    execution = Cloud(champion=CHAMPION).run()
    updates = [arguments for name, arguments in execution.calls if name.endswith(":updateStack")]
    assert [update["StackName"] for update in updates] == ["fraudstack-dev-serving", "fraudstack-dev-monitoring"]
    for update in updates:
        assert update["UsePreviousTemplate"] is True
        # Templates with policies want it said, even where nothing of them changes.
        assert update["Capabilities"] == ["CAPABILITY_IAM"]
        assert update["RoleARN"] == "arn:aws:iam::123456789012:role/promotion"
        assert update["Parameters"] == [
            {"ParameterKey": "ModelPackageArn", "ParameterValue": PACKAGE},
            {"ParameterKey": "BootstrapVersion", "UsePreviousValue": True},
        ]


def promoted_beside(challenger: str) -> tuple[Execution, dict[str, Any]]:
    """A promotion of PACKAGE, and the values that the serving stack's update gives to other parameters."""
    cloud = Cloud(champion=CHAMPION)
    cloud.challenger = {"ChallengerModelPackageArn": challenger, "Guardrails": "off"}
    execution = cloud.run({"modelPackageArn": PACKAGE})
    assert execution.error is None, execution.cause
    serving, _ = (arguments for name, arguments in execution.calls if name.endswith(":updateStack"))
    given = {p["ParameterKey"]: p.get("ParameterValue") for p in serving["Parameters"]}
    assert given.pop("ModelPackageArn") == PACKAGE and given.pop("BootstrapVersion") is None
    return execution, given


def test_promoting_the_challenger_withdraws_it_in_the_same_update() -> None:
    execution, given = promoted_beside(PACKAGE)
    # An A/B test's second variant goes: that cannot be guarded, nor while it is scaled automatically.
    assert given == {"ChallengerModelPackageArn": "", "Guardrails": "off"}
    assert execution.path.index("Release challenger") < execution.path.index("Promote serving")
    released = execution.call("aws-sdk:applicationautoscaling:deregisterScalableTarget")
    assert released["ResourceId"] == "endpoint/fraudstack-dev/variant/challenger"


@pytest.mark.parametrize("challenger", ["", f"{ACCOUNT}:model-package/fraudstack-dev/5"])
def test_promoting_another_package_leaves_the_challenger_and_is_guarded(challenger: str) -> None:
    execution, given = promoted_beside(challenger)
    assert given == {"ChallengerModelPackageArn": None, "Guardrails": "on"}
    assert "Release challenger" not in execution.path


def test_a_challenger_that_is_not_scaled_is_promoted_all_the_same() -> None:
    cloud = Cloud(champion=CHAMPION)
    cloud.challenger = {"ChallengerModelPackageArn": PACKAGE}
    error = "ApplicationAutoScaling.ObjectNotFoundException"
    cloud.fails("aws-sdk:applicationautoscaling:deregisterScalableTarget", error, "no target")
    assert cloud.run({"modelPackageArn": PACKAGE}).output["status"] == "Promoted"


def test_manual_approval_ends_waiting_and_an_approval_promotes() -> None:
    manual = TRAINING.model_copy(update={"approval": "manual"})
    cloud = Cloud(champion=CHAMPION)
    execution = cloud.run(training=manual)
    assert execution.output["status"] == "AwaitingApproval"
    request = execution.call("aws-sdk:sagemaker:createModelPackage")
    assert request["ModelApprovalStatus"] == "PendingManualApproval"
    assert set(cloud.deployed.values()) == {CHAMPION}

    promotion = cloud.run({"modelPackageArn": PACKAGE}, training=manual, name="0d4f-by-event")
    assert promotion.output == {"status": "Promoted", "modelPackageArn": PACKAGE, "evaluation": {}}
    assert set(cloud.deployed.values()) == {PACKAGE}
    assert "Prepare" not in promotion.path


@pytest.mark.parametrize(
    ("approved", "changed", "status"),
    [
        (-3600, -1800, "Superseded"),  # again, or late: another model was deployed in between
        (-3600, -7200, "Promoted"),  # late, but nothing happened since
        (-2, -1, "Promoted"),  # at once: of two approvals the second has its turn after the first
    ],
)
def test_an_approval_that_comes_again_does_not_undo_what_was_deployed_since(approved, changed, status) -> None:
    """Promised: EventBridge delivers at least once; an event that comes late changes no newer decision."""
    approved, changed = ((BEGINNING + timedelta(seconds=part)).isoformat() for part in (approved, changed))
    cloud = Cloud(champion=CHAMPION)
    look = cloud.describe_stack

    def changed_then(asked):
        described = look(asked)
        described["Stacks"][0]["LastUpdatedTime"] = changed
        return described

    cloud.handlers["aws-sdk:cloudformation:describeStacks"] = changed_then
    execution = cloud.run({"modelPackageArn": PACKAGE, "approvedAt": approved})
    assert execution.output["status"] == status
    assert cloud.deployed["fraudstack-dev-serving"] == (PACKAGE if status == "Promoted" else CHAMPION)
    if status == "Superseded":
        assert CHAMPION in cloud.messages[0]["Message"] and "scripts.promote" in cloud.messages[0]["Message"]


def test_promoting_the_deployed_package_again_succeeds() -> None:
    cloud = Cloud(champion=PACKAGE)
    cloud.live_config = "config-7"
    assert cloud.run({"modelPackageArn": PACKAGE}).output["status"] == "Promoted"


def test_package_is_waited_for_and_must_be_usable() -> None:
    cloud = Cloud()
    cloud.package_states = ["Pending", "InProgress", "Completed"]
    assert cloud.run({"modelPackageArn": PACKAGE}).path.count("Wait for package") == 2
    cloud.package_states = ["Failed"]
    execution = cloud.run({"modelPackageArn": PACKAGE})
    assert execution.error == "PackageNotReady" and "is Failed" in execution.cause


def test_update_under_way_is_waited_for() -> None:
    cloud = Cloud(champion=CHAMPION)
    cloud.after_update["fraudstack-dev-serving"] = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    execution = cloud.run({"modelPackageArn": PACKAGE})
    assert execution.path.count("Wait to promote serving") == 1
    assert execution.output["status"] == "Promoted"


def test_of_two_promotions_at_once_the_slower_waits_for_the_faster() -> None:
    """Both looked while the stack was free. Promised: neither fails, and the later one's model serves in the end."""
    cloud = Cloud(champion=CHAMPION)
    update, tries = cloud.update_stack, []

    def busy_at_first(arguments: dict[str, Any]) -> Any:
        tries.append(arguments["StackName"])
        if tries.count(arguments["StackName"]) == 1:
            stack = f"Stack:arn:aws:cloudformation:{arguments['StackName']}"
            raise StatesError("CloudFormation.CloudFormationException", f"{stack} is in UPDATE_IN_PROGRESS state")
        return update(arguments)

    cloud.handlers["aws-sdk:cloudformation:updateStack"] = busy_at_first
    execution = cloud.run({"modelPackageArn": PACKAGE})
    assert execution.output["status"] == "Promoted"
    assert tries.count("fraudstack-dev-serving") == tries.count("fraudstack-dev-monitoring") == 2
    assert execution.path.count("Wait to promote serving") == execution.path.count("Wait to promote monitoring") == 1


@pytest.mark.parametrize("when", ["before the look at the end of the update", "before the look at the endpoint"])
def test_a_promotion_that_another_has_overtaken_says_so_and_leaves_the_monitor_alone(when: str) -> None:
    """Promised: a model that no longer serves is not called promoted, and the monitor is the later model's."""
    cloud = Cloud(champion=CHAMPION)
    later = f"{PACKAGE}1"

    def overtake() -> None:
        cloud.deployed = dict.fromkeys(cloud.deployed, later)
        cloud.live_config = "config-71"

    update, look = cloud.update_stack, cloud.describe_endpoint
    if "update" in when:
        cloud.handlers["aws-sdk:cloudformation:updateStack"] = lambda asked: (update(asked), overtake())[0]
    else:
        cloud.handlers["aws-sdk:sagemaker:describeEndpoint"] = lambda asked: (overtake(), look(asked))[1]
    execution = cloud.run({"modelPackageArn": PACKAGE})
    assert execution.output["status"] == "Superseded" and set(cloud.deployed.values()) == {later}
    assert later in cloud.messages[0]["Message"] and len(cloud.messages) == 1


@pytest.mark.parametrize("better", [True, False])
def test_a_candidate_is_compared_with_the_model_that_another_run_promoted_meanwhile(better: bool) -> None:
    """Promised: of two retrainings at once the later candidate has to pass the gate against the earlier one's model."""
    cloud, later = Cloud(champion=CHAMPION), f"{CHAMPION}9"
    evaluate = cloud.handlers["sagemaker:createProcessingJob.sync"]

    def promoted_meanwhile(arguments: dict[str, Any]) -> Any:
        if arguments["ProcessingJobName"].endswith("-evaluate"):
            cloud.deployed["fraudstack-dev-serving"] = later
        elif arguments["ProcessingJobName"].endswith("-evaluate-2"):
            cloud.evaluation = {**cloud.evaluation, "gate": {"passed": better, "reasons": ["It is worse."]}}
        return evaluate(arguments)

    cloud.handlers["sagemaker:createProcessingJob.sync"] = promoted_meanwhile
    execution = cloud.run()
    champions = [a["ModelPackageName"] for name, a in execution.calls if name.endswith("describeModelPackage")][:2]
    assert champions == [CHAMPION, later]
    if better:
        assert execution.output["status"] == "Promoted"
    else:
        assert execution.error == "GateRejected" and cloud.deployed["fraudstack-dev-serving"] == later


def test_a_candidate_whose_champion_is_replaced_again_and_again_is_not_promoted() -> None:
    cloud = Cloud(champion=CHAMPION)
    evaluate = cloud.handlers["sagemaker:createProcessingJob.sync"]

    def promoted_meanwhile(arguments: dict[str, Any]) -> Any:
        cloud.deployed["fraudstack-dev-serving"] += "1"
        return evaluate(arguments)

    cloud.handlers["sagemaker:createProcessingJob.sync"] = promoted_meanwhile
    execution = cloud.run()
    assert execution.error == "ChampionReplaced" and "start the run again" in execution.cause


def test_failed_deployment_names_the_first_failed_resource() -> None:
    cloud = Cloud(champion=CHAMPION)
    cloud.after_update["fraudstack-dev-serving"] = [
        *("UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"),
        *("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    execution = cloud.run({"modelPackageArn": PACKAGE})
    assert execution.error == "PromotionFailed"
    assert "ended in UPDATE_ROLLBACK_COMPLETE" in execution.cause
    assert execution.cause.endswith("Endpoint: The container failed its ping")
    assert cloud.deployed["fraudstack-dev-monitoring"] == CHAMPION


def test_failed_deployment_is_told_even_if_its_events_cannot_be_read() -> None:
    cloud = Cloud(champion=CHAMPION)
    cloud.after_update["fraudstack-dev-serving"] = ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
    cloud.fails("aws-sdk:cloudformation:describeStackEvents", "CloudFormation.AccessDenied", "no")
    execution = cloud.run({"modelPackageArn": PACKAGE})
    assert execution.error == "PromotionFailed" and "UPDATE_ROLLBACK_COMPLETE" in execution.cause


def test_silent_rollback_of_the_endpoint_is_found() -> None:
    cloud = Cloud(champion=CHAMPION)
    cloud.handlers["aws-sdk:sagemaker:describeEndpoint"] = lambda arguments: {
        "EndpointStatus": "InService",
        "EndpointConfigName": "config-6",
        "FailureReason": "alarm errors-5xx went off",
    }
    execution = cloud.run()
    assert execution.error == "EndpointNotAsDesired"
    assert "config-6 instead of config-7" in execution.cause and "errors-5xx" in execution.cause
    assert cloud.deployed["fraudstack-dev-monitoring"] == CHAMPION
