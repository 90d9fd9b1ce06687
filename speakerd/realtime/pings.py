"""Shows whether the peer lives: pings now and then, and whenever it is called upon. Owned by the loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from speakerd.realtime.address import Dial
from speakerd.realtime.outputs import Fatal

BUSY_PING_S = 5.0
"""Longest time between pings in a conversation."""


class Pings:
    """Of one socket."""

    def __init__(self, dial: Dial, *, busy: bool) -> None:
        """`busy`: it serves a conversation."""
        self._interval_s, self._timeout_s = dial.ping_s, dial.ping_timeout_s
        self._busy = busy
        self._called = asyncio.Event()

    def call(self, *, busy: bool) -> None:
        """Ping at once: who is called upon had better be there."""
        self._busy = busy
        self._called.set()

    async def run(self, sock: ClientConnection, on_alive: Callable[[], None]) -> Fatal | None:
        """Until the peer gives no answer: why; or until the connection is closed: None, for its reader tells why."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._interval_s, BUSY_PING_S) if self._busy else self._interval_s):
                    await self._called.wait()
            self._called.clear()
            try:
                async with asyncio.timeout(self._timeout_s):
                    await (await sock.ping())
            except ConnectionClosed:
                return None
            except TimeoutError:
                return Fatal("network_dead", "the connection died without a word")
            on_alive()
