"""A Realtime server that works, until a fault is armed that happens to it. The faults themselves are in `faults`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

from support.faulty_peer import Fault, Peer, Stage
from support.own_loop import OwnLoop
from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class FaultyServer(OwnLoop):
    """`url` is where it listens. `arm` and `heal` may be called in any other thread."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.fault: Fault | None = None
        self.fired, self.over = threading.Event(), threading.Event()
        """The armed fault happened; it is over, as far as the server can tell."""
        self.connections: list[Peer] = []
        self.healed = asyncio.Event()
        """Set while no fault is armed; for faults that last."""
        self._taken = False

    def __exit__(self, *reason: object) -> None:
        """Stop."""
        self.heal()
        super().__exit__(*reason)

    def arm(self, fault: Fault) -> None:
        """The next time that its moment comes this happens. Connections that are open are dropped for a handshake."""

        def arm() -> None:
            self.fired.clear()
            self.over.clear()
            self.healed.clear()
            self.fault, self._taken = fault, False
            if fault.stage in (Stage.HANDSHAKE, Stage.CONNECTED, Stage.UPDATE):
                for peer in self.connections:
                    peer.connection.transport.abort()

        self.call(arm, 30)

    def heal(self) -> None:
        """All is well from now on: what was held up goes on, what was broken stays so."""

        def heal() -> None:
            self.fault = None
            self.healed.set()

        self.call(heal, 30)

    def take(self, stage: Stage) -> Fault | None:
        """The armed fault, if this is its moment and it did not happen yet; handshakes fail as long as it is armed."""
        fault = self.fault
        if fault is None or fault.stage is not stage or (self._taken and stage is not Stage.HANDSHAKE):
            return None
        self._taken = True
        self.fired.set()
        return fault

    async def _handshake(self, connection: ServerConnection, _request: Request) -> Response | None:
        fault = self.take(Stage.HANDSHAKE)
        if fault is None:
            return None
        try:
            answer: Response | None = await fault.act((self, connection))
        finally:
            self.over.set()
        return answer

    async def _handle(self, connection: ServerConnection) -> None:
        peer = Peer(self, connection)
        self.connections.append(peer)
        try:
            with contextlib.suppress(ConnectionClosed):
                await peer.serve()
        finally:
            self.connections.remove(peer)
            for task in list(peer.tasks):
                task.cancel()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """The socket."""
        logger = logging.getLogger("faulty_server")
        logger.setLevel(logging.CRITICAL + 1)  # it does on purpose what the library complains about
        options: Any = {"open_timeout": None, "close_timeout": 0.5, "ping_interval": None, "logger": logger}
        async with serve(
            self._handle, sock=_listener(), process_request=self._handshake, max_size=None, **options
        ) as server:
            self.url = f"ws://127.0.0.1:{_port(server)}/v1/realtime"
            yield
            for peer in list(self.connections):
                peer.connection.transport.abort()


def _listener() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # whoever does not read is noticed soon
    listener.bind(("127.0.0.1", 0))
    listener.listen(50)
    return listener


def _port(server: Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
