"""A Realtime server that does what a test says and writes down what it hears. It judges nothing by itself,
save what the real service would: truncations beyond what was sent are errors.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from support.own_loop import OwnLoop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

WIRE_RATE_HZ = 24_000
DELTA_MS = 100


@dataclass(slots=True)
class Heard:
    """What one connection brought."""

    connected_s: float
    messages: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """(CLOCK_MONOTONIC seconds, message), sound left out."""
    audio: list[tuple[float, bytes]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sent_ms: dict[str, int] = field(default_factory=dict)
    """Audio sent, by item."""
    first_delta_s: dict[str, float] = field(default_factory=dict)
    closed_s: float | None = None

    @property
    def samples(self) -> np.ndarray:
        """All sound, int16 mono 24 kHz."""
        return np.frombuffer(b"".join(data for _, data in self.audio), "<i2")

    def of_type(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """Messages of one type."""
        return [(t, m) for t, m in self.messages if m["type"] == kind]


class ScriptedServer(OwnLoop):
    """On loopback; the methods are called from the test's thread."""

    def __init__(self, port: int = 0, *, connect_delay_s: float = 0.0, hears_speech: bool = False) -> None:
        """`hears_speech`: takes sound that comes after none for 0.3 s for the beginning of speech."""
        super().__init__()
        self._port = port
        self.connect_delay_s = connect_delay_s
        self.hears_speech = hears_speech
        self.url = ""
        self.connections: list[Heard] = []
        self._sockets: list[ServerConnection] = []
        self._responses = 0
        self._active: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ what a test tells it to do

    def send(self, kind: str, **fields: Any) -> None:
        """Send one event on the newest connection."""
        self.run(self._send(self._sockets[-1], kind, **fields))

    def user_turn(self, end_ms: int = 60_000) -> None:
        """What turn detection would say of a turn that ends so far into the sound."""
        self.send("input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_1")
        self.send("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id="user_1")
        self.send("input_audio_buffer.committed", item_id="user_1", previous_item_id=None)

    def answer(self, samples: np.ndarray, *, speed: float = 4.0, finish: bool = True, **more: Any) -> str:
        """Begin a response that says `samples` (int16 mono 24 kHz), `speed` times faster than they sound; its item.

        `more`: further fields of its `response.done`, such as `usage`; `calls` are (call id, name, arguments).
        """
        self._responses += 1
        number, socket = self._responses, self._sockets[-1]
        self.call(lambda: self._begin(socket, number, samples, speed, finish, more))
        return f"item_{number}"

    def drop(self) -> None:
        """Cut the newest connection without a word."""
        self.call(lambda: self._sockets[-1].transport.abort())

    @property
    def heard(self) -> Heard:
        """The newest connection."""
        return self.connections[-1]

    def wait_for(self, what: Any, timeout_s: float = 10.0) -> Any:
        """Poll until `what()` is true; its value."""
        until_s = time.monotonic() + timeout_s
        while not (value := what()):
            if time.monotonic() > until_s:
                raise AssertionError("did not happen in time")
            time.sleep(0.01)
        return value

    # ------------------------------------------------------------ the server

    def _begin(
        self,
        socket: ServerConnection,
        number: int,
        samples: np.ndarray,
        speed: float,
        finish: bool,
        more: dict[str, Any],
    ) -> None:
        self._active = asyncio.get_running_loop().create_task(
            self._respond(socket, number, samples, speed, finish, more)
        )

    async def _respond(
        self,
        socket: ServerConnection,
        number: int,
        samples: np.ndarray,
        speed: float,
        finish: bool,
        more: dict[str, Any],
    ) -> None:
        heard, response, item = self.connections[-1], f"resp_{number}", f"item_{number}"
        ids = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        status = "completed"
        await self._send(socket, "response.created", response={"id": response, "status": "in_progress"})
        try:
            step = WIRE_RATE_HZ * DELTA_MS // 1000
            for start in range(0, samples.size, step):
                piece = samples[start : start + step].astype("<i2").tobytes()
                heard.first_delta_s.setdefault(item, time.monotonic())
                heard.sent_ms[item] = heard.sent_ms.get(item, 0) + len(piece) // 48
                await self._send(socket, "response.output_audio.delta", delta=base64.b64encode(piece).decode(), **ids)
                await asyncio.sleep(DELTA_MS / 1000 / speed)
            if not finish:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            status = "cancelled"
        with contextlib.suppress(ConnectionClosed):
            await self._send(socket, "response.output_audio.done", **ids)
            output: list[dict[str, Any]] = [{"id": item, "type": "message", "role": "assistant"}]
            output += [
                {"id": f"call_{call_id}", "type": "function_call", "call_id": call_id, "name": name, "arguments": text}
                for call_id, name, text in more.get("calls", ())
            ]
            done = {"id": response, "status": status, "output": output, "usage": more.get("usage")}
            await self._send(socket, "response.done", response=done)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """The socket."""
        async with serve(self._handle, "127.0.0.1", self._port, compression=None, close_timeout=0.5) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/v1/realtime"
            yield

    async def _handle(self, socket: ServerConnection) -> None:
        heard = Heard(time.monotonic())
        self.connections.append(heard)
        self._sockets.append(socket)
        await asyncio.sleep(self.connect_delay_s)
        await self._send(socket, "session.created", session={"type": "realtime"})
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                await self._on_message(socket, heard, json.loads(text))
        heard.closed_s = time.monotonic()
        if self._active is not None:
            self._active.cancel()

    async def _on_message(self, socket: ServerConnection, heard: Heard, message: dict[str, Any]) -> None:
        now_s = time.monotonic()
        if message["type"] == "input_audio_buffer.append":
            if self.hears_speech and (not heard.audio or now_s - heard.audio[-1][0] > 0.3):
                await self._send(socket, "input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_1")
            heard.audio.append((now_s, base64.b64decode(message["audio"])))
            return
        heard.messages.append((now_s, message))
        match message["type"]:
            case "session.update":
                await self._send(socket, "session.updated", session=message["session"])
            case "response.cancel" if self._active is not None:
                self._active.cancel()
            case "conversation.item.truncate":
                sent_ms = heard.sent_ms.get(message["item_id"], 0)
                if not 0 < message["audio_end_ms"] <= sent_ms:
                    text = f"Audio content of {sent_ms}ms is already shorter than {message['audio_end_ms']}ms"
                    heard.errors.append(text)
                    error = {"type": "invalid_request_error", "code": "invalid_value", "message": text}
                    await self._send(socket, "error", error=error)

    async def _send(self, socket: ServerConnection, kind: str, **fields: Any) -> None:
        await socket.send(json.dumps({"type": kind, "event_id": "event_x", **fields}))


def sound_at(seconds: float, seed: int = 1) -> np.ndarray:
    """A voice-like noise whose every place is unlike any other: int16 mono 24 kHz."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=round(seconds * WIRE_RATE_HZ))
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(noise.size, 1 / WIRE_RATE_HZ)
    spectrum[(hz < 200) | (hz > 4000)] = 0
    band = np.fft.irfft(spectrum, noise.size)
    return (band / np.abs(band).max() * 12_000).astype(np.int16)


@contextlib.contextmanager
def no_server() -> Iterator[str]:
    """The URL of a port on which nothing listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"ws://127.0.0.1:{probe.getsockname()[1]}/v1/realtime"
