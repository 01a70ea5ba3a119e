"""A monitor's run as a Step Functions definition in JSONata: engine `processing`.

Input of an execution: {monitor, time} from the schedule, or {monitor, start, end} for a window of one's choice.
Output: {status: Completed | CompletedWithViolations | NoData, monitor, window, reason, reportUri, violations}.
"""

from __future__ import annotations

from typing import Any

from stacks.monitoring.counting import count, failure_states, read_violations
from stacks.monitoring.deployed import find_model
from stacks.monitoring.job import analysis, code_inputs
from stacks.monitoring.settings import CAPTURES, GROUND_TRUTH, HISTORY, REPORTS, MachineSettings
from stacks.names import CHALLENGER_VARIANT
from stacks.retraining.containers import INPUT
from stacks.retraining.states import States, assign, call, choice, each, fail_with, jsonata, rule, task

GIVEN = "$states.input"
HOUR, DAY = 3_600_000, 86_400_000
_ISO = r"/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/"


def build_definition(settings: MachineSettings) -> dict[str, Any]:
    """Return the state machine's definition."""
    return {
        "Comment": f"Monitors of {settings.prefix}: find the window's captures, analyse them, publish what was found",
        "QueryLanguage": "JSONata",
        "StartAt": "Read settings",
        "TimeoutSeconds": 3 * 3600 + settings.monitoring.max_runtime_seconds,
        "States": {
            **_plan_states(settings),
            **_model_states(settings),
            **_input_states(settings),
            "Analyse": analysis(settings, next_state="Read run"),
            **_report_states(settings),
            **_end_states(settings),
        },
    }


def _plan_states(settings: MachineSettings) -> States:
    known = ", ".join(monitor.kind for monitor in settings.monitors)
    times = " and ".join(
        f"($exists({GIVEN}.{name}) ? ($type({GIVEN}.{name}) = 'string' and $contains($string({GIVEN}.{name}), {_ISO}))"
        " : true)"
        for name in ("time", "start", "end")
    )
    moment = f"($exists({GIVEN}.time) ? $toMillis({GIVEN}.time) : $millis())"
    due = f"({HOUR} * $floor({moment} / {HOUR}))"
    spec = f"$lookup($specs, {GIVEN}.monitor)"
    start = f"($exists({GIVEN}.start) ? $toMillis({GIVEN}.start) : {due} - {HOUR} * {spec}.startHours)"
    end = f"($exists({GIVEN}.end) ? $toMillis({GIVEN}.end) : {due} - {HOUR} * {spec}.endHours)"
    hour = "'[Y0001]/[M01]/[D01]/[H01]'"
    report = f"'{REPORTS}/{settings.endpoint}/' & {spec}.schedule & '/' & $fromMillis({due}, {hour})"
    return {
        "Read settings": assign(
            {
                "specs": settings.specifications(),
                "codeInputs": code_inputs(settings),
                "spec": {"schedule": ""},
                "violations": 0,
                "drifted": 0,
                "quality": {},
                "pages": 0,
            },
            "Known?",
        ),
        "Known?": choice(
            [rule(f"$type({GIVEN}.monitor) = 'string' ? ($exists({spec}) and {times}) : false", "Plan")],
            "Refuse input",
        ),
        "Refuse input": fail_with(
            "read the input",
            "InvalidInput",
            f"'The input must have monitor ({known}) and may have time, or start and end (ISO 8601, as in "
            f"2026-01-31T14:00:00Z). It is: ' & $string({GIVEN})",
        ),
        "Plan": assign(
            {
                "spec": jsonata(spec),
                "monitor": jsonata(f"{GIVEN}.monitor"),
                "start": jsonata(start),
                "end": jsonata(end),
                "windowStart": jsonata(f"$fromMillis({start}, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z')"),
                "windowEnd": jsonata(f"$fromMillis({end}, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z')"),
                "reportKey": jsonata(report),
                "reportUri": jsonata(f"'s3://{settings.reports_bucket}/' & {report}"),
                "historyRoot": jsonata(f"'{HISTORY}/{settings.endpoint}/' & {spec}.schedule & '/'"),
                "dueHour": jsonata(f"$fromMillis({due}, {hour})"),
                "jobName": jsonata(
                    f"'{settings.prefix}-' & {GIVEN}.monitor & '-' & "
                    "$substring($hash($states.context.Execution.Id, 'SHA-256'), 0, 12)"
                ),
            },
            "Window?",
        ),
        "Window?": choice([rule("$start < $end", "Folders")], "Refuse window"),
        "Refuse window": fail_with(
            "read the input", "InvalidInput", "'start (' & $windowStart & ') must be before end (' & $windowEnd & ')'"
        ),
        "Folders": assign({"folders": jsonata(_folders())}, "Few folders?"),
        "Few folders?": choice([rule("$count($folders) <= $spec.folders", "Settle")], "Refuse length"),
        "Refuse length": fail_with(
            "read the input",
            "InvalidInput",
            "'the window spans more than ' & $string($spec.folders) & ' months: choose a shorter one'",
        ),
        "Settle": {"Type": "Wait", "Seconds": settings.monitoring.settle_seconds, "Next": "Find model"},
    }


