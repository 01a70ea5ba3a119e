"""Container images by region, from the checked-in table that scripts/generate_image_table.py writes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("images.json")


@cache
def _table() -> dict[str, dict[str, str]]:
    return json.loads(TABLE.read_text(encoding="utf-8"))


def regions(image: str) -> tuple[str, ...]:
    """Return the regions in which `image` is published, in alphabetical order."""
    return tuple(sorted(_table()[image]))


def image_uri(image: str, region: str) -> str:
    """Return the URI of `image` in `region`; KeyError where the table has none."""
    return _table()[image][region]


def repository_arn(uri: str, partition: str) -> str:
    """Return the ARN of the ECR repository that holds the image `uri` (<account>.dkr.ecr.<region>.…/<name>:<tag>)."""
    host, repository = uri.split("/", 1)
    account, _, _, region = host.split(".")[:4]
    name = repository.split("@", 1)[0].split(":", 1)[0]
    return f"arn:{partition}:ecr:{region}:{account}:repository/{name}"
