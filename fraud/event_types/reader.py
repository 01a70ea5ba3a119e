"""Typed access to the fields of a mapping, with errors that name the field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

RESERVED_PREFIX = "__"


class EventTypeError(ValueError):
    """An event type is malformed; the message names the field, what was found and what is allowed."""


class Reader:
    """Reads a mapping's fields and collects faults instead of stopping at the first."""

    def __init__(self, body: Mapping[str, Any], path: str = "", faults: list[str] | None = None) -> None:
        self.body, self.path = body, path
        self.faults: list[str] = [] if faults is None else faults

    def fault(self, key: str, message: str) -> None:
        """Note a fault of the field `key`."""
        self.faults.append(f"{self.path}{key}: {message}")

    def inner(self, key: str, value: Any = None) -> Reader:
        """Return a reader of the mapping at `key` (or of `value` in its place), empty if there is none."""
        body = self.body.get(key) if value is None else value
        if body is not None and not isinstance(body, Mapping):
            self.fault(key, f"a mapping of fields is expected, not {kind(body)}")
            body = None
        return Reader(body or {}, f"{self.path}{key}.", self.faults)

    def columned(self, key: str, *options: str) -> Reader:
        """Return a reader of a field given as a column's name or as a mapping with `column` and options."""
        value = self.body.get(key)
        inner = self.inner(key, {"column": value}) if isinstance(value, str) else self.inner(key)
        inner.refuse_others({"column", *options})
        return inner

    def refuse_others(self, allowed: Iterable[str]) -> None:
        """Note a fault for each field that is not among those allowed."""
        allowed = sorted(allowed)
        for key in self.body:
            if key not in allowed:
                self.fault(str(key), f"unknown field; allowed are {', '.join(allowed)}")

    def text(self, key: str, required: bool = True, pattern: re.Pattern | None = None, allowed: str = "") -> str | None:
        """Return a text that is not blank, or None; `allowed` describes `pattern`."""
        value = self.body.get(key)
        if value is None:
            if required:
                self.fault(key, "missing; a text is needed")
            return None
        if not isinstance(value, str) or not value.strip():
            self.fault(key, f"{value!r} is not a text (quote it in YAML)")
            return None
        if pattern and not pattern.match(value):
            self.fault(key, f"{value!r} is not allowed; use {allowed}")
        if value.startswith(RESERVED_PREFIX):
            self.fault(key, f"{value!r}: names starting with '{RESERVED_PREFIX}' are reserved; rename the column")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of different texts, empty if it is not there."""
        value = self._list(key)
        if not all(isinstance(item, str) for item in value):
            self.fault(key, f"a list of texts is expected, not {value!r} (quote the values in YAML)")
            return ()
        return self._different(key, value)

    def values(self, key: str) -> tuple[str, ...]:
        """Return a list of values as they stand in a column, as texts: YAML's 1 and true need no quotes."""
        value = self._list(key)
        if not all(isinstance(item, str | int) for item in value):
            self.fault(key, f"a list of texts, integers or booleans is expected, not {value!r} (quote the values)")
            return ()
        return self._different(key, [str(item).lower() if isinstance(item, bool) else str(item) for item in value])

    def choice(self, key: str, allowed: Sequence[str], default: str | None) -> Any:
        """Return one of the texts allowed."""
        value = self.body.get(key, default)
        if value != default and value not in allowed:
            self.fault(key, f"{value!r} is not one of {', '.join(allowed)}")
            return default
        return value

    def choices(self, key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        """Return several of the texts allowed."""
        values = self.texts(key)
        wrong = [value for value in values if value not in allowed]
        if wrong:
            self.fault(key, f"{', '.join(wrong)} not among {', '.join(allowed)}")
        return values

    def integer(self, key: str, default: int | None, minimum: int, maximum: int) -> int | None:
        """Return a whole number within the bounds."""
        value = self.body.get(key, default)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            self.fault(key, f"{value!r} is not an integer of at least {minimum}")
            return default
        if value > maximum:
            self.fault(key, f"{value!r} is more than {maximum}")
            return default
        return value

    def share(self, key: str, default: float) -> float:
        """Return a number from 0 to 1."""
        value = self.body.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.fault(key, f"{value!r} is not a number between 0 and 1")
            return default
        return float(value)

    def flag(self, key: str) -> bool:
        """Return true or false; false if it is not there."""
        value = self.body.get(key, False)
        if not isinstance(value, bool):
            self.fault(key, f"{value!r} is neither true nor false")
            return False
        return value

    def _list(self, key: str) -> list[Any]:
        value = self.body.get(key)
        if value is None:
            return []
        if not isinstance(value, Sequence) or isinstance(value, str):
            self.fault(key, f"a list is expected, not {kind(value)}")
            return []
        return list(value)

    def _different(self, key: str, values: list[str]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            self.fault(key, f"each value once: {values!r}")
        return tuple(values)


def kind(value: Any) -> str:
    """Describe what was found in place of something else."""
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"