def _folders() -> str:
    """Folders of hours that hold the window; days, or months, where those would be too many."""
    return (
        "($spans := function($ms, $format) { [[$floor($start / $ms)..$floor(($end - 1) / $ms)]"
        ".$fromMillis($ * $ms, $format)] }; "
        f"$hours := $end - $start > {48 * HOUR} ? [] : $spans({HOUR}, '[Y0001]/[M01]/[D01]/[H01]'); "
        f"$days := $end - $start > {400 * DAY} ? [0..99] : $spans({DAY}, '[Y0001]/[M01]/[D01]'); "
        "$count($hours) in [1..$spec.folders] ? $hours : $count($days) <= $spec.folders ? $days "
        ": [$distinct($days.$substring($string($), 0, 7))])"
    )


def _model_states(settings: MachineSettings) -> States:
    return {
        **find_model(
            settings,
            found="Describe model",
            missing="Without data",
            missing_assign={"reason": "No model is deployed yet."},
        ),
        "Describe model": task(
            "aws-sdk:sagemaker:describeModelPackage",
            step="find the deployed model",
            arguments={"ModelPackageName": jsonata("$modelPackageArn")},
            assign={
                "modelUri": jsonata("$states.result.InferenceSpecification.Containers[0].ModelDataUrl"),
                "baselineKey": jsonata(
                    "'model-packages/' & $substringAfter($modelPackageArn, '/') & '/' & $monitor & '/'"
                ),
            },
            next_state="Candidates",
        ),
    }


def _input_states(settings: MachineSettings) -> States:
    answered = f"{CAPTURES}/{settings.endpoint}"
    # The analyser finds a challenger's captures in a folder of that name beside the champion's.
    windowed = {
        "captures": f"{answered}/{settings.variant}",
        f"captures/{CHALLENGER_VARIANT}": f"{answered}/{CHALLENGER_VARIANT}",
        GROUND_TRUTH: GROUND_TRUTH,
    }
    champion, challenger, labels = (
        f"$folders.{{'group': '{group}', 'bucket': '{settings.captures_bucket}', "
        f"'prefix': '{root}/' & $ & '/', 'folder': '{group}/' & $}}"
        for group, root in windowed.items()
    )
    # The ids of inputs take no slashes.
    entry = (
        "{'InputName': $replace($.folder, '/', '-'), 'S3Input': {'S3Uri': 's3://' & $.bucket & '/' & $.prefix, "
        f"'LocalPath': '{INPUT}/' & $.folder, 'S3DataType': 'S3Prefix', 'S3InputMode': 'File', "
        "'S3DataDistributionType': 'FullyReplicated'}}"
    )
    history = "$historyRoot & $substring($dueHour, 0, $spec.historyDepth) & '/'"
    return {
        "Candidates": assign(
            {
                "candidates": jsonata(
                    f"[{champion}, ($spec.challenged ? {challenger}), ($spec.labelled ? {labels}), "
                    f"{{'group': 'baseline', 'bucket': '{settings.artifacts_bucket}', 'prefix': $baselineKey, "
                    "'folder': 'baseline'}, "
                    f"{{'group': 'history', 'bucket': '{settings.reports_bucket}', 'prefix': {history}, "
                    "'folder': 'history'}]"
                )
            },
            "Look for inputs",
        ),
        "Look for inputs": each(
            "$candidates",
            {
                "List": call(
                    "aws-sdk:s3:listObjectsV2",
                    {
                        "Bucket": jsonata("$states.input.bucket"),
                        "Prefix": jsonata("$states.input.prefix"),
                        "MaxKeys": 1,
                    },
                    output=jsonata("$merge([$states.input, {'found': $states.result.KeyCount > 0}])"),
                )
            },
            step="look for the inputs",
            assign={
                "groups": jsonata("[$distinct($states.result[found].group)]"),
                "inputs": jsonata(f"$append($codeInputs, [{_model_input()}, $states.result[found].{entry}])"),
            },
            next_state="Inputs?",
            comment="A job fails where an input has no objects",
        ),
        "Inputs?": choice(
            [
                rule(
                    "$not('captures' in $groups)",
                    "Without data",
                    {"reason": jsonata("'Nothing was captured from ' & $windowStart & ' to ' & $windowEnd & '.'")},
                ),
                rule(
                    f"$spec.labelled and $not('{GROUND_TRUTH}' in $groups)",
                    "Without data",
                    {
                        "reason": jsonata(
                            "'No label is known of events from ' & $windowStart & ' to ' & $windowEnd & '.'"
                        )
                    },
                ),
                rule("'baseline' in $groups", "Analyse"),
            ],
            "No baseline",
        ),
        "No baseline": fail_with(
            "find the baseline",
            "NoBaseline",
            f"'there is nothing below s3://{settings.artifacts_bucket}/' & $baselineKey & "
            "': the model was registered without a baseline of this kind; retrain it'",
        ),
    }


