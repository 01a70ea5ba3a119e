"""From cdk.json's context to a PlatformConfig, or to a message that says what to change and where."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from stacks.config.platform import PlatformConfig


class ConfigurationError(ValueError):
    """The configuration cannot be used; the message names each field, what is allowed and where it stands."""


def load_config(context: Mapping[str, Any]) -> PlatformConfig:
    """Return the configuration of the environment that `context["env"]` names.

    `context` has cdk.json's keys `env` (one of the keys of `environments`) and `environments`
    ({name: {field: value}}, only what differs from the defaults); `-c event_type=` replaces the environment's, and
    `-c settings=` (JSON, as an environment's entry) any other of its fields. Raises ConfigurationError.
    """
    environments = context.get("environments")
    if not isinstance(environments, Mapping) or not environments:
        raise ConfigurationError("cdk.json: context.environments: must be an object with an entry for each environment")
    name = context.get("env")
    if name not in environments:
        known = ", ".join(environments)
        given = "no environment was given" if name is None else f"'{name}' is not an environment"
        raise ConfigurationError(f"env: {given}; known are {known} (give one as `-c env=<name>`)")
    settings = environments[name]
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"cdk.json: environments.{name}: must be an object, is {settings!r}")
    if "environment" in settings:
        raise ConfigurationError(f"cdk.json: environments.{name}.environment: follows from the entry's name: remove it")
    if context.get("settings"):
        settings = _merged(settings, _parsed(context["settings"]))
    if context.get("event_type"):
        settings = {**settings, "event_type": context["event_type"]}
    try:
        return PlatformConfig(environment=name, **settings)
    except ValidationError as error:
        raise ConfigurationError(_explain(name, error)) from None


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        changes = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"settings: not JSON: {error}") from None
    if not isinstance(changes, Mapping):
        raise ConfigurationError(f"settings: must be an object, is {changes!r}")
    return changes


def _merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with the fields of `changes` in place of its own, field by field."""
    both = {name: (settings.get(name), value) for name, value in changes.items()}
    return {**settings} | {
        name: _merged(old, new) if isinstance(old, Mapping) and isinstance(new, Mapping) else new
        for name, (old, new) in both.items()
    }


def _explain(environment: str, error: ValidationError) -> str:
    lines = [_line(environment, problem) for problem in error.errors()]
    return "\n".join(["the configuration is not valid:", *(f"  {line}" for line in lines)])


def _line(environment: str, problem: Mapping[str, Any]) -> str:
    path = [part for part in problem["loc"] if part not in ("integer", "continuous", "categorical")]
    where = ".".join(["cdk.json: environments", environment, *map(str, path)])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown field; {_known_fields(path)}"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    shown = "" if isinstance(given, (dict, BaseModel)) else f" (is {given!r})"
    return f"{where}: {message}{shown}{_meaning(path)}"


def _model_at(path: list[Any]) -> type[BaseModel] | None:
    """The configuration model that the fields of `path` lead to, or None where that is not a model."""
    model: Any = PlatformConfig
    for part in path:
        field = getattr(model, "model_fields", {}).get(part)
        if field is not None:
            model = field.annotation
            continue
        values = [argument for argument in get_args(model) if hasattr(argument, "model_fields")]
        if not values:
            return None
        model = values[0]
    return model if hasattr(model, "model_fields") else None


def _known_fields(path: list[Any]) -> str:
    model = _model_at(path[:-1])
    fields = list(model.model_fields) if model else []
    close = difflib.get_close_matches(str(path[-1]), fields, n=1)
    return (f"did you mean '{close[0]}'? " if close else "") + f"known are {', '.join(fields)}"


def _meaning(path: list[Any]) -> str:
    model = _model_at(path[:-1]) if path else None
    field = model.model_fields.get(path[-1]) if model else None
    return f". {path[-1]}: {field.description}" if field is not None and field.description else ""
