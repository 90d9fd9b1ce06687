"""The embedded Realtime server: loopback only, no key, no network."""

from __future__ import annotations

import asyncio
import http
import ipaddress
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from speakerd.config.model import Server
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.logfields import fields
from speakerd.server.chat import Chat
from speakerd.server.connection import Connection, new_id
from speakerd.server.ears import Ears
from speakerd.server.effects import JobResult, Outbox, Send, Speak, Transcribe
from speakerd.server.requests import RequestError
from speakerd.server.voice import make_voice

log = logging.getLogger(__name__)

PATH = "/v1/realtime"
STANDING_IN = "I cannot reach the service, so I answer by myself."
"""Said before the first answer to a client that connects with `?standing_in=1`."""
MAX_SESSIONS = 16
MAX_FRAME_BYTES = 21 * 2**20
"""15 MiB of sound in base64, and the JSON around it."""
CLOSE_TIMEOUT_S = 1.0


class EmbeddedServer:
    """All connections share its ears and its voice."""

    def __init__(self, config: Server) -> None:
        """ConfigError when the voice's program or the ears' package is missing."""
        self._voice = make_voice(config)
        self._ears = Ears()
        self._chat = Chat(config) if config.chat_url else None
        self._hearing = asyncio.Semaphore(1)
        self._speaking = asyncio.Semaphore(2)
        self._heavy = asyncio.Semaphore(2)  # with the two above: fewer than the threads there are
        self._warming: asyncio.Future[None] | None = None
        self.sessions = 0

    def warm(self) -> None:
        """Load the ears, aside, before the first turn needs them. A failure is logged, and each turn tries again."""
        if self._warming is None:
            self._warming = asyncio.get_running_loop().run_in_executor(None, self._load)

    def _load(self) -> None:
        try:
            self._ears.load()
        except Exception:
            log.exception("The ears cannot be loaded.", extra=fields(event="EarsNotLoaded"))

    async def close(self) -> None:
        """Free the models."""
        if self._warming is not None:
            await self._warming
        self._ears.close()

    async def handle(self, socket: ServerConnection) -> None:
        """One client, from handshake to close."""
        assert socket.request is not None
        if _speaks_beta(socket.request):
            await _refuse_beta(socket)
            return
        query = parse_qs(urlsplit(socket.request.path).query)
        self.warm()
        self.sessions += 1
        came = fields(event="ClientCame", sessions=self.sessions)
        log.info("A client of the embedded server has connected; open sessions: %d.", self.sessions, extra=came)
        try:
            model = query.get("model", ["embedded"])[0][:200]
            notice = STANDING_IN if "standing_in" in query else ""
            await Connection(socket, model, self._run, self._heavy, self._chat, notice).run()
        finally:
            self.sessions -= 1
            gone = fields(event="ClientGone", sessions=self.sessions)
            log.info("A client of the embedded server is gone; open sessions: %d.", self.sessions, extra=gone)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse wrong paths, web pages of other hosts, and a crowd."""
        if urlsplit(request.path).path.rstrip("/") != PATH:
            return connection.respond(http.HTTPStatus.NOT_FOUND, f"The Realtime API is at {PATH}\n")
        origin = request.headers.get("Origin")
        if origin is not None and not is_loopback(urlsplit(origin).hostname or ""):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "Only pages of this machine may connect.\n")
        if self.sessions >= MAX_SESSIONS:
            return connection.respond(http.HTTPStatus.TOO_MANY_REQUESTS, f"At most {MAX_SESSIONS} sessions.\n")
        return None

    async def _run(self, job: Transcribe | Speak, wanted: Callable[[], bool]) -> JobResult:
        async with self._hearing if isinstance(job, Transcribe) else self._speaking:
            if not wanted():
                return SpeakerdError("no longer wanted")
            try:
                if isinstance(job, Transcribe):
                    return await asyncio.to_thread(self._ears.transcribe, job.samples, job.rate_hz)
                return await asyncio.to_thread(self._voice.synthesise, job.text, job.rate_hz, job.speed)
            except Exception as error:
                log.exception(
                    "%s failed.", type(job).__name__, extra=fields(event="WorkFailed", work=type(job).__name__)
                )
                return error


@asynccontextmanager
async def serve_embedded(
    config: Server, host: str = "127.0.0.1", port: int = 0, *, warm: bool = True
) -> AsyncIterator[str]:
    """Serve on loopback while the context lasts; yields the URL. ConfigError when a part is missing.

    `warm`: load the ears now; else when the first client comes, who may never do.
    """
    if not is_loopback(host):
        raise ConfigError(f"the embedded server listens on loopback only, not on {host}", hint="use 127.0.0.1")
    embedded = EmbeddedServer(config)
    if warm:
        embedded.warm()
    try:
        async with serve(
            embedded.handle,
            host,
            port,
            process_request=embedded.admit,
            select_subprotocol=_select_subprotocol,
            max_size=MAX_FRAME_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
            compression=None,
        ) as server:
            yield f"ws://{_address(host)}:{_port(server)}{PATH}"
    finally:
        await embedded.close()


def is_loopback(host: str) -> bool:
    """True for names and addresses of this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port(server: WebSocketServer) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


def _select_subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """`realtime` if offered; clients that offer nothing are welcome too."""
    return Subprotocol("realtime") if "realtime" in offered else None


def _speaks_beta(request: Request) -> bool:
    """By the header, or by the subprotocol that browsers had to use for it."""
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
    return "realtime=v1" in request.headers.get("OpenAI-Beta", "") or "openai-beta.realtime-v1" in offered


async def _refuse_beta(socket: ServerConnection) -> None:
    """The service's answer to clients of the retired beta interface."""
    outbox = Outbox(new_id)
    message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    outbox.error(RequestError("beta_api_shape_disabled", message))
    for effect in outbox.take():
        if isinstance(effect, Send):
            await socket.send(effect.text)
    await socket.close(4000, "beta_api_shape_disabled")
