"""One websocket, one reader, one writer, one lifetime.

Everything runs in the loop. The owner tells the end (`ended`), which a session that never began cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException

from speakerd.conversation.events import ItemHeard, SessionEnded, SessionReady
from speakerd.pcm import PERIOD_MS
from speakerd.realtime.protocol import Delivery, Fatal, RealtimeProtocol

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Largest frame that we accept. The service's largest are audio deltas of some 10 kB."""

BACKLOG_S = 8.0
"""Sound that may wait to be sent, beyond what connecting may take: some to spare, and a bad network for a while."""

CLOSE_TIMEOUT_S = 1.0
"""Time that the peer has to answer our close."""


class Session:
    """A used session is never opened again: make a new one."""

    def __init__(
        self, protocol: RealtimeProtocol, number: int, deliver: Callable[[Delivery], None], connect_timeout_s: float
    ) -> None:
        """`deliver` is called in the loop with everything that the server says."""
        self._connect_timeout_s = connect_timeout_s
        self._max_outgoing = round((connect_timeout_s + BACKLOG_S) * 1000 / PERIOD_MS)
        self._protocol = protocol
        self._number = number
        self._deliver = deliver
        self._socket: ClientConnection | None = None
        self._outgoing: deque[str] = deque()
        self._wake_writer = asyncio.Event()
        self._closing = False
        self._cause: Fatal | None = None

    async def run(self, url: str, headers: Mapping[str, str], *, ping_s: float) -> None:
        """Live from connecting to the end."""
        try:
            async with connect(
                url,
                additional_headers=dict(headers),
                open_timeout=self._connect_timeout_s,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=ping_s,
                ping_timeout=ping_s,
                max_size=MAX_MESSAGE_BYTES,
                user_agent_header="speakerd",
                proxy=None if is_this_machine(url) else True,
            ) as self._socket:
                await self._talk(self._socket)
        except (OSError, WebSocketException, UnicodeError, ImportError) as error:
            self._blame(*explain(error))
        finally:
            self._closing = True
            if counts := dict(self._protocol.counts):
                log.debug("session %d: %s", self._number, counts)

    def ended(self) -> SessionEnded:
        """How it ended; to be told once, when `run` is over or was cancelled before it began."""
        code, message = (self._cause.code, self._cause.message) if self._cause else ("", "")
        return SessionEnded(self._number, code, message)

    def append_audio(self, pcm: bytes) -> None:
        """Send microphone sound: int16 mono 24 kHz."""
        self._protocol.append_audio(pcm)
        self._send()

    def cancel(self, response_id: str | None) -> None:
        """Stop a response; None: the one that is about to begin."""
        self._protocol.cancel(response_id)
        self._send()

    def truncate(self, items: tuple[ItemHeard, ...]) -> None:
        """Tell what was heard of cut items."""
        self._protocol.truncate(items)
        self._send()

    def close(self) -> None:
        """Send what is queued, then close in good order."""
        self._closing = True
        self._wake_writer.set()

    def abort(self) -> None:
        """Cut the connection. The owner cancels the task too, for a session that still connects."""
        self._closing = True
        if self._socket is not None:
            self._socket.transport.abort()

    async def _talk(self, sock: ClientConnection) -> None:
        self._protocol.connected()
        self._send()
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write(sock), name=f"session-{self._number}-writer")
            await self._read(sock)
            writer.cancel()

    async def _read(self, sock: ClientConnection) -> None:
        try:
            async for frame in sock:
                for output in self._protocol.receive(frame) if isinstance(frame, str) else ():
                    if isinstance(output, Fatal):
                        self._blame(output.code, output.message)
                        self.close()
                    else:
                        self._deliver(output)
                    if isinstance(output, SessionReady) and self._protocol.liberties:
                        log.warning("The server goes its own way with %s.", ", ".join(self._protocol.liberties))
                self._send()
            if not self._closing:
                self._blame(
                    "closed_by_server", f"the server closed the session ({sock.close_code} {sock.close_reason})"
                )
        except ConnectionClosed as error:
            if not self._closing:
                self._blame(*explain(error))

    async def _write(self, sock: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the reader tells why
            while True:
                while self._outgoing:
                    await sock.send(self._outgoing.popleft())
                if self._closing:
                    await sock.close()
                    return
                self._wake_writer.clear()
                await self._wake_writer.wait()

    def _send(self) -> None:
        self._outgoing.extend(self._protocol.take_outgoing())
        if len(self._outgoing) > self._max_outgoing and not self._closing:
            self._blame("uplink_stalled", "the network takes our sound too slowly")
            self.abort()
        self._wake_writer.set()

    def _blame(self, code: str, message: str) -> None:
        """The first cause is the one that is told."""
        if self._cause is None:
            self._cause = Fatal(code, message)


def is_this_machine(url: str) -> bool:
    """True if `url` leads to a loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def explain(error: BaseException) -> tuple[str, str]:
    """A machine-readable code and a sentence for the human, with what to do next."""
    match error:
        case InvalidStatus():
            return _explain_status(error.response.status_code)
        case ImportError():
            return "proxy_unsupported", f"the proxy of this machine needs what is not installed ({error}); set no_proxy"
        case InvalidURI() | UnicodeError():
            return "bad_url", "realtime.url is no websocket address; run `speakerd check`"
        case ConnectionClosed():
            frame = error.rcvd
            if frame is None:
                return "connection_lost", "the connection broke off; check the network"
            return f"closed_{frame.code}", f"the server closed the session: {frame.code} {frame.reason}".rstrip()
        case InvalidHandshake():
            return "bad_handshake", "the server does not speak websocket there; check realtime.url"
        case TimeoutError():
            return "connect_timeout", "the server did not answer in time; check the network and realtime.url"
        case socket.gaierror():
            return "name_not_found", "the server's name was not found; check the network, DNS and realtime.url"
        case ssl.SSLError():
            return "tls_failed", f"no trusted connection ({error.reason}); check the clock of this machine and its CAs"
        case ConnectionRefusedError():
            return "connection_refused", "nothing listens there; check realtime.url and that the server runs"
        case _:
            return "network_failed", f"the network failed ({type(error).__name__}); check the connection"


def _explain_status(status: int) -> tuple[str, str]:
    if status in (401, 403):
        return "key_refused", f"the service refused the key (HTTP {status}); store a valid one as openai-api-key"
    if status == 404:
        return (
            "not_found",
            "the service knows no such address or model (HTTP 404); check realtime.url and realtime.model",
        )
    if status == 429:
        return (
            "rate_limited",
            "the service has had too many requests from this key (HTTP 429); wait, or check the quota",
        )
    return f"http_{status}", f"the service answered HTTP {status}; try again later"
