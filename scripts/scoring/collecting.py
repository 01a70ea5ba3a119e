"""Decided events of a table, and the file that they are kept in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from fraud.data.decided import ATTRIBUTES, decision_of


def decisions(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    """Yield event, label, instant and label_at of every stored decision."""
    names = {f"#{name}": name for name in ATTRIBUTES}
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ProjectionExpression=", ".join(names), ExpressionAttributeNames=names
    )
    for page in pages:
        yield from map(decision_of, page["Items"])


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write a parquet file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    frame.write_parquet(partial)
    partial.replace(path)
