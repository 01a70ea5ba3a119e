"""Metrics found in a training job's output by the regular expressions of its MetricDefinitions."""

import math
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from local_cloud.sagemaker.errors import ValidationError

Observer = Callable[[str, float], None]


class MetricScanner:
    """Reads lines of output; thread-safe.

    AWS's log pipeline writes a TAB as ``#011``, and published regular expressions rely on it; here an expression that
    has ``#011`` is matched against the line so written, any other against the line as printed.
    """

    def __init__(self, definitions: list[dict[str, str]], observer: Observer | None = None):
        self._patterns = [(item["Name"], re.compile(item["Regex"]), "#011" in item["Regex"]) for item in definitions]
        self._observer = observer
        self._values: dict[str, list[tuple[float, float]]] = {}
        self._lock = threading.Lock()

    def read(self, line: str) -> None:
        for name, pattern, escaped in self._patterns:
            match = pattern.search(line.replace("\t", "#011") if escaped else line)
            if not match or not match.groups():
                continue
            try:
                value = float(match.group(1))
            except (TypeError, ValueError):
                continue
            with self._lock:
                self._values.setdefault(name, []).append((time.time(), value))
            if self._observer:
                self._observer(name, value)

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList: the last finite value of each metric that was seen."""
        with self._lock:
            last = {name: [pair for pair in pairs if math.isfinite(pair[1])] for name, pairs in self._values.items()}
        return [
            {"MetricName": name, "Value": pairs[-1][1], "Timestamp": pairs[-1][0]}
            for name, pairs in last.items()
            if pairs
        ]


def check(definitions: list[dict[str, str]], member: str) -> None:
    """Refuse expressions that cannot be compiled, or that capture nothing."""
    for item in definitions:
        try:
            groups = re.compile(item["Regex"]).groups
        except re.error as error:
            raise ValidationError(
                f"{member}: the Regex of {item['Name']} is not a regular expression: {error}"
            ) from None
        if groups == 0:
            raise ValidationError(f"{member}: the Regex of {item['Name']} needs a group ( ) around the value.")
