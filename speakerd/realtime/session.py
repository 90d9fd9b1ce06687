"""One websocket, one reader, one writer, one lifetime.

Everything runs in the loop. The owner tells the end (`ended`), which a session that never began cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from speakerd.conversation.events import ItemHeard, SessionEnded, SessionReady
from speakerd.logfields import fields
from speakerd.pcm import PERIOD_MS
from speakerd.realtime.address import Dial, is_this_machine
from speakerd.realtime.connection import Octets, Straight, bound_delivery, closed_in_order, date_of
from speakerd.realtime.failures import explain
from speakerd.realtime.outputs import Fatal, FirstAudio, NoTools, Output, Word
from speakerd.realtime.pings import Pings
from speakerd.realtime.protocol import MAX_CHARACTERS, RealtimeProtocol
from speakerd.realtime.renewal import Renewal, ends_s
from speakerd.realtime.timer import Timer

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = MAX_CHARACTERS
"""Largest frame that we accept; one that is larger ends the session."""

BACKLOG_S = 8.0
"""Sound that may wait to be sent, beyond what connecting may take: some to spare, and a bad network for a while."""

CLOSE_TIMEOUT_S = 1.0
"""Time that the peer has to answer our close."""


class Session:
    """A used session is never opened again: make a new one."""

    def __init__(
        self, protocol: RealtimeProtocol, dial: Dial, deliver: Callable[[Word], None], octets: Octets | None = None
    ) -> None:
        """`deliver` is called in the loop with everything that the server says; `octets` counts what passes."""
        self._protocol = protocol
        self._dial = dial
        self._deliver = deliver
        self._max_outgoing = round((dial.connect_s + BACKLOG_S) * 1000 / PERIOD_MS)
        self._socket: ClientConnection | None = None
        self._octets = octets or Octets()
        self._outgoing: deque[str] = deque()
        self._wake_writer = asyncio.Event()
        self._pings = Pings(dial, busy=protocol.session > 0)
        self._timer = Timer(lambda: self._hand_on(self._protocol.tick(self._now_s())))
        self._closing = False
        self._cause: Fatal | None = None
        self._connected_s = 0.0
        self._server_time_s: float | None = None
        self.ready = False
        """The server agreed to the session."""
        self.renewal: Renewal | None = None
        """When it is to be replaced by another; known once it is ready."""
        self.on_alive: Callable[[], None] = lambda: None
        """Called with each sign of life of the peer."""

    # ------------------------------------------------------------ what it is

    @property
    def number(self) -> int:
        """The conversation's session that it serves; 0 while it serves none."""
        return self._protocol.session

    @number.setter
    def number(self, number: int) -> None:
        self._protocol.session = number
        self._pings.call(busy=number > 0)

    @property
    def closing(self) -> bool:
        """It was told to end, or has ended."""
        return self._closing

    @property
    def at_rest(self) -> bool:
        """It may be replaced by another: nobody speaks and nothing is under way."""
        return self.ready and not self._closing and self._protocol.at_rest

    @property
    def expires_s(self) -> float | None:
        """When the server will end it, CLOCK_MONOTONIC seconds; None if it does not tell."""
        return ends_s(self._connected_s, self._server_time_s, self._protocol.expires_at_s)

    @property
    def cause(self) -> Fatal | None:
        """Why it ended; None if it was told to."""
        return self._cause

    def ended(self) -> SessionEnded:
        """How it ended; to be told once, when `run` is over or was cancelled before it began."""
        code, message = (self._cause.code, self._cause.message) if self._cause else ("", "")
        return SessionEnded(self.number, code, message)

    # ------------------------------------------------------------ verbs

    def append_audio(self, pcm: bytes) -> None:
        """Send microphone sound: int16 mono 24 kHz."""
        self._protocol.append_audio(pcm)
        self._send()

    def remind(self, said: Iterable[tuple[str, str]]) -> None:
        """Tell what was said before."""
        self._protocol.remind(said)
        self._send()

    def cancel(self, response_id: str | None) -> None:
        """Stop a response; None: the one that is about to begin."""
        self._protocol.cancel(response_id, self._now_s())
        self._send()

    def truncate(self, items: tuple[ItemHeard, ...]) -> None:
        """Tell what was heard of cut items."""
        self._hand_on(self._protocol.truncate(items))

    def create_response(self, instructions: str, *, tools: bool) -> None:
        """Ask for a response as soon as none runs."""
        self._protocol.create_response(self._now_s(), instructions=instructions, tools=tools)
        self._send()

    @property
    def released(self) -> bool:
        """The server may answer."""
        return self._protocol.turns.released

    def begin(self, wake_ms: int | None) -> None:
        """The sound begins with a wake word, detected so far into it; None: a conversation goes on, answer it all."""
        if wake_ms is None:
            self._protocol.release_responses(self._now_s())
            self._send()
        else:
            self._protocol.turns.wake_ms = wake_ms

    def answer_tools(self, outputs: Iterable[tuple[str, str]], *, reply: bool) -> None:
        """What the functions gave; `reply`: ask for words."""
        self._protocol.answer_tools(outputs, self._now_s(), reply=reply)
        self._send()

    def close(self) -> None:
        """Send what is queued, then close in good order; a response that runs is cut off, and its bill awaited."""
        self._closing = True
        if self._bill_is_due:
            self._protocol.cancel(None, self._now_s())
        self._send()

    def abort(self) -> None:
        """Cut the connection. The owner cancels the task too, for a session that still connects."""
        self._closing = True
        if self._socket is not None:
            self._socket.transport.abort()

    # ------------------------------------------------------------ its life

    async def run(self) -> None:
        """Live from connecting to the end."""
        dial = self._dial
        try:
            async with Straight(
                dial.url,
                additional_headers=list(dial.headers),
                open_timeout=dial.connect_s,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=None,
                max_size=MAX_MESSAGE_BYTES,
                user_agent_header="speakerd",
                proxy=None if is_this_machine(dial.url) else True,
            ) as self._socket:
                await self._talk(self._socket)
        except (OSError, WebSocketException, ValueError, ImportError) as error:
            self._blame(explain(error))
        finally:
            self._closing = True
            self._timer.cancel()
            if counts := dict(self._protocol.counts):
                log.debug("session %d: %s", self.number, counts)

    async def _talk(self, sock: ClientConnection) -> None:
        self._connected_s = self._now_s()
        self._server_time_s = date_of(sock)
        bound_delivery(sock, self._dial.network_s)
        self._protocol.connected(self._connected_s)
        self._send()
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(self._write(sock), name=f"session-{self.number}-writer"),
                tasks.create_task(self._keep_alive(sock), name=f"session-{self.number}-pings"),
            ]
            await self._read(sock)
            for helper in helpers:
                helper.cancel()

    async def _read(self, sock: ClientConnection) -> None:
        try:
            async for frame in sock:
                self.on_alive()
                self._octets.receive(frame)
                if isinstance(frame, str):
                    self._hand_on(self._protocol.receive(self._dial.hide(frame), self._now_s()))
                else:
                    self._protocol.counts["binary"] += 1
            if not self._closing:
                self._blame(closed_in_order(sock))
        except ConnectionClosed as error:
            if not self._closing:
                self._blame(explain(error))

    async def _write(self, sock: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the reader tells why
            while True:
                while self._outgoing:
                    if not await self._send_one(sock, self._outgoing.popleft()):
                        return
                if self._closing and not self._bill_is_due:
                    await sock.close()
                    return
                self._wake_writer.clear()
                await self._wake_writer.wait()

    async def _send_one(self, sock: ClientConnection, text: str) -> bool:
        try:
            async with asyncio.timeout(self._dial.network_s):
                await sock.send(text)
                self._octets.send(text)
        except TimeoutError:
            self._blame(Fatal("uplink_stalled", "the network takes our sound too slowly"))
            self.abort()
            return False
        return True

    async def _keep_alive(self, sock: ClientConnection) -> None:
        if dead := await self._pings.run(sock, lambda: self.on_alive()):
            self._blame(dead)
            self.abort()

    # ------------------------------------------------------------ helpers

    def _hand_on(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Fatal):
                self._blame(output)
                self.close()
                continue
            if isinstance(output, NoTools):
                told = fields(event="McpFailed", server=output.server)
                log.warning("The service has no tools of the MCP server %s.", output.server, extra=told)
                continue
            if isinstance(output, SessionReady):
                self.ready = True
                self.renewal = Renewal(self._now_s(), self.expires_s)
                if self._protocol.liberties:
                    taken = ", ".join(self._protocol.liberties)
                    log.warning("The server goes its own way with %s.", taken, extra=fields(event="ServerLiberties"))
            if isinstance(output, FirstAudio) and self.renewal is not None:
                self.renewal.answered(output.latency_s)
            self._deliver(output)
        self._send()

    def _send(self) -> None:
        self._outgoing.extend(self._protocol.take_outgoing())
        if len(self._outgoing) > self._max_outgoing and not self._closing:
            self._blame(Fatal("uplink_stalled", "the network takes our sound too slowly"))
            self.abort()
        self._wake_writer.set()
        self._arm()

    def _arm(self) -> None:
        over = self._closing and not self._bill_is_due
        deadline_s = None if over else self._protocol.deadline_s
        self._timer.at(math.inf if deadline_s is None else deadline_s)

    @property
    def _bill_is_due(self) -> bool:
        """A response runs: it is paid for, also by who does not hear it to the end."""
        return self._cause is None and self._protocol.responding

    def _blame(self, cause: Fatal) -> None:
        """The first cause is the one that is told."""
        if self._cause is None:
            self._cause = replace(cause, message=self._dial.hide(cause.message))

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
