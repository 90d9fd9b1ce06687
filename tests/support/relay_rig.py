"""A relay on real sockets, a service behind it that does what the test says, a real Redis where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from speakerd.config.model import Relay
from speakerd.purse.ledger import Ledger
from speakerd.purse.pricelist import load_prices
from speakerd.relay.gate import Gate, Service
from speakerd.relay.house import House
from speakerd.relay.store import Store
from speakerd.relay.talk import Talk
from speakerd.relay.till import Till
from speakerd.relay.tokens import Token, digest_of, new_secret

KEY = "sk-the-key-of-the-service"
CREATED = '{"type":"session.created","session":{"type":"realtime"}}'


async def echo(socket: ServerConnection) -> None:
    """A service that says hello, and then what it hears."""
    await socket.send(CREATED)
    async for message in socket:
        await socket.send(message)


@dataclass
class Upstream:
    """The service, as a test wants it."""

    serve: Callable[[ServerConnection], Awaitable[None]] = echo
    answer: Callable[[ServerConnection, Request], Response | None] = lambda _socket, _request: None
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    async def handle(self, socket: ServerConnection) -> None:
        await self.serve(socket)

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return self.answer(socket, request)


@contextlib.asynccontextmanager
async def serve_upstream() -> AsyncIterator[Upstream]:
    """A service on this machine, meanwhile."""
    one = Upstream()

    def choose(_socket: ServerConnection, offered: Any) -> Subprotocol | None:
        return Subprotocol("realtime") if "realtime" in offered else None

    options = {"compression": None, "max_size": 2**26, "close_timeout": 0.5}
    async with serve(
        one.handle, "127.0.0.1", 0, process_request=one.admit, select_subprotocol=choose, **options
    ) as server:
        one.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime"
        yield one


@dataclass
class Rig:
    """A relay that runs."""

    url: str
    house: House
    store: Store
    till: Till
    ended: list[Talk]

    async def token(self, name: str = "kitchen", **rights: Any) -> str:
        """A new token's secret."""
        secret = new_secret()
        assert await self.store.add(make_token(name, secret, **rights))
        return secret

    def connect(self, secret: str, query: str = "?model=gpt-realtime-2.1-mini", **options: Any) -> connect:
        """As a speaker does."""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return connect(self.url + query, additional_headers=headers, compression=None, **{"max_size": 2**26, **options})

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].split("/")[0])

    async def get(self, path: str, *headers: str) -> tuple[int, str]:
        """Status and body of a plain HTTP request."""
        head, _, body = (await self.talk(f"GET {path} HTTP/1.1", "Host: x", *headers)).partition("\r\n\r\n")
        return int(head.split(" ", 2)[1]), body

    async def talk(self, *lines: str) -> str:
        """What comes back for these lines, until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            return (await asyncio.wait_for(reader.read(), 30)).decode()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def make_token(name: str, secret: str, **rights: Any) -> Token:
    return Token(name=name, digest=digest_of(secret), created="2026-11-23T02:00:00+00:00", **rights)


Start = Callable[..., contextlib.AbstractAsyncContextManager[Rig]]


@contextlib.asynccontextmanager
async def serve_relay(
    store: Store,
    url: str,
    ledger: Path,
    clock: Callable[[], datetime],
    tls: Any = None,
    connect_s: float = 20.0,
    proxy: bool = False,
    **config: Any,
) -> AsyncIterator[Rig]:
    """A relay that leads to `url`, meanwhile, `proxy`: by that of the environment; `config`: keys of its section."""
    relay = Relay.model_validate({"port": 0, **config})
    till = Till(store, Ledger(ledger), load_prices(), clock)
    ended: list[Talk] = []
    house = House(relay, store, till, time.monotonic, ended.append)
    service = Service(
        model="gpt-realtime-2.1-mini",
        url_of=lambda model: f"{url}?model={model}",
        headers=(("Authorization", f"Bearer {KEY}"),),
        connect_s=connect_s,
        proxy=proxy,
    )
    async with Gate(relay, service, house).open(tls=tls) as addresses:
        yield Rig(addresses[0], house, store, till, ended)
    await till.close()


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for what other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - whatever the condition is of
            await asyncio.sleep(0.005)


async def hello(client: ClientConnection) -> None:
    """The first message of every session."""
    assert await client.recv() == CREATED


def redis_program() -> str | None:
    """Redis itself: Debian's redis-tools has it by another name, without the service of redis-server."""
    return shutil.which("redis-server") or shutil.which("redis-check-rdb")


class RedisServer:
    """A real one on a Unix socket, without a disk: what it forgets when it is killed is forgotten."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        program = redis_program()
        assert program
        options = ["--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["redis-server", *options, "--logfile", str(self._log), "--dir", str(self._socket.parent)],
            executable=program,
        )
        for _ in range(500):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
                one.connect(str(self._socket))
                one.sendall(b"PING\r\n")
                if one.recv(16) == b"+PONG\r\n":
                    return
            time.sleep(0.01)
        raise AssertionError(self._log.read_text())

    def kill(self) -> None:
        """As a power failure does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self.thaw()
            self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None
