"""A service that comes and goes, the embedded server's stand-in, and a link between both: on loopback, in one loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from support.rig import CHUNK, Peer
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime.link import Link
from speakerd.realtime.outputs import FirstAudio, ServiceBack, StandingIn
from speakerd.realtime.settings import session_settings


class Place:
    """A server that comes and goes, always at the same port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.peers: list[Peer] = []
        self.attempts = 0
        self.status = 0
        """HTTP status with which it refuses; 0: it does not."""
        self.mute = False
        """It accepts connections, and no session."""
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/v1/realtime"

    async def come(self) -> None:
        self._server = await serve(self._handle, "127.0.0.1", self._port, close_timeout=0.2, process_request=self._meet)

    async def go(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _meet(self, connection: ServerConnection, _request: object):
        self.attempts += 1
        return connection.respond(self.status, "no") if self.status else None

    async def _handle(self, connection: ServerConnection) -> None:
        peer = Peer(connection, {})
        peer.deaf = self.mute
        self.peers.append(peer)
        with suppress(ConnectionClosed):
            await peer.serve(0)


class Wire:
    """A link between both places."""

    def __init__(self, tasks: asyncio.TaskGroup, **options) -> None:
        self.service, self.ours = Place(), Place()
        self.outputs: asyncio.Queue = asyncio.Queue()
        self.reports: list = []
        url = options.pop("url", "") or self.service.url
        realtime = Realtime(**{"connect_timeout_s": 2.0, "headers": "X-Service: 1", **options})
        self.link = Link(
            realtime,
            url,
            session_settings(realtime, withhold=True),
            lambda: "sk-test",
            tasks,
            self.outputs.put_nowait,
            self.reports.append,
            self.ours.url,
        )

    async def next(self):
        async with asyncio.timeout(5):
            return await self.outputs.get()

    async def until(self, what) -> None:
        async with asyncio.timeout(5):
            while not what():  # noqa: ASYNC110 - a poll of what the other side saw
                await asyncio.sleep(0.005)

    async def converse(self, number: int) -> Peer:
        """A conversation of one answer; who gave it."""
        self.link.open(number, 500)
        assert await self.next() == ev.SessionReady(number)
        peer = (self.ours if self.link.standing_in else self.service).peers[-1]
        self.link.append_audio(CHUNK)
        await self.until(lambda: peer.audio == CHUNK)
        await peer.send("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u1")
        await peer.send("input_audio_buffer.speech_stopped", audio_end_ms=2_000, item_id="u1")
        await peer.send("input_audio_buffer.committed", item_id="u1")
        await self.until(lambda: peer.of_type("response.create"))
        await peer.send("response.created", response={"id": "r1"})
        ids = {"response_id": "r1", "item_id": "i1", "content_index": 0}
        await peer.send("response.output_audio.delta", delta="AQABAA==", **ids)
        await self.until(lambda: any(isinstance(one, FirstAudio) for one in self.reports))
        self.reports[:] = [one for one in self.reports if isinstance(one, StandingIn | ServiceBack)]
        self.link.close()
        while not isinstance(await self.next(), ev.SessionEnded):
            pass
        return peer


@asynccontextmanager
async def wire(**options) -> AsyncIterator[Wire]:
    async with asyncio.TaskGroup() as tasks:
        w = Wire(tasks, **options)
        await w.ours.come()
        try:
            yield w
        finally:
            w.link.stop()
            await w.ours.go()
            await w.service.go()
