"""What has to be so before anything is collected: no run in flight, and the limits of time and money kept."""

from __future__ import annotations

from stacks.guard.settings import GuardSettings
from stacks.retraining.states import State, States, choice, jsonata, rule, task, text

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS
# Newest first; more do not start in a month, and their description has to fit a state's 256 KiB.
MOST_EXECUTIONS = 100
# Executions of the retraining machine that train nothing: EventBridge names what it starts <event id>_<hash>, which is
# the promotion of an approved model; scripts.promote names its promotions by their versions.
PROMOTION = r"/^([0-9a-f-]{36}_[0-9a-f-]{36}|promote-v\d+-over-.+)$/"
NAME = "$states.context.Execution.Name"
# What the guard collected last: {name: its folder, at: ms}.
LATEST = "collections/latest.json"


def check_states(settings: GuardSettings, *, allowed: str) -> States:
    """From a request to `allowed`, or to a refusal; `$runName` is what a run must be called that starts now."""
    manual = settings.run.training.approval == "manual"
    return {
        "List guards": task(
            "aws-sdk:sfn:listExecutions",
            step="list the guard's executions",
            arguments={
                "StateMachineArn": settings.guard_arn,
                "StatusFilter": "RUNNING",
                "MaxResults": MOST_EXECUTIONS,
            },
            assign={"guardsBefore": jsonata(_guards_before())},
            next_state="List runs",
            comment="Of two that ask at once the first goes on",
        ),
        "List runs": task(
            "aws-sdk:sfn:listExecutions",
            step="list the runs",
            arguments={"StateMachineArn": settings.state_machine_arn, "MaxResults": MOST_EXECUTIONS},
            assign={
                "inFlight": jsonata("[$states.result.Executions[Status in ['RUNNING', 'PENDING_REDRIVE']].Name]"),
                "runs": jsonata(_runs()),
            },
            next_state="Look for a collection",
        ),
        # Whoever may list by prefix alone is not told by a read that an object is missing.
        "Look for a collection": task(
            "aws-sdk:s3:listObjectsV2",
            step="look for a collection",
            arguments={"Bucket": settings.transactions_bucket, "Prefix": LATEST, "MaxKeys": 1},
            assign={"collected": {"name": "", "at": 0}, "collections": jsonata("$states.result.KeyCount")},
            next_state="Collected before?",
        ),
        "Collected before?": choice([rule("$collections > 0", "Read latest collection")], "Find champion"),
        "Read latest collection": task(
            "aws-sdk:s3:getObject",
            step="read the latest collection",
            arguments={"Bucket": settings.transactions_bucket, "Key": LATEST},
            assign={"collected": jsonata("$parse($states.result.Body)")},
            next_state="Find champion",
            comment="What was collected in vain costs an export, too",
        ),
        "Find champion": task(
            "aws-sdk:cloudformation:describeStacks",
            step="find the champion",
            arguments={"StackName": settings.run.serving_stack},
            assign={"championArn": jsonata(_deployed())},
            next_state="List candidates" if manual else "Count",
        ),
        **({"List candidates": _candidates(settings)} if manual else {}),
        "Count": _count(settings),
        "Allowed?": choice(_rules(manual=manual), "Describe champion"),
        "Describe champion": task(
            "aws-sdk:sagemaker:describeModelPackage",
            step="describe the champion",
            arguments={"ModelPackageName": jsonata("$championArn")},
            assign={"champion": jsonata(_lineage()), "registered": jsonata(_registered())},
            next_state="Lineage known?",
        ),
        "Lineage known?": choice(
            [
                _refusal(
                    "'' in [$champion.dataset, $champion.eventType, $champion.algorithm]",
                    "lineage",
                    "'model package ' & $championArn & ' does not say what it was trained on (dataset, eventType, "
                    "algorithm among its metadata): retrain once with scripts.retrain'",
                ),
                _former_model(settings),
            ],
            allowed,
        ),
    }


def _guards_before() -> str:
    mine = "$toMillis($states.context.Execution.StartTime)"
    found = (
        f"$states.result.Executions[Name != {NAME} and "
        f"($toMillis(StartDate) < {mine} or ($toMillis(StartDate) = {mine} and Name < {NAME}))]"
    )
    return f"[{found}.Name]"


def _runs() -> str:
    """Name, status, start and stop (ms) of training runs, newest first; a run that goes on has stop 0."""
    return (
        f"[$states.result.Executions[$not($contains(Name, {PROMOTION}))].{{'name': Name, 'status': Status, "
        "'start': $toMillis(StartDate), 'stop': $exists(StopDate) ? $toMillis(StopDate) : 0}]"
    )


def _deployed() -> str:
    live = "$states.result.Stacks[0].Parameters[ParameterKey = 'ModelPackageArn'].ParameterValue"
    return f"$exists({live}) ? {live} : ''"


def _candidates(settings: GuardSettings) -> State:
    return task(
        "aws-sdk:sagemaker:listModelPackages",
        step="list the candidates",
        arguments={
            "ModelPackageGroupName": settings.run.model_package_group,
            "ModelApprovalStatus": "PendingManualApproval",
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
            "MaxResults": 10,
        },
        assign={"candidates": jsonata("[$states.result.ModelPackageSummaryList.ModelPackageArn]")},
        next_state="Count",
    )


