"""Promotion: one parameter of two stacks is updated, and the live endpoint is compared with the desired one."""

from __future__ import annotations

from typing import Any

from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import States, choice, fail_with, jsonata, rule, task

IN_PROGRESS = "$contains($status, /_IN_PROGRESS$/)"
DONE = "$status in ['UPDATE_COMPLETE', 'CREATE_COMPLETE', 'IMPORT_COMPLETE']"
IN_STACK = jsonata("$states.result.Stacks[0].Parameters[ParameterKey = 'ModelPackageArn'].ParameterValue")
# The package that is promoted challenges the champion: the same update withdraws it as challenger, and with it the
# second production variant of an A/B test, which deployment guardrails do not allow.
_OURS = "ParameterKey = 'ChallengerModelPackageArn' and ParameterValue = $modelPackageArn"
CHALLENGES = f"$count($states.result.Stacks[0].Parameters[{_OURS}]) > 0"
# EventBridge delivers at least once, within a day. An approval that comes at once is never late, so that of two given
# one after the other the second waits for the first and then has its turn.
PROMPT_SECONDS = 300
LATE = (
    "($in := $states.result.Stacks[0]; "
    "$model := $in.Parameters[ParameterKey = 'ModelPackageArn'].ParameterValue; "
    "$approved := $toMillis($approvedAt); "
    "$exists($in.LastUpdatedTime) and $contains($model, 'model-package/') "
    "and $model != $modelPackageArn and $toMillis($in.LastUpdatedTime) > $approved "
    f"and $toMillis($states.context.Execution.StartTime) - $approved > {PROMPT_SECONDS * 1000})"
)


def promotion_states(settings: RetrainingSettings, *, promoted: str, superseded: str, late: str) -> States:
    """From `$modelPackageArn` to `promoted`; or to `superseded`, where another promotion was faster than a look.

    To `late` where the event of an approval came after another model had been deployed.
    """
    return {
        "Check package": task(
            "aws-sdk:sagemaker:describeModelPackage",
            step="check the model package",
            arguments={"ModelPackageName": jsonata("$modelPackageArn")},
            assign={
                "packageStatus": jsonata("$states.result.ModelPackageStatus"),
                "approval": jsonata("$states.result.ModelApprovalStatus"),
            },
            next_state="Package ready?",
        ),
        "Package ready?": choice(
            [
                rule("$packageStatus in ['Pending', 'InProgress']", "Wait for package"),
                rule("$packageStatus != 'Completed' or $approval != 'Approved'", "Package not ready"),
                rule("$approvedAt != ''", "Look at approval"),
            ],
            "Look at serving",
        ),
        "Wait for package": _wait(settings, "Check package"),
        "Package not ready": fail_with(
            "check the model package",
            "PackageNotReady",
            "'model package ' & $modelPackageArn & ' is ' & $packageStatus & ' and ' & $approval "
            "& ': only a completed, approved package can be promoted'",
        ),
        "Look at approval": task(
            "aws-sdk:cloudformation:describeStacks",
            step="check the approval",
            arguments={"StackName": settings.serving_stack},
            assign={"inStack": IN_STACK, "late": jsonata(LATE)},
            next_state="Approval in time?",
        ),
        "Approval in time?": choice([rule("$late", late)], "Look at serving"),
        **stack_update(settings, "serving", settings.serving_stack, updated="Check endpoint", superseded=superseded),
        "Check endpoint": task(
            "aws-sdk:sagemaker:describeEndpoint",
            step="verify the endpoint",
            arguments={"EndpointName": settings.endpoint},
            assign={
                "liveConfig": jsonata("$states.result.EndpointConfigName"),
                "endpointStatus": jsonata("$states.result.EndpointStatus"),
                "endpointReason": jsonata(
                    "$exists($states.result.FailureReason) ? $states.result.FailureReason : 'no reason given'"
                ),
            },
            next_state="Endpoint as desired?",
            comment="SageMaker can roll back and be InService again with the old configuration",
        ),
        "Endpoint as desired?": choice(
            [
                rule("$endpointStatus in ['Updating', 'Creating', 'SystemUpdating']", "Wait for endpoint"),
                rule("$endpointStatus = 'InService' and $liveConfig = $desiredConfig", "Look at monitoring"),
            ],
            "Look for successor",
        ),
        "Look for successor": task(
            "aws-sdk:cloudformation:describeStacks",
            step="verify the endpoint",
            arguments={"StackName": settings.serving_stack},
            assign={"inStack": IN_STACK},
            next_state="Succeeded?",
            comment="Another promotion may have changed the endpoint since",
        ),
        "Succeeded?": choice([rule("$inStack != $modelPackageArn", superseded)], "Endpoint differs"),
        "Wait for endpoint": _wait(settings, "Check endpoint"),
        "Endpoint differs": fail_with(
            "verify the endpoint",
            "EndpointNotAsDesired",
            f"'endpoint {settings.endpoint} is ' & $endpointStatus & ' with configuration ' & $liveConfig "
            "& ' instead of ' & $desiredConfig & ': ' & $endpointReason",
        ),
        **stack_update(settings, "monitoring", settings.monitoring_stack, updated=promoted, superseded=superseded),
    }


