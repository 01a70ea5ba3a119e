"""Fixtures shared by every tier of tests."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def _shared() -> Path:
    return Path(os.environ.get("FRAUDSTACK_SHARED", REPOSITORY.parent / "shared"))


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
