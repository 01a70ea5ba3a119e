"""A table as DynamoDB exports it to S3: manifests, and gzipped files with an item a line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fraud.data.errors import DataError

FILES = "manifest-files.json"
DATA = "data"


def items(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the items (DynamoDB JSON) of a full export; `folder` holds the manifests and the folder of data.

    Raises DataError naming the file where the export is not whole.
    """
    for name, count in _listed(folder):
        path = folder / DATA / name
        if not path.is_file():
            raise DataError(f"{DATA}/{name}: listed in {FILES}, but missing: export the table again")
        read = 0
        for line in _lines(path):
            read += 1
            yield line
        if read != count:
            raise DataError(f"{DATA}/{name}: {read} items, {FILES} says {count}: export the table again")


def _listed(folder: Path) -> list[tuple[str, int]]:
    try:
        text = (folder / FILES).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{FILES}: missing: {folder} is no finished export of a table") from None
    try:
        entries = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [(entry["dataFileS3Key"].rsplit("/", 1)[-1], int(entry["itemCount"])) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{FILES}: not the manifest of an export: {error}") from None


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):  # noqa: B007
                yield json.loads(line)["Item"]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{DATA}/{path.name}: unreadable from line {number + 1} on ({type(error).__name__}): export the table again"
        ) from None
