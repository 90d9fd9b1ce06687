"""What tests of the whole daemon share: real voices, real ALSA (the virtual card), a real websocket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from support.room import Room
from support.scripted_server import ScriptedServer

from speakerd.demo.play import say


@pytest.fixture(scope="module")
def voice() -> dict[str, np.ndarray]:
    """What the user says: int16 mono 16 kHz."""
    return {
        "wake": say("Hey Jarvis.")[0],
        "question": say("Hey Jarvis, what time is it?")[0],
        "no": say("No, wait a moment, I would like something else.")[0],
        "hey": say("Hello, can you hear me?")[0],
    }


@pytest.fixture(autouse=True)
def _own_ledger(monkeypatch, tmp_path):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def room(sound_card, voice, tmp_path) -> Iterator[Room]:
    with ExitStack() as cleanup:
        yield Room(sound_card, tmp_path, voice, cleanup)
