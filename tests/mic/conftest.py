"""Fixtures for tests of the microphone side."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def flite() -> str:
    """Path of the speech synthesiser flite, which script/setup installs."""
    path = shutil.which("flite")
    if path is None:
        pytest.skip("needs the program flite")
    return path
