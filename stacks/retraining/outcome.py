"""How a run ends: promoted, replaced by another since, waiting, or failed with a cause that a person can read."""

from __future__ import annotations

from typing import Any

from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import FAILURE, RETRY, States, assign, catch, jsonata

# A job's failure comes as the text of its whole description; people want the reason in it.
CAUSE = (
    "($reason := $contains($failure.cause, /^\\{[\\s\\S]*\\}$/) ? $parse($failure.cause).FailureReason; "
    "$base := $exists($reason) ? $reason : $failure.cause; "
    "$exists($failure.trialCause) ? $base & ' (' & $failure.trialCause & ')' : $base)"
)


def outcome_states(settings: RetrainingSettings) -> States:
    """The run's last states; a message that cannot be sent does not change the outcome."""
    name = settings.prefix
    return {
        "Tell of promotion": publish(
            settings,
            subject=f"'{name}: model promoted'",
            message="'Model package ' & $modelPackageArn & ' answers on endpoint "
            + f"{settings.endpoint}. Run ' & $runId & '.'",
            output=_result("Promoted"),
            next_state="Promoted",
        ),
        "Promoted": {"Type": "Succeed"},
        "Tell of successor": publish(
            settings,
            subject=f"'{name}: model replaced'",
            message="'Model package ' & $modelPackageArn & ' was promoted, and ' & $inStack & ' has replaced it since. "
            "Run ' & $runId & '.'",
            output=_result("Superseded"),
            next_state="Superseded",
        ),
        "Tell of late approval": publish(
            settings,
            subject=f"'{name}: approval came too late'",
            message="'The approval of model package ' & $modelPackageArn & ' (' & $approvedAt & ') came after ' "
            "& $inStack & ' had been deployed, which stays: EventBridge may deliver an event late, or twice. To deploy "
            "the package all the same, use scripts.promote. Run ' & $runId & '.'",
            output=_result("Superseded"),
            next_state="Superseded",
        ),
        "Superseded": {"Type": "Succeed"},
        **(_waiting_states(settings) if settings.training.approval == "manual" else {}),
        **failure_states(settings, subject=f"'{name}: retraining failed'"),
    }


def failure_states(settings: RetrainingSettings, *, subject: str) -> States:
    """From `$failure` to an execution that failed with a cause that a person can read."""
    return {
        FAILURE: assign(
            {
                "cause": jsonata(f"'Step ' & $failure.step & ' failed: ' & {CAUSE}"),
                "error": jsonata("$failure.error"),
            },
            "Tell of failure",
        ),
        "Tell of failure": publish(
            settings,
            subject=subject,
            message="$cause & ' Execution ' & $states.context.Execution.Id & '.'",
            output=None,
            next_state="Failed",
        ),
        "Failed": {"Type": "Fail", "Error": jsonata("$error"), "Cause": jsonata("$cause")},
    }


def _waiting_states(settings: RetrainingSettings) -> States:
    """Only where approval is manual: Step Functions refuses states that nothing leads to."""
    name = settings.prefix
    return {
        "Tell of approval": publish(
            settings,
            subject=f"'{name}: model waits for approval'",
            message="'Model package ' & $modelPackageArn & ' passed the gate. Approve it in the model registry "
            "to promote it. Run ' & $runId & '.'",
            output=_result("AwaitingApproval"),
            next_state="Awaiting approval",
        ),
        "Awaiting approval": {"Type": "Succeed"},
    }


def _result(status: str) -> dict[str, Any]:
    return {
        "status": status,
        "modelPackageArn": jsonata("$modelPackageArn"),
        "evaluation": jsonata("$evaluation"),
    }


def publish(
    settings: RetrainingSettings, *, subject: str, message: str, output: dict[str, Any] | None, next_state: str
) -> dict[str, Any]:
    """Publish to the notifications topic and go on, whether or not that succeeds."""
    result = output or jsonata("$states.input")
    # The failure being reported must survive one of reporting it.
    handlers = [{**handler, "Output": result} for handler in catch("notify", next_state, keep_failure=True)]
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Arguments": {
            "TopicArn": settings.topic,
            "Subject": jsonata(f"$substring({subject}, 0, 100)"),
            "Message": jsonata(message),
        },
        "Output": result,
        "Retry": RETRY,
        "Catch": handlers,
        "Next": next_state,
    }
