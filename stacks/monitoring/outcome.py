"""What every run leaves in CloudWatch, whichever engine it was made by: runs, violations, drifted columns, failures.

The same states, in a machine of their own, follow the runs of SageMaker's schedules: engine `model-monitor`.
"""

from __future__ import annotations

from typing import Any

from stacks.monitoring.settings import DRIFTED, FAILURES, NO_DATA, RUNS, VIOLATIONS, MachineSettings
from stacks.retraining.outcome import CAUSE
from stacks.retraining.states import FAILURE, States, assign, choice, jsonata, rule, task

DETAIL = "$states.input.detail"
MERGE_JOB = "groundtruth-merge-"


def build_outcome_definition(settings: MachineSettings) -> dict[str, Any]:
    """The machine that EventBridge starts at the end of each processing job of a SageMaker schedule."""
    schedules = {monitor.schedule: {"schedule": monitor.schedule} for monitor in settings.monitors}
    job = f"{DETAIL}.ProcessingJobName"
    report = f"{DETAIL}.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"
    return {
        "Comment": f"Counts the outcome of {settings.prefix}'s monitoring executions",
        "QueryLanguage": "JSONata",
        "StartAt": "Read settings",
        "TimeoutSeconds": 600,
        "States": {
            "Read settings": assign(
                {
                    "specs": schedules,
                    "spec": {"schedule": ""},
                    "violations": 0,
                    "drifted": 0,
                    "status": jsonata(f"{DETAIL}.ProcessingJobStatus"),
                },
                "Read event",
            ),
            "Read event": assign(
                {
                    "spec": jsonata(
                        f"$lookup($specs, $substringAfter({DETAIL}.MonitoringScheduleArn, ':monitoring-schedule/'))"
                    ),
                    "reportKey": jsonata(f"$substringAfter({report}, '{settings.reports_bucket}/')"),
                    "failure": {
                        "step": "monitoring job",
                        "error": "MonitoringJobFailed",
                        "cause": jsonata(
                            f"{job} & ' is ' & $status & ': ' & "
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
            **read_violations(settings, next_state="Count run"),
            "Count run": count(settings, next_state="Done"),
            "Done": {"Type": "Succeed", "Output": {"status": jsonata("$status"), "violations": jsonata("$violations")}},
            **failure_states(settings),
        },
    }


def read_violations(settings: MachineSettings, *, next_state: str) -> States:
    """Count the violations of the report at `$reportKey`, and the columns that have drifted."""
    found = "[$parse($states.result.Body).violations]"
    return {
        "Read violations": task(
            "aws-sdk:s3:getObject",
            step="read the violations",
            arguments={
                "Bucket": settings.reports_bucket,
                "Key": jsonata("$reportKey & '/constraint_violations.json'"),
            },
            assign={
                "violations": jsonata(f"$count({found})"),
                "drifted": jsonata(f"$count({found}[constraint_check_type = 'baseline_drift_check'])"),
            },
            next_state=next_state,
            on_error="Compared?",
        ),
        "Compared?": choice(
            [rule("$contains($failure.error, /NoSuchKey/)", next_state)],
            FAILURE,
            comment="The file is there where something was compared with a baseline",
        ),
    }


def count(settings: MachineSettings, *, next_state: str) -> dict[str, Any]:
    """Put the run's numbers under the schedule's name."""
    values = {
        RUNS: "1",
        NO_DATA: "$status = 'NoData' ? 1 : 0",
        VIOLATIONS: "$violations",
        DRIFTED: "$drifted",
        FAILURES: "0",
    }
    return _put(settings, values, next_state)


def failure_states(settings: MachineSettings) -> States:
    """A failure is counted, and then fails the execution with its cause."""
    cause = {"cause": jsonata(f"'Step ' & $failure.step & ' failed: ' & {CAUSE}"), "error": jsonata("$failure.error")}
    return {
        FAILURE: choice(
            [rule("$spec.schedule != ''", "Count failure", cause)],
            "Failed",
            default_assign=cause,
        ),
        "Count failure": _put(settings, {RUNS: "1", FAILURES: "1"}, "Failed"),
        "Failed": {"Type": "Fail", "Error": jsonata("$error"), "Cause": jsonata("$cause")},
    }


def _put(settings: MachineSettings, values: dict[str, str], next_state: str) -> dict[str, Any]:
    dimensions = "[{'Name': 'MonitoringSchedule', 'Value': $spec.schedule}]"
    data = ", ".join(
        f"{{'MetricName': '{name}', 'Dimensions': {dimensions}, 'Unit': 'Count', 'Value': {value}}}"
        for name, value in values.items()
    )
    state = task(
        "aws-sdk:cloudwatch:putMetricData",
        step="count the run",
        arguments={"Namespace": settings.namespace, "MetricData": jsonata(f"[{data}]")},
        next_state=next_state,
    )
    # A run that cannot be counted is what it was.
    return {**state, "Catch": [{"ErrorEquals": ["States.ALL"], "Output": jsonata("$states.input"), "Next": next_state}]}
