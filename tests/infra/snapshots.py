"""Each environment's templates as files to compare with, so that a change of infrastructure shows as a diff to review.

What follows from files' content alone (hashes of assets, versions and deployments named after them) is masked.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"
# Hashes of assets, with the suffixes of their files (the CDK orders them by hash); the suffixes of logical ids that the
# CDK derives from a function's or an API's content.
MASKS = (
    (re.compile(r"\b[0-9a-f]{64}\b(?:\.(?:gz|tar|zip))?"), "<hash>"),
    (re.compile(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}"), r"\1<hash>"),
    (re.compile(r"(Deployment[0-9A-F]{8})[0-9a-f]{32}"), r"\1<hash>"),
)


def normalised(template: str) -> str:
    """Return a template as it is kept: indented, without what follows from the content of files."""
    body = json.loads(template)
    body.pop("Rules", None)
    body.get("Parameters", {}).pop("BootstrapVersion", None)
    kept = json.dumps(body, indent=1, sort_keys=True)
    for pattern, replacement in MASKS:
        kept = pattern.sub(replacement, kept)
    return kept + "\n"


def snapshots(assembly: Path) -> dict[str, str]:
    """Return the content of each snapshot of an assembly, by its file's name."""
    return {
        path.name.replace(".template.json", ".json"): normalised(path.read_text(encoding="utf-8"))
        for path in sorted(assembly.glob("*.template.json"))
    }


def take(assembly: Path) -> None:
    """Replace the snapshots of an environment by those of its assembly, which the environment names."""
    folder = SNAPSHOTS / assembly.name
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    for name, content in snapshots(assembly).items():
        (folder / name).write_text(content, encoding="utf-8")
