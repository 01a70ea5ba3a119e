"""An upgrade of ministack that moves or changes a name the hooks use fails here, before anything behaves strangely."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import tomllib

from tests.local_cloud.hooked import describe, touched

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_pinned_version_is_installed() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = importlib.metadata.version("ministack")
    assert f"ministack=={installed}" in project["dependencies"], "private names are used: pin the exact version"


def test_every_hooked_name_is_as_it_was() -> None:
    kept = json.loads(Path(__file__).with_name("hooked.json").read_text(encoding="utf-8"))
    # In a process of its own: another test may have installed the hooks in this one.
    command = [sys.executable, "-m", "tests.local_cloud.hooked"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(result.stdout)
    assert found == kept, "ministack or a hook changed; see tests/local_cloud/hooked.py for what to do"
    assert "missing" not in found.values()


def test_a_missing_name_and_a_changed_signature_are_noticed() -> None:
    assert describe("ministack.app._no_such_name") == "missing"
    assert describe("ministack.no_such_module.name") == "missing"
    assert describe("ministack.core.responses.get_account_id") == "()"


def test_private_names_are_touched_by_hooks_alone() -> None:
    for path in (REPOSITORY / "local_cloud").rglob("*.py"):
        if "hooks" not in path.parts:
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "ministack.services" in line]
            assert not lines, f"{path}: {lines}"
    assert "ministack.services.stepfunctions._execute_task" in touched()