def _count(settings: GuardSettings) -> State:
    """What the limits are compared with; the name makes of two runs at once the same one.

    Step Functions takes a name once: whoever lists the same latest run derives the same name from it, and lists
    may be some seconds behind.
    """
    month = "$substring($fromMillis($now), 0, 7)"
    spent = (
        f"$runs[$substring($fromMillis(start), 0, 7) = {month}].(stop = 0 ? $mostUsdOfARun : "
        f"$min([$mostUsdOfARun, (stop - start) / {HOUR_MS} * $usdAnHour]))"
    )
    origin = f"$count($runs) > 0 ? $runs[0].name & $string($runs[0].start) : $championArn & {month}"
    return {
        "Type": "Pass",
        "Assign": {
            "lastStart": jsonata("$count($runs) > 0 ? $runs[0].start : 0"),
            "runsOfWeek": jsonata(f"$count($runs[start > $now - {WEEK_MS}])"),
            "spentUsd": jsonata(f"$round($sum([0, {spent}]), 2)"),
            "runName": jsonata(
                f"'r' & $substring($hash({text(settings.prefix)} & ({origin}), 'SHA-256'), 0, 8) & '-1'"
            ),
        },
        "Next": "Allowed?",
    }


def _rules(*, manual: bool) -> list[State]:
    """Each check with its reason, the first that fails counts."""
    cooled = f"$lastStart + $cooldownHours * {HOUR_MS}"
    waiting = _refusal(
        "$count($candidates) > 0",
        "approval",
        "$candidates[0] & ' waits for approval: approve or reject it in the model registry'",
        overridable=True,
    )
    return [
        _refusal(
            "$count($guardsBefore) > 0",
            "in-flight",
            "'another execution of the guard asked before: ' & $guardsBefore[0]",
        ),
        _refusal("$count($inFlight) > 0", "in-flight", "'a run is in flight: ' & $inFlight[0]"),
        _refusal(
            "$championArn = ''",
            "no-model",
            "'no model is deployed yet: the first one is trained with scripts.retrain'",
        ),
        *([waiting] if manual else []),
        _refusal(
            f"$now < {cooled}",
            "cooldown",
            "'the last run, ' & $runs[0].name & ', started at ' & $fromMillis($lastStart) & '; with a cooldown of ' "
            f"& $cooldownHours & ' h the next may start at ' & $fromMillis({cooled})",
            overridable=True,
        ),
        _refusal(
            f"$now < $collected.at + $cooldownHours * {HOUR_MS}",
            "cooldown",
            "'data were collected at ' & $fromMillis($collected.at) & ' (' & $collected.name & ') without a run; the "
            "cooldown of ' & $cooldownHours & ' h counts from there'",
            overridable=True,
        ),
        _refusal(
            "$runsOfWeek >= $maxRunsPerWeek",
            "weekly-limit",
            f"($oldest := $runs[start > $now - {WEEK_MS}][-1]; $runsOfWeek & ' runs started in the last seven days, ' "
            "& $maxRunsPerWeek & ' may; the oldest of them is ' & $oldest.name & ' of ' & $fromMillis($oldest.start))",
            overridable=True,
        ),
        _refusal(
            "$spentUsd + $mostUsdOfARun > $monthlyBudgetUsd",
            "budget",
            "'the runs of this month cost up to ' & $spentUsd & ' USD and another may cost ' "
            "& $mostUsdOfARun & ' USD; the budget is ' & $monthlyBudgetUsd & ' USD a month'",
            overridable=True,
        ),
    ]


def _refusal(condition: str, check: str, reason: str, *, overridable: bool = False) -> State:
    if overridable:
        condition = f"$not({text(check)} in $override) and ({condition})"
    refusal = {"check": check, "reason": jsonata(reason), "overridable": overridable}
    return rule(condition, "Refuse", {"refusal": refusal})


def _former_model(settings: GuardSettings) -> State:
    """Labels come late: what rings the alarms of quality alone may be what a model answered that was replaced since."""
    of_quality = (
        f"$contains($alarm, /^{settings.prefix}-quality-/) and $not($contains($alarm, '{settings.prefix}-drift-'))"
    )
    latest = f"$now - {settings.quality_delay_hours * HOUR_MS}"
    return _refusal(
        f"{of_quality} and $registered > {latest}",
        "former-model",
        "'labels are known of answers up to ' & $fromMillis("
        + latest
        + ") & ', and ' & $championArn & ' was registered "
        "at ' & $fromMillis($registered) & ': the alarm is about the model before it'",
        overridable=True,
    )


def _registered() -> str:
    """When the champion was registered, in ms; it has answered nothing before."""
    created = "$states.result.CreationTime"
    return f"$exists({created}) ? $toMillis({created}) : 0"


def _lineage() -> str:
    metadata = "$states.result.CustomerMetadataProperties"
    parts = ("dataset", "eventType", "algorithm")
    pairs = ", ".join(f"'{part}': $exists({metadata}.{part}) ? {metadata}.{part} : ''" for part in parts)
    return f"{{{pairs}}}"
