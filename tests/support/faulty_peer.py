"""One connection of the faulty server: turn detection by loudness, each turn answered with a tone, faults at stages."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from support.faulty_server import FaultyServer

RATE_HZ = 24_000
STEP_MS = 100
LOUD_RMS = 300.0
TURN_END_MS = 300
ANSWER_HZ, FAULTY_HZ = 660, 440
"""Tones of an answer while all is well, and of one that a fault brought about."""

Json = dict[str, Any]


class Stage(StrEnum):
    """Where in a conversation a fault happens."""

    HANDSHAKE = "handshake"
    CONNECTED = "connected"
    UPDATE = "session.update"
    LISTENING = "listening"
    COMMITTED = "turn over"
    SPEAKING = "speaking"
    AFTER = "answered"


@dataclass(frozen=True)
class Fault:
    """What goes wrong, once."""

    kind: str
    detail: str
    stage: Stage
    act: Callable[[Any], Awaitable[Any]]
    """Told the `Peer`, or (HANDSHAKE) the `FaultyServer` and the connection; what it returns there is the answer.

    While it runs the fault goes on. At COMMITTED it takes the place of the answer.
    """
    interrupt: bool = False
    """The user speaks over the assistant meanwhile."""
    lingers: bool = False
    """It goes on after `act`, beside the conversation, and says itself when it is over (`FaultyServer.over`)."""


class Peer:
    """One connection."""

    def __init__(self, server: FaultyServer, connection: ServerConnection) -> None:
        self.server = server
        self.connection = connection
        self.asked = asyncio.Event()
        """The client asked for a response since this was cleared."""
        self.cancelled = asyncio.Event()
        """It cancelled one since then."""
        self.session: Json = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self._speech = self._answering = False
        self._quiet_ms = self._heard_ms = 0.0
        self._numbers = 0

    # ------------------------------------------------------------ what faults use

    async def send(self, kind: str, **fields: Any) -> None:
        """One event."""
        await self.connection.send(json.dumps({"type": kind, "event_id": "event_x", **fields}))

    async def send_raw(self, text: str | bytes) -> None:
        """One frame, whatever it holds."""
        await self.connection.send(text)

    async def accept(self, **more: Any) -> None:
        """Agree to the session; `more` is laid over it."""
        await self.send("session.updated", session={**self.session, **more})

    async def begin(self) -> str:
        """`response.created`; its id."""
        self._numbers += 1
        name = f"resp_{id(self)}_{self._numbers}"
        self.cancelled.clear()
        await self.send("response.created", response={"id": name, "status": "in_progress"})
        return name

    async def tone(self, response: str, hz: int, seconds: float, pace: float = 4.0, *, stubborn: bool = True) -> None:
        """Audio deltas, `pace` times faster than they sound; unless `stubborn` until it is cancelled."""
        steps = round(seconds * 1000 / STEP_MS)
        count = RATE_HZ * STEP_MS // 1000
        for step in range(steps):
            if self.cancelled.is_set() and not stubborn:
                return
            t = np.arange(step * count, (step + 1) * count) / RATE_HZ
            pcm = (6_000 * np.sin(2 * np.pi * hz * t)).astype("<i2").tobytes()
            await self.delta(response, base64.b64encode(pcm).decode())
            await asyncio.sleep(STEP_MS / 1000 / pace)

    async def delta(self, response: str, audio: str) -> None:
        """One delta, as it is."""
        ids = {"response_id": response, "item_id": f"item_{response}", "output_index": 0, "content_index": 0}
        await self.send("response.output_audio.delta", delta=audio, **ids)

    async def finish(
        self, response: str, status: str = "completed", output: tuple[Json, ...] = (), **more: Any
    ) -> None:
        """`response.done`."""
        message = {"id": f"item_{response}", "type": "message", "role": "assistant"}
        body = {"id": response, "status": status, "output": [*output] or [message], **more}
        await self.send("response.done", response=body)

    async def close(self, code: int, reason: str = "") -> None:
        """Close in order, with any code; 1006 is no close at all."""
        if code == 1006:
            self.connection.transport.abort()
        else:
            await self.connection.close(code, reason)

    @contextlib.contextmanager
    def deaf(self) -> Iterator[None]:
        """Read nothing meanwhile: neither messages nor pings nor closes."""
        transport, queue = self.connection.transport, self.connection.recv_messages
        resume, queue.resume = queue.resume, lambda: None  # else it goes on when the queue is empty
        with contextlib.suppress(RuntimeError):
            transport.pause_reading()
        try:
            yield
        finally:
            queue.resume = resume
            with contextlib.suppress(RuntimeError):
                transport.resume_reading()

    # ------------------------------------------------------------ while all is well

    async def serve(self) -> None:
        """Until the connection ends."""
        self.spawn(self.stage(Stage.CONNECTED))
        await self.send("session.created", session={"type": "realtime"})
        async for text in self.connection:
            message = json.loads(text)
            match message["type"]:
                case "session.update":
                    self.session = message["session"]
                    if not await self.stage(Stage.UPDATE):
                        await self.accept()
                case "input_audio_buffer.append":
                    await self._hear(base64.b64decode(message["audio"]))
                case "response.cancel":
                    self.cancelled.set()
                case "response.create":
                    self.asked.set()
                    if not self._answering:
                        self.spawn(self._turn())

    def spawn(self, work: Any) -> None:
        """Do this beside reading."""

        async def run() -> None:
            with contextlib.suppress(ConnectionClosed):
                await work

        task = asyncio.get_running_loop().create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _hear(self, pcm: bytes) -> None:
        sound = np.frombuffer(pcm, "<i2").astype(float)
        if not sound.size:
            return
        self._heard_ms += sound.size / RATE_HZ * 1000
        if np.sqrt(np.mean(sound**2)) > LOUD_RMS:
            self._quiet_ms = 0.0
            if not self._speech:
                self._speech = True
                await self.send("input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_1")
                self.spawn(self.stage(Stage.LISTENING))
            return
        self._quiet_ms += sound.size / RATE_HZ * 1000
        if self._speech and self._quiet_ms >= TURN_END_MS:
            self._speech = False
            await self.send("input_audio_buffer.speech_stopped", audio_end_ms=round(self._heard_ms), item_id="user_1")
            await self.send("input_audio_buffer.committed", item_id="user_1", previous_item_id=None)
            if self.session["audio"]["input"]["turn_detection"]["create_response"]:
                self.spawn(self._turn())

    async def _turn(self) -> None:
        self._answering = True
        try:
            if not await self.stage(Stage.COMMITTED):
                await self._answer()
        finally:
            self._answering = False

    async def _answer(self) -> None:
        faulty = self.server.fault is not None
        response = await self.begin()
        hz = FAULTY_HZ if faulty else ANSWER_HZ
        await self.tone(response, hz, 0.3)
        await self.stage(Stage.SPEAKING)
        await self.tone(response, hz, 0.5 if not faulty else 1.5, stubborn=False)
        await self.finish(response, "cancelled" if self.cancelled.is_set() else "completed")
        await self.stage(Stage.AFTER)

    async def stage(self, stage: Stage) -> bool:
        """Let the armed fault happen, if this is its moment; True if it did."""
        fault = self.server.take(stage)
        if fault is None:
            return False
        try:
            await fault.act(self)
        finally:
            if not fault.lingers:
                self.server.over.set()
        return True
