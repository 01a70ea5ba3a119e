"""Conditions: ministack leaves Fn::Join as it is, so that CDK's bootstrap stack thinks it was given policies."""

from collections.abc import Mapping
from typing import Any


def install() -> None:
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    evaluate = engine._evaluate_conditions

    def evaluate_conditions(template: dict[str, Any], params: dict[str, Any]) -> dict[str, bool]:
        joined = {name: _join(expression, params) for name, expression in template.get("Conditions", {}).items()}
        return evaluate({**template, "Conditions": joined}, params)

    engine._evaluate_conditions = evaluate_conditions
    changesets._evaluate_conditions = evaluate_conditions
    handlers._evaluate_conditions = evaluate_conditions
    stacks._evaluate_conditions = evaluate_conditions


def _join(value: Any, params: Mapping[str, Any]) -> Any:
    """The expression with every Fn::Join of texts and parameters replaced by its text."""
    if isinstance(value, list):
        return [_join(item, params) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        if isinstance(parts, dict):
            # A list parameter is one text with commas between its members.
            parts = str(params.get(parts.get("Ref"), {}).get("Value", "")).split(",")
        texts = [params[part["Ref"]]["Value"] if isinstance(part, dict) and part.get("Ref") in params else part
                 for part in parts]  # fmt: skip
        return separator.join(texts) if all(isinstance(text, str) for text in texts) else value
    return {key: _join(item, params) for key, item in value.items()}
