"""A call as Lambda makes it: on a process, with START, END and REPORT around what the function prints."""

import json
import time

from local_cloud import metrics
from local_cloud.authorization import acting_as, containers
from local_cloud.functions import embedded_metrics, pool
from local_cloud.functions.function import Function, InitError, Invocation, Result
from local_cloud.hooks import logs

# Lines of each process that CloudWatch Logs keeps.
KEPT_LINES = 2000


def call(function: Function, invocation: Invocation) -> tuple[Result, list[str]]:
    """The result and the lines that went to the function's log group, in the caller's account and region."""
    began = time.perf_counter()
    try:
        result = pool.call(function, invocation)
    except InitError as error:
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]init"
        result = Result({**error.document, "requestId": invocation.request_id}, True, error.output, stream)
        if not error.output:
            result.output = [f"[ERROR] {error.document['errorType']}: {error}"]
    seconds = time.perf_counter() - began - (result.started_in or 0.0)
    lines = _lines(function, invocation, result, 1000 * seconds)
    with acting_as(function.role, "lambda.amazonaws.com"):
        if containers.may_log(function.log_group, result.log_stream):
            logs.append(function.log_group, result.log_stream, lines, KEPT_LINES)
    embedded_metrics.put(result.output)
    dimensions = (("FunctionName", function.name),)
    metrics.add("AWS/Lambda", dimensions, {"Invocations": 1, "Errors": int(result.failed)})
    metrics.add("AWS/Lambda", dimensions, {"Duration": metrics.milliseconds(seconds)}, "Milliseconds")
    return result, lines


def throttled(name: str) -> None:
    """A call of a function was refused."""
    metrics.add("AWS/Lambda", (("FunctionName", name),), {"Throttles": 1})


def _lines(function: Function, invocation: Invocation, result: Result, duration: float) -> list[str]:
    """Lines of one call that took ``duration`` milliseconds without its process's start."""
    started = result.started_in
    if function.log_format == "JSON":
        return _json_lines(function, invocation, result, duration)
    # Python's interpreter says nothing of a timeout or of its own end.
    ending = [result.value["errorMessage"]] if result.failed and _of_the_runtime(result) else []
    init = f"\tInit Duration: {1000 * started:.2f} ms" if started else ""
    return [
        f"START RequestId: {invocation.request_id} Version: {function.version}",
        *result.output,
        *ending,
        f"END RequestId: {invocation.request_id}",
        f"REPORT RequestId: {invocation.request_id}\tDuration: {duration:.2f} ms\t"
        f"Billed Duration: {int(duration) + 1} ms\tMemory Size: {function.memory} MB{init}",
    ]


def _json_lines(function: Function, invocation: Invocation, result: Result, duration: float) -> list[str]:
    def line(kind: str, **record: object) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        document = {"requestId": invocation.request_id, **record}
        return json.dumps({"time": stamp, "type": f"platform.{kind}", "record": document})

    status = "timeout" if result.failed and result.value.get("errorType") == "Sandbox.Timedout" else "failure"
    metrics = {"durationMs": round(duration, 3), "memorySizeMB": function.memory}
    if result.started_in:
        metrics["initDurationMs"] = round(1000 * result.started_in, 3)
    return [
        line("start", version=function.version),
        *result.output,
        line("report", metrics=metrics, status=status if result.failed else "success"),
    ]


def _of_the_runtime(result: Result) -> bool:
    return result.value.get("errorType") in ("Sandbox.Timedout", "Runtime.ExitError")
