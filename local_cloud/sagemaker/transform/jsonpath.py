"""The part of JSONPath that InputFilter and OutputFilter use: members, indexes, slices and lists of them."""

import re
from typing import Any

from local_cloud.sagemaker.errors import ValidationError

_TOKEN = re.compile(
    r"""\.(?P<member>[A-Za-z_][\w-]*) | \[(?P<quoted>'[^']*'|"[^"]*")\] | \[(?P<slice>-?\d*:-?\d*)\]
    | \[(?P<list>-?\d+(?:\s*,\s*-?\d+)*)\] | \[(?P<names>(?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))+)\]""",
    re.VERBOSE,
)
Step = str | slice | list[int] | list[str]


class Path:
    """A parsed filter, for example ``$[1:]``, ``$[-1]``, ``$[0,3]``, ``$.features`` or ``$['id','score']``.

    Raises:
        ValidationError: naming the member of the request whose expression is not understood.
    """

    def __init__(self, expression: str, member: str):
        self._steps: list[Step] = []
        position = 1
        while expression.startswith("$") and position < len(expression):
            match = _TOKEN.match(expression, position)
            if match is None:
                break
            self._steps.append(_step(match))
            position = match.end()
        if not expression.startswith("$") or position < len(expression):
            raise ValidationError(
                f"{member}: {expression!r} is not understood; use $, $.name, $['a','b'], $[0], $[-1], $[1:] or $[0,2]."
            )

    @property
    def whole(self) -> bool:
        return not self._steps

    def select(self, value: Any) -> Any:
        """The part of a record; rows of CSV are lists of text and stay lists.

        Raises:
            ValueError: the record has no such part.
        """
        for step in self._steps:
            try:
                value = _apply(step, value)
            except (KeyError, IndexError, TypeError):
                raise ValueError(f"The record has no part {step!r}.") from None
        return value


def _step(match: re.Match[str]) -> Step:
    if text := match["slice"]:
        low, _, high = text.partition(":")
        return slice(int(low) if low else None, int(high) if high else None)
    if text := match["list"]:
        return [int(number) for number in text.split(",")]
    if text := match["names"]:
        return [name.strip()[1:-1] for name in text.split(",")]
    return match["member"] or match["quoted"][1:-1]


def _apply(step: Step, value: Any) -> Any:
    if isinstance(step, str):
        return value[step]
    if not isinstance(step, list):
        if not isinstance(value, list):
            raise TypeError
        return value[step]
    if isinstance(step[0], str):
        return {name: value[name] for name in step if isinstance(name, str)}
    chosen = [value[index] for index in step if isinstance(index, int)]
    return chosen[0] if len(chosen) == 1 else chosen
