"""Files of JSON lines in batches: an object a line, its members the columns."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from fraud.monitoring.errors import DataError
from fraud.monitoring.reading.issues import Issues
from fraud.monitoring.reading.streams import lines

BATCH_ROWS = 20_000


def read_records(
    path: Path, form: str, issues: Issues, preprocess: Callable[[Any], list[dict[str, Any]]] | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file as texts, columns in the order of their names, as Spark has them.

    A line is an object (`form` json) or any text (csv); `preprocess` makes rows of it.
    """
    rows: list[dict[str, str | None]] = []
    for line in lines(path, issues):
        if not line.strip():
            continue
        issues["records"] += 1
        text = line.decode("utf-8", "replace")
        try:
            record = json.loads(text) if form == "json" else text
            made = preprocess(record) if preprocess else [record]
            rows += [{str(name): _text(value) for name, value in row.items()} for row in made]
        except (ValueError, AttributeError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            issues["malformed"] += 1
            issues["malformed.json"] += 1
        if len(rows) >= BATCH_ROWS:
            yield frame_of(rows)
            rows = []
    if rows:
        yield frame_of(rows)


def frame_of(rows: list[dict[str, str | None]]) -> pl.DataFrame:
    """Return rows of texts as a frame, columns in the order of their names."""
    names = sorted({name for row in rows for name in row})
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names}, schema=dict.fromkeys(names, pl.String)
    )


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    # Half of a surrogate pair is a character in JSON, but none in UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")
