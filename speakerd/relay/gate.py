"""The sockets: HTTP and the opening handshakes on both sides. Owned by the loop."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from socket import socket as Socket
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from speakerd.config.model import Relay
from speakerd.logfields import fields
from speakerd.relay import door
from speakerd.relay.answers import address_of, as_json, name_of, page, refused
from speakerd.relay.house import House
from speakerd.relay.pump import Pump
from speakerd.relay.refusals import FULL, NO_WEBSOCKET, SLOW_SERVICE, UNREACHABLE, Refusal, of_service
from speakerd.relay.talk import Talk

log = logging.getLogger(__name__)

QUEUE_FRAMES = (4, 1)
"""Frames that may wait for the other side: reading pauses above the first, and goes on below the second."""
WRITE_BYTES = 64 * 1024
"""Bytes that may wait in a socket's buffer before its sender waits."""
CLOSE_S = 2.0
HANDSHAKE_S = 5.0
"""For a client to say what it wants, TLS apart."""
TLS_HANDSHAKE_S = 10.0
STOP_S = 5.0
PASSED_HEADERS = ("OpenAI-Beta", "OpenAI-Safety-Identifier")


@dataclass(frozen=True, slots=True)
class Service:
    """Where sessions lead to."""

    model: str
    """For clients that name none."""
    url_of: Callable[[str], str]
    """The URL for a model."""
    headers: tuple[tuple[str, str], ...]
    """With the key; never told to anybody else."""
    connect_s: float
    proxy: bool = True
    """By the proxy of the environment, if there is one."""

    def __repr__(self) -> str:
        """Without the key."""
        return "Service(…)"


