"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from speakerd.demo.soundcard import VirtualSoundCard, missing_programs

# The same examples each time, and as long as they take: no test is a measurement of time.
settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

pytest_plugins = ("support.still_house",)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings beside the checkout; tests that ask for it are skipped where it is missing."""
    if not (SHARED / "audio").is_dir():
        pytest.skip("needs the recordings in ../shared, which are not part of the project")
    return SHARED


@pytest.fixture(scope="session")
def sound_card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualSoundCard]:
    """The virtual sound card, for the whole session: ALSA in this process and its children sees it and nothing else."""
    if missing := missing_programs():
        pytest.skip(f"needs {', '.join(missing)} for the virtual sound card")
    with VirtualSoundCard(tmp_path_factory.mktemp("card")) as card:
        os.environ.update(card.env)  # before the first PCM is opened: ALSA reads it once
        yield card
