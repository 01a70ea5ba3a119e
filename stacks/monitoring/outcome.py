"""The machine that follows the runs of SageMaker's schedules and counts them: engine `model-monitor`.

EventBridge starts it with an event at the end of each processing job of a schedule. Executions that leave no job leave
no event either (an empty window, a job that could not be started): once an hour it looks for those of the hour before.
"""

from __future__ import annotations

from typing import Any

from stacks.monitoring.counting import count, datum, failure_states, put, read_quality, read_violations
from stacks.monitoring.deployed import find_model
from stacks.monitoring.settings import FAILURES, NO_DATA, RUNS, MachineSettings
from stacks.retraining.states import FAILURE, States, assign, call, choice, each, jsonata, rule

GIVEN = "$states.input"
DETAIL = f"{GIVEN}.detail"
MERGE_JOB = "groundtruth-merge-"
# How far back an hourly look at executions goes: they begin up to twenty minutes late, and need time to end.
LOOK_FROM, LOOK_TO = 90, 30


def build_outcome_definition(settings: MachineSettings) -> dict[str, Any]:
    """Return the definition. Input: EventBridge's event of a job, or {time} of the hourly look at executions."""
    specs = {monitor.schedule: {"schedule": monitor.schedule, "kind": monitor.kind} for monitor in settings.monitors}
    return {
        "Comment": f"Counts the outcome of {settings.prefix}'s monitoring executions",
        "QueryLanguage": "JSONata",
        "StartAt": "Read settings",
        "TimeoutSeconds": 600,
        "States": {
            "Read settings": assign(
                {
                    "specs": specs,
                    "at": jsonata(f"$exists({GIVEN}.time) ? {GIVEN}.time : $now()"),
                    "spec": {"schedule": "", "kind": ""},
                    "status": "Completed",
                    "violations": 0,
                    "drifted": 0,
                    "quality": {},
                },
                "A job?",
            ),
            "A job?": choice([rule(f"$exists({DETAIL})", "Read event")], "Find model"),
            **_job_states(settings),
            **_execution_states(settings),
            "Done": {"Type": "Succeed", "Output": {"status": jsonata("$status"), "violations": jsonata("$violations")}},
            **failure_states(settings),
        },
    }


def _job_states(settings: MachineSettings) -> States:
    """What a job found."""
    job = f"{DETAIL}.ProcessingJobName"
    report = f"{DETAIL}.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"
    return {
        "Read event": assign(
            {
                "status": jsonata(f"{DETAIL}.ProcessingJobStatus"),
                "spec": jsonata(
                    f"$lookup($specs, $substringAfter({DETAIL}.MonitoringScheduleArn, ':monitoring-schedule/'))"
                ),
                "reportKey": jsonata(f"$substringAfter({report}, '{settings.reports_bucket}/')"),
                "failure": {
                    "step": "monitoring job",
                    "error": "MonitoringJobFailed",
                    "cause": jsonata(
                        f"{job} & ' is ' & {DETAIL}.ProcessingJobStatus & ': ' & "
                        f"($exists({DETAIL}.FailureReason) ? {DETAIL}.FailureReason : 'no reason given')"
                    ),
                },
            },
            "Ended well?",
        ),
        "Ended well?": choice(
            [
                rule(
                    f"$status = 'Completed' and $contains({job}, /^{MERGE_JOB}/)",
                    "Done",
                ),
                rule("$status = 'Completed'", "Read violations"),
            ],
            FAILURE,
            comment="Labels are merged by a job of its own before the analysis",
        ),
        **read_violations(settings, next_state="Quality?", score=True),
        **read_quality(settings, next_state="Count run"),
        "Count run": count(settings, next_state="Done"),
    }


def _execution_states(settings: MachineSettings) -> States:
    """Executions of the last hour that no job tells of."""
    moments = {
        f"CreationTime{side}": jsonata(f"$fromMillis($toMillis($at) - {minutes * 60_000})")
        for side, minutes in (("After", LOOK_FROM), ("Before", LOOK_TO))
    }
    reason = "($exists($.FailureReason) ? $.FailureReason : '')"
    empty = f"$contains({reason}, /no data/i)"
    untold = f"$states.result.MonitoringExecutionSummaries[$not($exists($.ProcessingJobArn)) or {empty}]"
    data = ", ".join(
        f"$untold.{datum(repr(name), value, schedule='$.schedule')}"
        for name, value in ((RUNS, "$.runs"), (NO_DATA, "$.empty"), (FAILURES, "$.runs - $.empty"))
    )
    return {
        **find_model(
            settings,
            found="Look at executions",
            missing="Count executions",
            missing_assign={"untold": jsonata("[$keys($specs).{'schedule': $, 'runs': 1, 'empty': 1}]")},
        ),
        "Look at executions": each(
            "[$keys($specs)]",
            {
                "List": call(
                    "aws-sdk:sagemaker:listMonitoringExecutions",
                    {"MonitoringScheduleName": jsonata(GIVEN), "StatusEquals": "Failed", **moments},
                    output=jsonata(
                        f"($untold := [{untold}]; {{'schedule': {GIVEN}, 'runs': $count($untold), "
                        f"'empty': $count($untold[{empty}])}})"
                    ),
                )
            },
            step="look at the executions",
            assign={"untold": jsonata("$states.result")},
            next_state="Count executions",
        ),
        "Count executions": put(settings, f"[{data}]", "Done"),
    }
