"""The processes of bench/relay.py: a service, a bare proxy, the relay, each seen from outside.

python bench/proxies.py service | bare URL TOKEN | relay URL TOKEN        prints where it listens
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TICKS = os.sysconf("SC_CLK_TCK")
WIRE = {"compression": None, "max_size": 2**24}


async def service() -> None:
    """Echoes."""

    async def handle(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                await socket.send(message)

    async with serve(handle, "127.0.0.1", 0, **WIRE) as server:
        tell(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime")
        await asyncio.Future()


async def bare(url: str, _secret: str) -> None:
    """The least that a proxy by this library can be."""

    async def carry(source: ServerConnection | ClientConnection, sink: ServerConnection | ClientConnection) -> None:
        with contextlib.suppress(Exception):
            async for message in source:
                await sink.send(message)
        await sink.close()

    async def handle(client: ServerConnection) -> None:
        async with connect(url, proxy=None, **WIRE) as upstream, asyncio.TaskGroup() as tasks:
            tasks.create_task(carry(client, upstream))
            tasks.create_task(carry(upstream, client))

    async with serve(handle, "127.0.0.1", 0, **WIRE) as server:
        tell(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime")
        await asyncio.Future()


async def relay(url: str, secret: str) -> None:
    """The relay as `speakerd relay` runs it, with a token that has a budget and rules."""
    from decimal import Decimal

    from speakerd.config.model import Config
    from speakerd.porter import make_store, serving
    from speakerd.relay.tokens import Token, digest_of

    limits = {"max_sessions": 10_000, "max_connections": 10_000, "sessions_per_token": 10_000, "starts_per_minute": 0}
    config = Config.model_validate({"realtime": {"url": url}, "relay": {"port": 0, **limits}})
    store = make_store(config.relay, os.environ)
    rights = {"voices": ("marin",), "models": (config.realtime.model,), "per_day_usd": Decimal(5)}
    await store.add(Token(name="bench", digest=digest_of(secret), created="now", **rights))
    async with serving(config, None, os.environ) as (_, addresses):
        tell(addresses[0])
        await asyncio.Future()


def tell(line: str) -> None:
    print(line, flush=True)


# ---------------------------------------------------------------- one of them, from outside


@dataclass
class Process:
    """A child and where it listens."""

    url: str
    pid: int

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextlib.contextmanager
def process(*arguments: str, state: str) -> Iterator[Process]:
    child = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "STATE_DIRECTORY": state},
    )
    try:
        assert child.stdout
        yield Process(child.stdout.readline().strip(), child.pid)
    finally:
        child.terminate()
        child.wait(20)


@contextlib.contextmanager
def proxies(kinds: tuple[str, ...]) -> Iterator[tuple[dict[str, Process], str]]:
    """The proxies of these kinds in front of one service, and the token."""
    secret = "spk-" + base64.urlsafe_b64encode(os.urandom(30)).decode()
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(tempfile.TemporaryDirectory())
        upstream = stack.enter_context(process("service", state=state))
        made = {"direct": upstream}
        for kind in kinds:
            if kind != "direct":
                made[kind] = stack.enter_context(process(kind, upstream.url, secret, state=state))
        yield made, secret


@contextlib.asynccontextmanager
async def clients(url: str, secret: str, count: int) -> AsyncIterator[list[ClientConnection]]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            one = connect(url, additional_headers=headers, proxy=None, ping_interval=None, **WIRE)
            made.append(await stack.enter_async_context(one))
        yield made


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run({"service": service, "bare": bare, "relay": relay}[name](*arguments))