class Gate:
    """Lets clients in by the rules of the house."""

    def __init__(self, config: Relay, service: Service, house: House) -> None:
        self._config = config
        self._service = service
        self._house = house
        self._tls = ssl.create_default_context()  # reads the machine's CAs, which takes a while: once
        self._tasks: asyncio.TaskGroup | None = None
        self._doors: set[_Door] = set()

    @asynccontextmanager
    async def open(self, sockets: Sequence[Socket] = (), tls: ssl.SSLContext | None = None) -> AsyncIterator[list[str]]:
        """Serve on `sockets`, or where the configuration says; yields the addresses. Raises OSError."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            background = tasks.create_task(self._house.run(), name="house")
            servers = [await self._listen(tls, sock=sock) for sock in sockets] or [
                await self._listen(tls, host=self._config.host, port=self._config.port)
            ]
            scheme = "wss" if tls else "ws"
            try:
                yield [f"{scheme}://{name_of(one)}{door.PATHS[0]}" for server in servers for one in server.sockets]
            finally:
                await self._stop(servers)
                background.cancel()

    async def _listen(self, tls: ssl.SSLContext | None, **where: Any) -> Server:  # noqa: ANN401 - as asyncio has it
        gate = self

        class Door(_Door):
            """Knows whose it is: `websockets` makes them, with arguments of its own."""

            owner = gate

        config = self._config
        if tls is not None:
            where["ssl_handshake_timeout"] = TLS_HANDSHAKE_S
        return await serve(
            self._serve,
            process_request=self._answer,
            select_subprotocol=_select_subprotocol,
            server_header=None,
            compression=None,
            open_timeout=HANDSHAKE_S + self._service.connect_s,
            ping_interval=config.ping_interval_s,
            ping_timeout=config.ping_timeout_s,
            close_timeout=CLOSE_S,
            max_size=(config.max_message_kib * 1024, config.max_frame_kib * 1024),
            max_queue=QUEUE_FRAMES,
            write_limit=WRITE_BYTES,
            create_connection=Door,
            ssl=tls,
            **where,
        )

    async def _stop(self, servers: list[Server]) -> None:
        for server in servers:
            server.close(code=1001, reason="the relay restarts")
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                for server in servers:
                    await server.wait_closed()
            return
        for connection in list(self._doors):  # those that neither read nor close
            connection.transport.abort()
        for server in servers:
            await server.wait_closed()

    # ------------------------------------------------------------ connections

    def arrived(self, connection: _Door) -> None:
        """A TCP connection; one too many is told so and closed."""
        self._doors.add(connection)
        if len(self._doors) > self._config.max_connections:
            self._house.metrics.turned_away += 1
            connection.transport.write(refused(FULL).serialize())
            connection.transport.close()

    def left(self, connection: _Door) -> None:
        """It is gone, whatever became of it."""
        self._doors.discard(connection)
        if connection.opened is not None and self._tasks is not None:  # nobody came to serve it
            talk, service = connection.opened
            connection.opened = None
            self._tasks.create_task(self._undo(talk, service), name="undo")

    async def _undo(self, talk: Talk, service: ClientConnection | None) -> None:
        try:
            if service is not None:
                await service.close(1001)
        finally:
            await self._house.dismiss(talk)

    # ------------------------------------------------------------ HTTP

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """None to let it become a websocket."""
        assert isinstance(connection, _Door)
        path = request.path.partition("?")[0]
        address = address_of(connection)
        if path == "/healthz":
            there = self._house.store_is_there
            content = {"status": "ok" if there else "store away", "sessions": self._house.sessions}
            return as_json(200 if there else 503, json.dumps(content).encode())
        if path == "/metrics" and self._may_read_metrics(address):
            return page(200, "text/plain; version=0.0.4", self._house.page().encode())
        refusal = await self._open(connection, request, address)
        return refused(refusal) if refusal else None

    def _may_read_metrics(self, address: str) -> bool:
        try:
            near = ipaddress.ip_address(address).is_loopback
        except ValueError:
            near = True  # a Unix socket
        return self._config.metrics == "all" or (self._config.metrics == "loopback" and near)

    async def _open(self, connection: _Door, request: Request, address: str) -> Refusal | None:
        headers = request.headers
        offered = headers.get_all("Sec-WebSocket-Protocol")
        visit = door.read(request.path, headers.get_all("Authorization"), offered, self._service.model)
        counts = self._house.metrics.refused
        if isinstance(visit, Refusal) or [one.lower() for one in headers.get_all("Upgrade")] != ["websocket"]:
            refusal = visit if isinstance(visit, Refusal) else NO_WEBSOCKET
            counts[refusal.code] += 1
            return refusal
        talk = await self._house.admit(visit, address)
        if isinstance(talk, Refusal):
            return talk
        answer: ClientConnection | Refusal | None = None
        try:
            answer = await self._connect(visit, request)
        finally:
            if not isinstance(answer, ClientConnection):
                await self._house.dismiss(talk)
        if isinstance(answer, Refusal):
            counts[answer.code] += 1
            return answer
        if connection.state is State.CLOSED:  # the client went meanwhile
            await self._undo(talk, answer)
        else:
            connection.opened = (talk, answer)
        return None

    async def _connect(self, visit: door.Visit, request: Request) -> ClientConnection | Refusal:
        url = self._service.url_of(visit.model)
        passed = [(name, request.headers[name]) for name in PASSED_HEADERS if len(request.headers.get_all(name)) == 1]
        secure: dict[str, Any] = {"ssl": self._tls} if url.startswith("wss:") else {}
        try:
            return await _Straight(
                url,
                additional_headers=[*passed, *self._service.headers],
                user_agent_header=None,
                subprotocols=[Subprotocol(name) for name in visit.subprotocols] or None,
                compression=None,
                proxy=True if self._service.proxy else None,
                open_timeout=self._service.connect_s,
                ping_interval=self._config.ping_interval_s,
                ping_timeout=self._config.ping_timeout_s,
                close_timeout=CLOSE_S,
                max_size=(self._config.max_message_kib * 1024, self._config.max_frame_kib * 1024),
                max_queue=QUEUE_FRAMES,
                write_limit=WRITE_BYTES,
                **secure,
            )
        except InvalidStatus as error:
            response = error.response
            refusal = of_service(response.status_code, bytes(response.body), response.headers.get("Retry-After"))
            log.log(
                logging.ERROR if refusal.code == "upstream_key_refused" else logging.WARNING,
                "The service refused a session: HTTP %d, %s.",
                response.status_code,
                refusal.code,
                extra=fields(event="ServiceRefused", status=response.status_code, code=refusal.code),
            )
            return refusal
        except TimeoutError:
            log.warning("The service did not answer in time.", extra=fields(event="ServiceSlow"))
            return SLOW_SERVICE
        except (OSError, WebSocketException, ValueError, ImportError) as error:
            log.warning("The service cannot be reached: %s.", type(error).__name__, extra=fields(event="ServiceAway"))
            return UNREACHABLE

    # ------------------------------------------------------------ sessions

    async def _serve(self, client: ServerConnection) -> None:
        assert isinstance(client, _Door)
        if client.opened is None:
            return
        talk, service = client.opened
        client.opened = None
        pump = Pump(client, service, talk, self._house, self._config.pace_kib * 1024)
        self._house.begin(talk, pump)
        try:
            await pump.run()
        finally:
            service.transport.abort()
            await self._house.dismiss(talk)


class _Straight(connect):
    """Connects to this address and no other: a redirect could lead the key to a stranger."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class _Door(ServerConnection):
    """A client's connection, from TCP on."""

    owner: Gate
    opened: tuple[Talk, ClientConnection] | None = None
    """What was opened for it and is not served yet."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self.owner.arrived(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        super().connection_lost(exc)
        self.owner.left(self)


def _select_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """What the service chose. A browser gives up if none of what it offered is chosen."""
    assert isinstance(connection, _Door)
    chosen = connection.opened[1].subprotocol if connection.opened else None
    return chosen if chosen in offered else None
