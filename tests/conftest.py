"""Fixtures that several test files need."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` (data, golden numbers) beside the checkout, or the one that LST_SHARED names."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = beside if beside.is_dir() else Path(os.environ.get("LST_SHARED", ""))
    if folder == Path() or not folder.is_dir():
        pytest.skip(f"needs the folder `shared`: there is none at {beside}, and LST_SHARED does not name one")
    return folder
