"""What every run leaves in CloudWatch at the time of the run, whichever engine it was made by.

Runs, violations, drifted columns, failures, and what alarms have limits for: the score's drift, and quality. Alarms
look at the last hours; the window of a labelled monitor lies days back, and which time AWS's containers put on their
metrics is not documented.
"""

from __future__ import annotations

from typing import Any

from stacks.monitoring.settings import (
    DRIFTED,
    FAILURES,
    NO_DATA,
    RUNS,
    SCORE,
    SCORE_DRIFT,
    VIOLATIONS,
    MachineSettings,
)
from stacks.retraining.outcome import CAUSE
from stacks.retraining.states import FAILURE, States, choice, jsonata, rule, task

# A state's data must stay below 256 KiB. Alarms ask for a handful: what these bytes do not hold is not counted.
_READ = "bytes=0-199999"
_KIND = r"\"constraint_check_type\"\s*:\s*"


def read_violations(settings: MachineSettings, *, next_state: str, score: bool = False) -> States:
    """Count the violations of the report at `$reportKey`, and the columns that have drifted.

    With `score` the score's drift is read here as well, of a run that says it nowhere else.
    """
    found = "$count($match($states.result.Body, /" + _KIND + "{}/))"
    drift = {"quality": jsonata(f"$spec.kind = 'data-quality' ? {{'{SCORE_DRIFT}': {_score_drift()}}} : {{}}")}
    return {
        "Read violations": task(
            "aws-sdk:s3:getObject",
            step="read the violations",
            arguments={
                "Bucket": settings.reports_bucket,
                "Key": jsonata("$reportKey & '/constraint_violations.json'"),
                "Range": _READ,
            },
            assign={
                "violations": jsonata(found.format(r"\"")),
                "drifted": jsonata(found.format(r"\"baseline_drift_check\"")),
                **(drift if score else {}),
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


def _score_drift() -> str:
    """The distance in the violation of the score's column: AWS's report says it where it is beyond the threshold."""
    said = rf"/\"feature_name\"\s*:\s*\"{SCORE}\"[^{{}}]*baseline_drift_check\"[^{{}}]*distance: ([-+.0-9Ee]*[0-9])/"
    return f"($said := $match($states.result.Body, {said}); $count($said) > 0 ? $number($said[0].groups[0]) : 0)"


def read_quality(settings: MachineSettings, *, next_state: str) -> States:
    """Read what the model-quality report at `$reportKey` says of the metrics that have floors, in AWS's own file."""
    return {
        "Quality?": choice([rule("$spec.kind = 'model-quality'", "Read quality")], next_state),
        "Read quality": task(
            "aws-sdk:s3:getObject",
            step="read the quality",
            arguments={"Bucket": settings.reports_bucket, "Key": jsonata("$reportKey & '/statistics.json'")},
            assign={"quality": jsonata(_quality())},
            next_state=next_state,
            on_error="Measured?",
        ),
        "Measured?": choice(
            [rule("$contains($failure.error, /NoSuchKey/)", next_state)],
            FAILURE,
            comment="Without labelled events there is nothing to measure",
        ),
    }


def _quality() -> str:
    """Every metric that is a number; average precision, which AWS does not report, is the area under AWS's curve."""
    return (
        "($found := $parse($states.result.Body).binary_classification_metrics; "
        "$curve := $found.precision_recall_curve; $recalls := $curve.recalls; "
        "$steps := $map($curve.precisions, function($precision, $at) "
        "{ $at = 0 ? 0 : ($recalls[$at] - $recalls[$at - 1]) * $precision }); "
        "$merge([$count($recalls) > 1 ? {'average_precision': $sum($steps)} : {}, "
        "$each($found, function($body, $name) { $type($body.value) = 'number' ? {$name: $body.value} : {} })]))"
    )


def count(settings: MachineSettings, *, next_state: str) -> dict[str, Any]:
    """Put the run's numbers, and what `$quality` says of the score's drift and the metrics with floors."""
    values = {
        RUNS: "1",
        NO_DATA: "$status = 'NoData' ? 1 : 0",
        VIOLATIONS: "$violations",
        DRIFTED: "$drifted",
        FAILURES: "0",
    }
    return _put(settings, values, next_state, (SCORE_DRIFT, *settings.monitoring.model_quality.floors))


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


def datum(name: str, value: str, *, schedule: str = "$spec.schedule", unit: str = "Count") -> str:
    """One item of MetricData as JSONata; without a time of its own it is of now."""
    dimensions = f"[{{'Name': 'MonitoringSchedule', 'Value': {schedule}}}]"
    return f"{{'MetricName': {name}, 'Dimensions': {dimensions}, 'Unit': '{unit}', 'Value': {value}}}"


def put(settings: MachineSettings, data: str, next_state: str) -> dict[str, Any]:
    """Put `data`, a JSONata list, into the platform's namespace."""
    state = task(
        "aws-sdk:cloudwatch:putMetricData",
        step="count the run",
        arguments={"Namespace": settings.namespace, "MetricData": jsonata(data)},
        next_state=next_state,
    )
    # A run that cannot be counted is what it was.
    return {**state, "Catch": [{"ErrorEquals": ["States.ALL"], "Output": jsonata("$states.input"), "Next": next_state}]}


def _put(
    settings: MachineSettings, values: dict[str, str], next_state: str, quality: tuple[str, ...] = ()
) -> dict[str, Any]:
    data = f"[{', '.join(datum(repr(name), value) for name, value in values.items())}]"
    if quality:
        measured = datum("$name", "$value", unit="None")
        names = ", ".join(map(repr, quality))
        data = (
            f"$append({data}, [[{names}].($name := $; $value := $lookup($quality, $name); "
            f"$exists($value) ? {measured})])"
        )
    return put(settings, data, next_state)
