"""One client's websocket: what must end, ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from speakerd.server.connection import Connection
from speakerd.server.effects import JobResult


async def no_job(*_: Any) -> JobResult:
    return ""


@pytest.mark.parametrize("turns", range(5))
async def test_the_pacing_ends_when_it_is_cancelled_just_as_something_changed(turns: int):
    """Else the session keeps its slot for ever, and the server cannot stop."""
    socket: Any = None
    connection = Connection(socket, "m", no_job, asyncio.Semaphore(1))
    async with asyncio.TaskGroup() as tasks:
        pace = tasks.create_task(connection._pace(), name="pace")
        for _ in range(3):
            await asyncio.sleep(0)
        connection._changed.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        pace.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(1):
                await pace
        assert pace.cancelled()
