"""Hyperparameters arrive as strings: this turns them into typed values or says what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

IGNORED_PREFIXES = ("sagemaker_", "_tuning_")
"""Keys that SageMaker itself adds to a job's hyperparameters."""


class HyperparameterError(ValueError):
    """One or more hyperparameters are wrong; the message names each, its range and its default."""


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter: its type (int or float), inclusive range, default and meaning."""

    name: str
    type: type
    default: int | float
    low: int | float
    high: int | float
    description: str

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        kind = "an integer" if self.type is int else "a number"
        return f"{kind} from {self.low:g} to {self.high:g} (default {self.default:g})"

    def parse(self, value: Any) -> int | float:
        """Return the typed value; raise HyperparameterError naming the parameter and its range."""
        try:
            number = float(str(value).strip())
        except ValueError:
            number = math.nan
        whole = self.type is float or (math.isfinite(number) and number == int(number))
        # NaN fails both comparisons, so it ends here too.
        if not whole or not self.low <= number <= self.high:
            raise HyperparameterError(f"{self.name}={value!r}: must be {self.allowed}")
        return self.type(number)


def parse(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, int | float]:
    """Return every parameter's typed value, defaults filled in, in the order of `parameters`.

    Keys that SageMaker adds are ignored; all errors are collected into one HyperparameterError.
    """
    known = {parameter.name: parameter for parameter in parameters}
    given = {key: value for key, value in values.items() if not key.startswith(IGNORED_PREFIXES)}
    problems = []
    result: dict[str, int | float] = {}
    for name, parameter in known.items():
        try:
            result[name] = parameter.parse(given[name]) if name in given else parameter.default
        except HyperparameterError as error:
            problems.append(str(error))
    unknown = sorted(set(given) - set(known))
    if unknown:
        problems.append(f"unknown: {', '.join(unknown)}; allowed are {', '.join(known)}")
    if problems:
        raise HyperparameterError("hyperparameters: " + "; ".join(problems))
    return result