def stack_update(settings: RetrainingSettings, concern: str, stack: str, *, updated: str, superseded: str) -> States:
    """Give the stack `$modelPackageArn`, every other parameter unchanged, and wait until it is done.

    An update of somebody else's that began before a look at the end of ours leaves another package in the stack.
    """
    look, update, watch = f"Look at {concern}", f"Promote {concern}", f"Watch {concern}"
    step = f"promote: {concern} stack"
    describe = {"StackName": stack}
    challenged = concern == "serving" and settings.challenger
    release = challenged and bool(settings.challenger_target)
    previous = "{'ParameterKey': ParameterKey, 'UsePreviousValue': true}"
    kept = _kept(previous) if challenged else previous
    others = f"$states.result.Stacks[0].Parameters[ParameterKey != 'ModelPackageArn'].({kept})"
    parameters = "$append([{'ParameterKey': 'ModelPackageArn', 'ParameterValue': $modelPackageArn}], " + f"[{others}])"
    token = jsonata(f"$runId & '-{concern}-' & $substringAfter($substringAfter($modelPackageArn, '/'), '/')")
    status = {"status": jsonata("$states.result.Stacks[0].StackStatus")}
    config = "$states.result.Stacks[0].Outputs[OutputKey = 'EndpointConfigName'].OutputValue"
    desired = {"desiredConfig": jsonata(f"$exists({config}) ? {config} : ''")} if concern == "serving" else {}
    challenges = {"challenges": jsonata(CHALLENGES)} if release else {}
    return {
        look: task(
            "aws-sdk:cloudformation:describeStacks",
            step=step,
            arguments=describe,
            assign={**status, **challenges, "stackParameters": jsonata(parameters)},
            next_state=f"{concern.capitalize()} free?",
        ),
        f"{concern.capitalize()} free?": choice(
            [
                rule(IN_PROGRESS, f"Wait to promote {concern}"),
                *([rule("$challenges", "Release challenger")] if release else []),
            ],
            update,
            comment="Another update may be under way; CloudFormation takes one at a time",
        ),
        f"Wait to promote {concern}": _wait(settings, look),
        **(_release_states(settings, step=step, released=update) if release else {}),
        update: task(
            "aws-sdk:cloudformation:updateStack",
            step=step,
            arguments={
                "StackName": stack,
                "UsePreviousTemplate": True,
                "RoleARN": settings.promotion_role,
                # The stack's template says who may update it.
                "Capabilities": ["CAPABILITY_IAM"],
                "ClientRequestToken": token,
                "Parameters": jsonata("$stackParameters"),
            },
            next_state=watch,
            on_error=f"{concern.capitalize()} unchanged?",
        ),
        f"{concern.capitalize()} unchanged?": choice(
            [
                rule("$contains($failure.cause, 'No updates are to be performed')", watch),
                # Another promotion began between the look at the stack and the update.
                rule("$contains($failure.cause, '_IN_PROGRESS state')", f"Wait to promote {concern}"),
            ],
            "Explain failure",
            comment="The stack runs this model package already, or another update was faster",
        ),
        watch: task(
            "aws-sdk:cloudformation:describeStacks",
            step=step,
            arguments=describe,
            assign={**status, **desired, "inStack": IN_STACK},
            next_state=f"{concern.capitalize()} done?",
        ),
        f"{concern.capitalize()} done?": choice(
            [
                rule(IN_PROGRESS, f"Wait for {concern}"),
                rule(f"{DONE} and $inStack != $modelPackageArn", superseded),
                rule(DONE, updated),
            ],
            f"Find reason in {concern}",
            default_assign={
                "failure": {
                    "step": step,
                    "error": "PromotionFailed",
                    "cause": jsonata(
                        f"'stack {stack} ended in ' & $status & ', the model deployed before goes on answering'"
                    ),
                }
            },
        ),
        f"Wait for {concern}": _wait(settings, watch),
        f"Find reason in {concern}": task(
            "aws-sdk:cloudformation:describeStackEvents",
            step=step,
            arguments=describe,
            assign={"failure": jsonata(_with_first_failure())},
            next_state="Explain failure",
            keep_failure=True,
        ),
    }


def _kept(previous: str) -> str:
    """A parameter as it was, save those that say who challenges and whether guardrails can be used."""
    return (
        f"{_OURS} ? {{'ParameterKey': ParameterKey, 'ParameterValue': ''}} : ParameterKey = 'Guardrails' "
        f"? {{'ParameterKey': ParameterKey, 'ParameterValue': {CHALLENGES} ? 'off' : 'on'}} : {previous}"
    )


def _release_states(settings: RetrainingSettings, *, step: str, released: str) -> States:
    """SageMaker removes no variant that is scaled automatically; the stack drops the target after the variant."""
    return {
        "Release challenger": task(
            "aws-sdk:applicationautoscaling:deregisterScalableTarget",
            step=step,
            arguments={
                "ServiceNamespace": "sagemaker",
                "ResourceId": settings.challenger_target,
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            },
            next_state=released,
            on_error="Challenger free?",
        ),
        "Challenger free?": choice(
            [rule("$contains($failure.error, 'ObjectNotFound')", released)],
            "Explain failure",
            comment="It was not scaled, or no longer",
        ),
    }


def _with_first_failure() -> str:
    """`$failure` with the oldest failed resource of the latest update.

    Events come newest first, and those of one update carry its token.
    """
    events = "$states.result.StackEvents"
    failed = f"{events}[$contains(ResourceStatus, /FAILED$/) and $exists(ResourceStatusReason)]"
    return (
        f"($token := {events}[0].ClientRequestToken; "
        f"$failed := {failed}[$not($exists($token)) or ClientRequestToken = $token]; "
        "$first := $failed[-1]; "
        "$exists($first) ? $merge([$failure, {'cause': $failure.cause & ': ' & $first.LogicalResourceId & ': ' "
        "& $first.ResourceStatusReason}]) : $failure)"
    )


def _wait(settings: RetrainingSettings, next_state: str) -> dict[str, Any]:
    return {"Type": "Wait", "Seconds": settings.training.poll_seconds, "Next": next_state}
