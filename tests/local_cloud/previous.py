"""The templates of an earlier state of the platform, to upgrade from.

`python -m tests.local_cloud.previous` renews them with a release, so that every upgrade from the last one is tested.
"""

import gzip
import json
from pathlib import Path
from typing import Any

PREVIOUS = Path(__file__).with_name("previous.json.gz")
CONCERNS = ("keys", "identity", "storage", "training", "scoring")
"""The stacks that hold something, in the order in which they are deployed."""


def templates() -> dict[str, dict[str, Any]]:
    """Return the dev environment's templates of then by concern."""
    return json.loads(gzip.decompress(PREVIOUS.read_bytes()))


def renew(now: dict[str, dict[str, Any]]) -> None:
    """Keep these templates as the ones to upgrade from."""
    body = json.dumps(now, separators=(",", ":"))
    PREVIOUS.write_bytes(gzip.compress(body.encode(), mtime=0))


if __name__ == "__main__":
    from tests.local_cloud import project

    renew({concern: project.template("dev", concern) for concern in CONCERNS})
