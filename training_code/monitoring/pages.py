"""A run's metrics in documents that the state machine which publishes them can carry: docs/monitoring.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from training_code.monitoring.results import METRICS_FILE

FOLDER = "metrics"
# PutMetricData takes a thousand metrics. A state of Step Functions carries 256 KiB, in which the document is a string
# with each of its quotes escaped.
MOST_METRICS, MOST_BYTES = 500, 100_000
# CloudWatch takes no longer name, and refuses the whole call over it.
LONGEST_NAME = 255


def write_pages(output: Path) -> int:
    """Write metrics/0.json, 1.json … of what the run has written to its metrics file; return how many."""
    path = output / METRICS_FILE
    if not path.is_file():
        return 0
    folder = output / FOLDER
    folder.mkdir(exist_ok=True)
    pages = 0
    with path.open(encoding="utf-8") as lines:
        for page in _pages(_publishable(lines)):
            text = f'{{"metrics": [{", ".join(page)}]}}\n'
            (folder / f"{pages}.json").write_text(text, encoding="utf-8")
            pages += 1
    return pages


def _publishable(lines: Iterable[str]) -> Iterator[str]:
    left_out = 0
    for line in lines:
        metric: dict[str, Any] = json.loads(line)
        if len(metric["MetricName"]) > LONGEST_NAME:
            left_out += 1
        else:
            yield line.strip()
    if left_out:
        print(f"{left_out} metrics with names of more than {LONGEST_NAME} characters are not published", flush=True)


def _pages(lines: Iterable[str]) -> Iterator[list[str]]:
    page: list[str] = []
    size = 0
    for line in lines:
        # ASCII, because json.dumps escapes everything else.
        if page and (len(page) == MOST_METRICS or size + len(line) > MOST_BYTES):
            yield page
            page, size = [], 0
        page.append(line)
        size += len(line)
    if page:
        yield page
