"""SIGHUPs are served one after the other, and none is forgotten."""

from __future__ import annotations

import asyncio
from unittest.mock import MagicMock

import pytest

from speakerd.reception import Reception


class Slow:
    """A refit that takes its time."""

    own_volume = None

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.go_on = asyncio.Event()

    async def reload(self, *, wait: bool) -> None:
        assert wait, "else one that is asked for on the control socket meanwhile would take its place"
        self.begun += 1
        await self.go_on.wait()
        self.ended += 1


@pytest.fixture
def _no_socket(monkeypatch, tmp_path):
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))


@pytest.mark.usefixtures("_no_socket")
async def test_asked_while_it_reads_it_reads_once_more():
    async with asyncio.TaskGroup() as tasks:
        slow, asked = Slow(), asyncio.Event()
        reception = Reception(MagicMock(), slow, MagicMock(), MagicMock(), lambda: 0, dict, tasks)
        reception.open()
        serving = tasks.create_task(reception.keep_reloading(asked))
        asked.set()
        await asyncio.sleep(0.01)
        for _ in range(3):
            asked.set()
        assert slow.begun == 1
        slow.go_on.set()
        await asyncio.sleep(0.01)
        assert slow.ended == 2
        assert reception.counters() == {"ctl_requests": 0, "ctl_turned_away": 0}
        serving.cancel()
        reception.close()


async def test_without_a_place_for_its_socket_the_daemon_runs_all_the_same(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "missing" / "deeper"))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    async with asyncio.TaskGroup() as tasks:
        reception = Reception(MagicMock(), MagicMock(), MagicMock(), MagicMock(), lambda: 0, dict, tasks)
        reception.open()
        reception.close()
    assert "`speakerd ctl` will not reach this daemon: no socket at " in caplog.text
