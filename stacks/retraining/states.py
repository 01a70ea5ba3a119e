"""Small builders of Amazon States Language, so that each state below reads as what it does."""

from __future__ import annotations

from typing import Any

State = dict[str, Any]
States = dict[str, State]

FAILURE = "Explain failure"
# Under these names a throttled call fails: most services have none of their own for it, and Step Functions then gives
# their SDK's base class, which stands for refusals as well. Hence few tries: what will not get better is told soon.
# A job that failed is not among them, since a new try needs a new name.
THROTTLED = [
    "ApplicationAutoScaling.ApplicationAutoScalingException",
    "CloudFormation.CloudFormationException",
    "CloudWatch.CloudWatchException",
    "DynamoDb.ThrottlingException",
    "S3.S3Exception",
    "SNS.ThrottledException",
    "SageMaker.AmazonSageMakerException",
    "SageMaker.SageMakerException",
    "Sfn.SfnException",
]
RETRY = [
    {
        "ErrorEquals": THROTTLED,
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 3,
        "JitterStrategy": "FULL",
    }
]


def jsonata(expression: str) -> str:
    """Mark `expression` as JSONata."""
    return "{% " + expression + " %}"


def text(value: str) -> str:
    """`value` as a JSONata string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def catch(step: str, to: str = FAILURE, *, keep_failure: bool = False) -> list[State]:
    """Keep any error as `$failure`, with the step's name in words, and go on to `to`.

    With `keep_failure` the error is dropped: the one that is being looked into matters more.
    """
    if keep_failure:
        return [{"ErrorEquals": ["States.ALL"], "Output": jsonata("$states.input"), "Next": to}]
    failure = {
        "step": step,
        "error": jsonata("$states.errorOutput.Error"),
        "cause": jsonata("$exists($states.errorOutput.Cause) ? $string($states.errorOutput.Cause) : 'no cause given'"),
    }
    return [
        {
            "ErrorEquals": ["States.ALL"],
            "Assign": {"failure": failure},
            "Output": jsonata("$states.input"),
            "Next": to,
        }
    ]


def task(
    resource: str,
    *,
    step: str,
    arguments: dict[str, Any],
    next_state: str,
    assign: dict[str, Any] | None = None,
    timeout_seconds: int | None = None,
    on_error: str = FAILURE,
    keep_failure: bool = False,
    comment: str = "",
) -> State:
    """A call of `arn:aws:states:::<resource>`; what it answers goes into variables, its input on to the next."""
    state: State = {"Type": "Task"}
    if comment:
        state["Comment"] = comment
    state["Resource"] = f"arn:aws:states:::{resource}"
    state["Arguments"] = arguments
    if timeout_seconds is not None:
        state["TimeoutSeconds"] = timeout_seconds
    if assign:
        state["Assign"] = assign
    state["Output"] = jsonata("$states.input")
    state["Retry"] = RETRY
    state["Catch"] = catch(step, on_error, keep_failure=keep_failure)
    state["Next"] = next_state
    return state


def call(resource: str, arguments: dict[str, Any], *, output: Any = None, comment: str = "") -> State:
    """A call within `each`; `output` is what it passes on."""
    state: State = {"Type": "Task"}
    if comment:
        state["Comment"] = comment
    answer = {} if output is None else output
    return {
        **state,
        **{"Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "Output": answer, "Retry": RETRY},
    }


def each(
    items: str,
    calls: States,
    *,
    step: str,
    next_state: str,
    assign: dict[str, Any] | None = None,
    at_once: int = 4,
    comment: str = "",
) -> State:
    """Make `calls`, one after the other, for each of `items` (a JSONata expression), for few items at a time."""
    state: State = {"Type": "Map"}
    if comment:
        state["Comment"] = comment
    state["Items"] = jsonata(items)
    state["MaxConcurrency"] = at_once
    names = list(calls)
    ends: list[State] = [*({"Next": name} for name in names[1:]), {"End": True}]
    state["ItemProcessor"] = {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": names[0],
        "States": {name: {**calls[name], **end} for name, end in zip(names, ends, strict=True)},
    }
    if assign:
        state["Assign"] = assign
    state["Output"] = jsonata("$states.input")
    state["Catch"] = catch(step)
    state["Next"] = next_state
    return state


def assign(values: dict[str, Any], next_state: str) -> State:
    """Set variables and go on."""
    return {"Type": "Pass", "Assign": values, "Next": next_state}


def fail_with(step: str, error: str, cause: str, next_state: str = FAILURE) -> State:
    """Set `$failure` to a cause of the definition's own (a JSONata expression) and go on to report it."""
    return assign({"failure": {"step": step, "error": error, "cause": jsonata(cause)}}, next_state)


def choice(
    rules: list[State], default: str, *, default_assign: dict[str, Any] | None = None, comment: str = ""
) -> State:
    """Go where the first true condition points, else set `default_assign` and go to `default`."""
    state: State = {"Type": "Choice"}
    if comment:
        state["Comment"] = comment
    state["Choices"] = rules
    if default_assign:
        state["Assign"] = default_assign
    state["Default"] = default
    return state


def rule(condition: str, next_state: str, assign: dict[str, Any] | None = None) -> State:
    """One rule of a choice."""
    result: State = {"Condition": jsonata(condition), "Next": next_state}
    return {**result, "Assign": assign} if assign else result
