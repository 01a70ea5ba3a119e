"""Fixtures shared by every tier of tests."""

import os
from pathlib import Path

import pytest

# OpenMP (XGBoost) reads this as it is loaded: threads that wait in a loop take the cores from the other processes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Hundreds of processes import the same modules: where containers set this, each would compile them anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

REPOSITORY = Path(__file__).resolve().parent.parent


def _shared() -> Path:
    return Path(os.environ.get("FRAUDSTACK_SHARED", REPOSITORY.parent / "shared"))


# Tests that share something dear (a demo's platform, synthesized templates) run in one process; others by file.
_TOGETHER = {
    "tests/e2e/test_loop": "loop",
    "tests/e2e": "demo",
    "tests/infra": "templates",
    "tests/localstack": "localstack",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Share tests out among processes (pytest-xdist) by what they share."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((group for part, group in _TOGETHER.items() if file.startswith(part)), file)

    return Together(config, log)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference data sets that cannot be redistributed; the test is skipped without it."""
    folder = _shared() / "data"
    if not folder.is_dir():
        pytest.skip(f"reference data not found at {folder} (set FRAUDSTACK_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """Folder of files that AWS's services produced; the test is skipped without it."""
    folder = _shared() / "fixtures"
    if not folder.is_dir():
        pytest.skip(f"reference fixtures not found at {folder} (set FRAUDSTACK_SHARED)")
    return folder
