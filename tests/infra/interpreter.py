"""A small interpreter of Amazon States Language in JSONata, for what the platform's definitions use.

Expressions run in the JSONata reference engine's port with Step Functions' own functions added. As in the
service, an expression without a result is an error, and so is a state that is not there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import jsonata

Handler = Callable[[dict[str, Any]], Any]
BEGINNING = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
"""When executions start here, unless they are told otherwise."""


class StatesError(Exception):
    """An error with a name and a cause, as a task raises it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


@dataclass
class Execution:
    """How an execution went: its path through the states, each call made, and its end."""

    path: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    output: Any = None
    error: str | None = None
    cause: str | None = None

    def call(self, resource: str) -> dict[str, Any]:
        """Arguments of the only call of `resource`."""
        (arguments,) = [arguments for name, arguments in self.calls if name == resource]
        return arguments


def evaluate(expression: str, variables: dict[str, Any], states: dict[str, Any]) -> Any:
    """Evaluate `{% … %}`; StatesError where it fails or has no result."""
    source = expression.removeprefix("{%").removesuffix("%}").strip()
    bindings = {
        name: jsonata.utils.Utils.NULL_VALUE if value is None else value
        for name, value in {**variables, "states": states}.items()
    }

    def run(text: str) -> Any:
        compiled = jsonata.Jsonata.jsonata(text)
        compiled.register_lambda("parse", json.loads)
        compiled.register_lambda(
            "hash", lambda text, name: hashlib.new(name.replace("-", ""), text.encode()).hexdigest()
        )
        return compiled.evaluate(None, bindings)

    try:
        value = run(source)
        if value is None and not run(f"$exists(({source}))"):
            raise StatesError("States.QueryEvaluationError", f"no result: {source}")
    except StatesError:
        raise
    except Exception as error:
        raise StatesError("States.QueryEvaluationError", f"{error}: {source}") from error
    return value


def fill(template: Any, variables: dict[str, Any], states: dict[str, Any]) -> Any:
    """Return `template` with every expression in it evaluated."""
    if isinstance(template, str):
        return evaluate(template, variables, states) if template.startswith("{%") else template
    if isinstance(template, dict):
        return {key: fill(value, variables, states) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(item, variables, states) for item in template]
    return template


def run(
    definition: dict[str, Any],
    handlers: dict[str, Handler],
    execution_input: Any,
    *,
    name: str = "r0123abcd-1",
    start: str = BEGINNING.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    max_steps: int = 200,
) -> Execution:
    """Run an execution; each task calls `handlers[resource without arn:aws:states:::]` with its arguments."""
    result = Execution()
    arn = f"arn:aws:states:us-east-1:000000000000:execution:m:{name}"
    context = {"Execution": {"Name": name, "Id": arn, "StartTime": start}}
    state_name, value = definition["StartAt"], execution_input
    for _ in range(max_steps):
        result.path.append(state_name)
        state = definition["States"][state_name]
        states: dict[str, Any] = {"input": value, "context": context}
        if state["Type"] == "Succeed":
            result.output = fill(state["Output"], result.variables, states) if "Output" in state else value
            return result
        if state["Type"] == "Fail":
            result.error = fill(state["Error"], result.variables, states)
            result.cause = fill(state["Cause"], result.variables, states)
            return result
        try:
            value, state_name = _step(state, states, result, handlers)
        except StatesError as error:
            (catcher,) = state.get("Catch") or [None]
            if catcher is None:
                result.error, result.cause = error.error, error.cause
                return result
            states["errorOutput"] = {"Error": error.error, "Cause": error.cause}
            value = fill(catcher["Output"], result.variables, states)
            result.variables |= fill(catcher.get("Assign", {}), result.variables, states)
            state_name = catcher["Next"]
    raise AssertionError(f"no end after {max_steps} states: …{result.path[-10:]}")


def _step(
    state: dict[str, Any], states: dict[str, Any], result: Execution, handlers: dict[str, Handler]
) -> tuple[Any, str]:
    chosen = state
    if state["Type"] == "Choice":
        for candidate in state["Choices"]:
            condition = evaluate(candidate["Condition"], result.variables, states)
            # The service takes booleans only.
            assert isinstance(condition, bool), (candidate["Condition"], condition)
            if condition:
                chosen = candidate
                break
        else:
            chosen = {**state, "Next": state["Default"]}
    elif state["Type"] == "Task":
        resource = state["Resource"].removeprefix("arn:aws:states:::")
        arguments = fill(state["Arguments"], result.variables, states)
        result.calls.append((resource, arguments))
        states["result"] = handlers[resource](arguments)
    elif state["Type"] == "Map":
        items = fill(state["Items"], result.variables, states)
        assert isinstance(items, list), (state["Items"], items)
        states["result"] = [_iterate(state["ItemProcessor"], item, states, result, handlers) for item in items]
    output = fill(chosen["Output"], result.variables, states) if "Output" in chosen else states["input"]
    # All assignments see the variables as they were before the state.
    result.variables |= fill(chosen.get("Assign", {}), dict(result.variables), states)
    return output, chosen["Next"]


def _iterate(
    processor: dict[str, Any], item: Any, outer: dict[str, Any], result: Execution, handlers: dict[str, Handler]
) -> Any:
    """Run one item of a Map; it reads the outer variables, and what it assigns ends with it."""
    inner = Execution(calls=result.calls, variables=dict(result.variables))
    state_name, value = processor["StartAt"], item
    while True:
        state = processor["States"][state_name]
        states = {"input": value, "context": outer["context"]}
        value, _ = _step({"Next": "", **state}, states, inner, handlers)
        if state.get("End"):
            return value
        state_name = state["Next"]
