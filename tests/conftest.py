"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings beside the checkout; tests that ask for it are skipped where it is missing."""
    if not (SHARED / "audio").is_dir():
        pytest.skip("needs the recordings in ../shared, which are not part of the project")
    return SHARED
