"""A daemon that was built and not started, so that one can look into its parts."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from speakerd import refit
from speakerd.app import App
from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config
from speakerd.realtime.session import Session
from speakerd.surroundings import Servers


class House:
    """Its threads stand still."""

    def __init__(self, tasks: asyncio.TaskGroup, config: Config) -> None:
        self.wanted: Config | Exception = config
        self.app = App(config, Servers("ws://127.0.0.1:9"), ApiKey("k", "test"), None, tasks, self.read)
        self.refit = self.app._reception._refit
        self.board = self.app._board

    def read(self) -> Config:
        if isinstance(self.wanted, Exception):
            raise self.wanted
        return self.wanted

    async def reload(self, config: Config | Exception):
        self.wanted = config
        reply = await self.refit.reload()
        self.app._listener._change()
        return reply

    def earcon(self, name: str) -> bytes:
        return self.app._playback._line._earcons[name].tobytes()

    def rule(self, name: str) -> object:
        """Of the conversation."""
        return getattr(self.board.conductor._machine.facts.rules, name)

    def session(self) -> dict[str, Any]:
        """What the next session asks for."""
        return self.app._link._dialler.asked[1]

    def dialled(self) -> Session:
        """The next session."""
        dialler = self.app._link._dialler
        tasks, dialler._tasks = dialler._tasks, MagicMock(create_task=lambda work, name: work.close() or MagicMock())
        try:
            return dialler.dial(0)
        finally:
            dialler._tasks = tasks


@asynccontextmanager
async def house(config: Config) -> AsyncIterator[House]:
    async with asyncio.TaskGroup() as tasks:
        house = House(tasks, config)
        yield house
        house.app._stop()


@pytest.fixture
def still_house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Folders of the test's own; and its handlers of log entries stay."""
    ours = logging.getLogger("speakerd")
    monkeypatch.setattr(refit, "setup_logging", lambda level: ours.setLevel(level.upper()))
    ours.setLevel(logging.INFO)
    for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    yield
    ours.setLevel(logging.NOTSET)


def with_value(key: str, value: object, config: Config | None = None) -> Config:
    """The configuration with one value changed, as if it had been read."""
    content = (config or Config()).model_dump(mode="json")
    section, *path = key.split(".")
    target = content[section]
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    return Config.model_validate_json(json.dumps(content))
