"""CloudWatch's embedded metric format: lines of a function's output that are metrics as well.

A line is a JSON object with ``_aws``: ``Timestamp`` (epoch milliseconds) and ``CloudWatchMetrics``, a list of
directives ``{"Namespace", "Dimensions": [[names of members], ...], "Metrics": [{"Name", "Unit"}]}``. Values, a number
or a list of numbers, and dimensions are members of the line's object. As on AWS, what does not keep to the format is
an ordinary line of the log.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local_cloud import metrics

_MARK = '"_aws"'


@dataclass(frozen=True)
class Sample:
    """One value of a metric; ``timestamp`` in epoch seconds, None for now."""

    namespace: str
    dimensions: metrics.Dimensions
    name: str
    value: float
    unit: str
    timestamp: float | None


def put(lines: Iterable[str]) -> None:
    """Add the metrics of a function's output to CloudWatch, in the caller's account and region."""
    for line in lines:
        if _MARK in line:
            for sample in samples(line):
                values = {sample.name: sample.value}
                metrics.add(sample.namespace, sample.dimensions, values, sample.unit, sample.timestamp)


def samples(line: str) -> Iterator[Sample]:
    """The samples of one line; none where it is not in the format."""
    try:
        document = json.loads(line)
        header = document["_aws"]
        timestamp = header.get("Timestamp")
        found = [
            Sample(directive["Namespace"], dimensions, name, value, unit, timestamp and timestamp / 1000)
            for directive in header["CloudWatchMetrics"]
            for dimensions in _dimension_sets(directive, document)
            for name, unit in _metrics(directive)
            for value in _values(document.get(name))
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    yield from found


def _dimension_sets(directive: dict[str, Any], document: dict[str, Any]) -> list[metrics.Dimensions]:
    return [tuple((name, str(document[name])) for name in names) for names in directive.get("Dimensions") or [[]]]


def _metrics(directive: dict[str, Any]) -> list[tuple[str, str]]:
    return [(metric["Name"], metric.get("Unit") or "None") for metric in directive["Metrics"]]


def _values(value: Any) -> list[float]:
    values = value if isinstance(value, list) else [value]
    return [float(each) for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
