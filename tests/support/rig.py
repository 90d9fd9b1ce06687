"""A link and a real server on loopback, both in one loop: the test tells the server what to say."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from speakerd.config.model import Realtime
from speakerd.realtime.link import Link
from speakerd.realtime.settings import session_settings

CHUNK = b"\1\0" * 480
KEY = "open sesame"


class Peer:
    """One connection of the server: accepts every session, keeps what it hears."""

    def __init__(self, connection: ServerConnection, grants: dict[str, Any]) -> None:
        """`grants` is laid over each session that is asked for."""
        self.connection = connection
        self.grants = grants
        self.heard: list[dict] = []
        self.deaf = False
        """It answers nothing by itself any more."""

    @property
    def audio(self) -> bytes:
        """All sound that came."""
        return b"".join(base64.b64decode(m["audio"]) for m in self.heard if m["type"] == "input_audio_buffer.append")

    def of_type(self, kind: str) -> list[dict]:
        """Messages of one type."""
        return [message for message in self.heard if message["type"] == kind]

    async def send(self, kind: str, **fields: Any) -> None:
        """Say something."""
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def serve(self, expires_in_s: float) -> None:
        """Listen until the end."""
        extra = {"expires_at": round(time.time() + expires_in_s)} if expires_in_s else {}  # noqa: TID251 - Unix time
        async for text in self.connection:
            message = json.loads(text)
            self.heard.append(message)
            if message["type"] == "session.update" and not self.deaf:
                await self.send("session.updated", session={**message["session"], **extra, **self.grants})


class Rig:
    """A link, its server and what it delivers."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.octets_in = 0
        """All bytes that came over TCP: handshakes, pings and all."""
        self.outputs: asyncio.Queue = asyncio.Queue()
        self.reports: list = []
        self.link: Link
        self.refuse_with, self.refusal = 0, "no"
        self.grants: dict[str, Any] = {}
        self.attempts = 0
        self.expires_in_s = 0.0
        self.clock_off_s = 0.0

    @property
    def peer(self) -> Peer:
        """The newest connection."""
        return self.peers[-1]

    async def next(self) -> Any:
        """The next thing that is delivered."""
        async with asyncio.timeout(5):
            return await self.outputs.get()

    async def until(self, what) -> None:
        """Wait for what the other side saw."""
        async with asyncio.timeout(5):
            while not what():  # noqa: ASYNC110 - a poll of what the other side saw
                await asyncio.sleep(0.005)


@asynccontextmanager
async def rig(tools: tuple = (), *, withhold: bool = False, **options) -> AsyncIterator[Rig]:
    """`options` are of the section `realtime`."""
    rig = Rig()
    realtime = Realtime(**{"keep_warm": True, "connect_timeout_s": 2.0, **options})

    async def handler(connection: ServerConnection) -> None:
        peer = Peer(connection, rig.grants)
        rig.peers.append(peer)
        with suppress(ConnectionClosed):
            await peer.serve(rig.expires_in_s + rig.clock_off_s)

    def answer(connection, _request):
        rig.attempts += 1
        return connection.respond(rig.refuse_with, rig.refusal) if rig.refuse_with else None

    def stamp(_connection, _request, response):
        del response.headers["Date"]
        response.headers["Date"] = formatdate(time.time() + rig.clock_off_s, usegmt=True)  # noqa: TID251 - Unix time

    class Counting(ServerConnection):
        def data_received(self, data: bytes) -> None:
            rig.octets_in += len(data)
            super().data_received(data)

    options = {"close_timeout": 0.2, "process_request": answer, "process_response": stamp}
    options["create_connection"] = Counting
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with asyncio.TaskGroup() as tasks:
            url = f"ws://127.0.0.1:{port}/v1/realtime"
            rig.link = Link(
                realtime,
                url,
                session_settings(realtime, tools=tools, withhold=withhold),
                lambda: KEY,
                tasks,
                rig.outputs.put_nowait,
                rig.reports.append,
            )
            try:
                yield rig
            finally:
                rig.link.stop()