def _model_input() -> str:
    return (
        "($spec.explained ? {'InputName': 'model', 'S3Input': {'S3Uri': $modelUri, "
        f"'LocalPath': '{INPUT}/model', 'S3DataType': 'S3Prefix', 'S3InputMode': 'File', "
        "'S3DataDistributionType': 'FullyReplicated'}})"
    )


def _report_states(settings: MachineSettings) -> States:
    parsed = "$parse($states.result.Body)"
    read = {"Bucket": settings.reports_bucket}
    return {
        "Read run": task(
            "aws-sdk:s3:getObject",
            step="read the report",
            arguments={**read, "Key": jsonata("$reportKey & '/run.json'")},
            assign={
                "status": jsonata(f"{parsed}.status"),
                "reason": jsonata(f"{parsed}.message"),
                "quality": jsonata(f"{parsed}.metrics"),
                "pages": jsonata(f"{parsed}.metrics_pages"),
            },
            next_state="Keep history",
        ),
        "Keep history": task(
            "aws-sdk:s3:copyObject",
            step="keep the run in the history",
            arguments={
                **read,
                "Key": jsonata("$historyRoot & $dueHour & '/run.json'"),
                "CopySource": jsonata(f"'{settings.reports_bucket}/' & $reportKey & '/run.json'"),
            },
            next_state="Publish metrics",
        ),
        "Publish metrics": each(
            "$pages > 0 ? [0..$pages - 1] : []",
            {
                "Read page": call(
                    "aws-sdk:s3:getObject",
                    {**read, "Key": jsonata("$reportKey & '/metrics/' & $string($states.input) & '.json'")},
                    output=jsonata(f"[{parsed}.metrics.$merge([$, {{'Timestamp': $now()}}])]"),
                ),
                "Put": call(
                    "aws-sdk:cloudwatch:putMetricData",
                    {"Namespace": jsonata("$spec.namespace"), "MetricData": jsonata(GIVEN)},
                    comment="Alarms look at now: a run over last week's labels is today's news",
                ),
            },
            step="publish the metrics",
            next_state="Read violations",
            comment="The analyser left pages of metrics that are small enough to pass through a state",
        ),
        **read_violations(settings, next_state="Count run"),
    }


def _end_states(settings: MachineSettings) -> States:
    result = {
        "status": jsonata("$status"),
        "monitor": jsonata("$monitor"),
        "window": {"start": jsonata("$windowStart"), "end": jsonata("$windowEnd")},
        "reason": jsonata("$reason"),
        "reportUri": jsonata("$reportUri"),
        "violations": jsonata("$violations"),
    }
    return {
        "Without data": assign({"status": "NoData"}, "Count run"),
        "Count run": count(settings, next_state="Done"),
        "Done": {"Type": "Succeed", "Output": result},
        **failure_states(settings),
    }
