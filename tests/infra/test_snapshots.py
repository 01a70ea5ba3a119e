"""Each environment's templates against the snapshots that were reviewed."""

from __future__ import annotations

import difflib
import os

import pytest

from tests.infra.conftest import Assembly
from tests.infra.snapshots import SNAPSHOTS, snapshots, take


def test_templates_are_those_that_were_reviewed(assembly: Assembly) -> None:
    """`make snapshots` replaces the snapshots; the diff of the commit is what a reviewer reads."""
    if os.environ.get("TAKE_SNAPSHOTS"):
        take(assembly.folder)
    folder = SNAPSHOTS / assembly.environment
    if not folder.is_dir():
        pytest.skip("no snapshots were taken of this environment: make snapshots")
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    now = snapshots(assembly.folder)
    assert sorted(now) == sorted(kept), "stacks were added or removed; if that is meant: make snapshots"
    for name, content in now.items():
        lines = difflib.unified_diff(kept[name].splitlines(), content.splitlines(), "reviewed", "now", lineterm="", n=2)
        diff = "\n".join(list(lines)[:60])
        assert not diff, f"{name} changed; if that is meant: make snapshots\n{diff}"
