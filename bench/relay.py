"""What the relay adds: latency, CPU and memory, beside a bare pass-through by the same library in the same run.

    python bench/relay.py streams [--counts 1,10,50,200] [--seconds 20]   sound at real-time pace, both ways
    python bench/relay.py idle [--count 200]                              memory of quiet connections
    python bench/relay.py churn [--count 10000]                           connections in a row: leaks

A service, the proxy and the speakers are a process each. The service echoes each message, so a round trip goes twice
through the proxy. What is measured of the proxy is told by /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

CHUNK_MS = 100
APPEND = json.dumps(
    {"type": "input_audio_buffer.append", "audio": base64.b64encode(os.urandom(48 * CHUNK_MS)).decode()}
)
TICKS = os.sysconf("SC_CLK_TCK")
WIRE = {"compression": None, "max_size": 2**24}
WARM_UP_S = 3.0


# ---------------------------------------------------------------- the three processes


async def service() -> None:
    """Echoes."""

    async def handle(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                await socket.send(message)

    async with serve(handle, "127.0.0.1", 0, **WIRE) as server:
        tell(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime")
        await asyncio.Future()


async def bare(url: str) -> None:
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


# ---------------------------------------------------------------- what is measured


async def stream(
    client: ClientConnection, delay_s: float, until_s: float, found_ms: list[float], from_s: float
) -> None:
    """Send at the pace of speech; the round trip of each message that was sent after `from_s`."""
    due_s = time.perf_counter() + delay_s
    while (now_s := time.perf_counter()) < until_s:
        if due_s > now_s:
            await asyncio.sleep(due_s - now_s)
        sent_s = time.perf_counter()
        await client.send(APPEND)
        await client.recv()
        if sent_s > from_s:
            found_ms.append((time.perf_counter() - sent_s) * 1000)
        due_s += CHUNK_MS / 1000


async def load(proxy: Process, secret: str, count: int, seconds: float) -> tuple[list[float], float, int]:
    """Round trips in ms, sorted; CPU seconds a second of the proxy; its RSS, KiB."""
    found_ms: list[float] = []
    async with clients(proxy.url, secret, count) as made:
        now_s = time.perf_counter()
        from_s, until_s = now_s + WARM_UP_S, now_s + WARM_UP_S + seconds
        async with asyncio.TaskGroup() as tasks:
            for number, client in enumerate(made):
                delay_s = CHUNK_MS / 1000 * number / count  # evenly, as strangers are
                tasks.create_task(stream(client, delay_s, until_s, found_ms, from_s))
            await asyncio.sleep(WARM_UP_S)
            before_s, at_s = proxy.cpu_s, time.perf_counter()
            await asyncio.sleep(seconds - 0.2)
            cpu = (proxy.cpu_s - before_s) / (time.perf_counter() - at_s)
            rss_kib = proxy.rss_kib
    return sorted(found_ms), cpu, rss_kib


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


async def streams(counts: list[int], seconds: float, rounds: int) -> None:
    print("| streams | way | round trip p50 / p95 / p99, ms | added, p50 / p95 / p99 | CPU | a stream | RSS, MB |")
    print("|---|---|---|---|---|---|---|")
    for count in counts:
        found: dict[str, tuple[list[float], list[float], int]] = {}
        for _ in range(rounds):  # by turns, so that a busy machine is busy for all
            for kind in ("direct", "bare", "relay"):
                with proxies((kind,)) as (made, secret):
                    times, cpu, rss_kib = await load(made[kind], secret, count, seconds)
                old = found.get(kind, ([], [], 0))
                found[kind] = (sorted(old[0] + times), [*old[1], cpu], max(old[2], rss_kib))
        base = found["direct"][0]
        for kind, (times, cpus, rss_kib) in found.items():
            cpu = sum(cpus) / len(cpus)
            trip = " / ".join(f"{at(times, share):.2f}" for share in (0.5, 0.95, 0.99))
            more = " / ".join(f"{at(times, share) - at(base, share):.2f}" for share in (0.5, 0.95, 0.99))
            own = f"{cpu:.3f} | {1000 * cpu / count:.2f} ms/s | {rss_kib / 1024:.1f}" if kind != "direct" else "| | "
            print(f"| {count} | {kind} | {trip} | {more if kind != 'direct' else ''} | {own} |", flush=True)
        ratio = sum(found["relay"][1]) / max(1e-9, sum(found["bare"][1]))
        each = ", ".join(f"{a / max(1e-9, b):.2f}" for a, b in zip(found["relay"][1], found["bare"][1], strict=True))
        print(f"| {count} | relay / bare | | | {ratio:.2f} ({each}) | | |", flush=True)


async def idle(count: int) -> None:
    print("| way | RSS before, MB | with | KiB a connection | after |\n|---|---|---|---|---|")
    for kind in ("bare", "relay"):
        with proxies((kind,)) as (made, secret):
            proxy = made[kind]
            async with clients(proxy.url, secret, 2) as few:
                await asyncio.gather(*(client.send("x") for client in few))
            await asyncio.sleep(1)
            before = proxy.rss_kib
            async with clients(proxy.url, secret, count):
                await asyncio.sleep(2)
                during = proxy.rss_kib
            await asyncio.sleep(2)
            figures = f"{before / 1024:.1f} | {during / 1024:.1f} | {(during - before) / count:.1f}"
            print(f"| {kind}, {count} | {figures} | {proxy.rss_kib / 1024:.1f} |", flush=True)


async def churn(count: int, at_once: int = 8) -> None:
    print("| connections | RSS, MB | descriptors | a second |\n|---|---|---|---|")
    with proxies(("relay",)) as (made, secret):
        proxy = made["relay"]
        began_s, left = time.perf_counter(), count

        async def speaker() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                async with clients(proxy.url, secret, 1) as (client,):
                    await client.send(APPEND)
                    await client.recv()

        for part in range(10):
            goal, left = count // 10, count // 10
            async with asyncio.TaskGroup() as tasks:
                for _ in range(at_once):
                    tasks.create_task(speaker())
            await asyncio.sleep(0.5)
            pace = goal * (part + 1) / (time.perf_counter() - began_s)
            done = goal * (part + 1)
            print(f"| {done} | {proxy.rss_kib / 1024:.1f} | {proxy.descriptors} | {pace:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["streams", "idle", "churn", "service", "bare", "relay"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--counts", default="1,10,50,200")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--count", type=int)
    options = parser.parse_args()
    match options.what:
        case "service":
            work = service()
        case "bare":
            work = bare(options.rest[0])
        case "relay":
            work = relay(*options.rest)
        case "streams":
            work = streams([int(one) for one in options.counts.split(",")], options.seconds, options.rounds)
        case "idle":
            work = idle(options.count or 200)
        case _:
            work = churn(options.count or 10_000)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(work)


if __name__ == "__main__":
    main()
