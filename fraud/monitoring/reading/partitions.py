"""How Spark splits a data set of several files: figures that depend on the order of additions depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PARALLELISM = 2
"""What Spark has on Model Monitor's smallest instance, with one executor of one core."""
_OPEN_COST = 4 << 20
_LARGEST = 128 << 20


def partitions(files: Sequence[Path]) -> list[list[Path]]:
    """Return files in partitions, large files first; Model Monitor reads CSV so that no file is split."""
    sizes = {file: file.stat().st_size for file in files}
    total = sum(size + _OPEN_COST for size in sizes.values())
    limit = min(_LARGEST, max(_OPEN_COST, total // PARALLELISM))
    split: list[list[Path]] = []
    filled = 0
    for file in sorted(files, key=lambda name: -sizes[name]):
        if not split or filled + sizes[file] > limit:
            split.append([])
            filled = 0
        split[-1].append(file)
        filled += sizes[file] + _OPEN_COST
    return split
