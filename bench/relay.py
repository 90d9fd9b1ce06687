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
import time
from dataclasses import dataclass

from proxies import Process, clients, proxies
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

CHUNK_MS = 100
APPEND = json.dumps(
    {"type": "input_audio_buffer.append", "audio": base64.b64encode(os.urandom(48 * CHUNK_MS)).decode()}
)
WARM_UP_S = 3.0


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


@dataclass
class Found:
    """Of one way and one number of streams."""

    times_ms: list[float]
    cpu_s: float
    """Of the proxy, in the time in which `times_ms` were taken."""
    seconds: float
    rss_kib: int

    @property
    def us_a_trip(self) -> float:
        """The proxy's CPU for a message there and one back: also fair when a busy machine let fewer through."""
        return self.cpu_s * 1e6 / max(1, len(self.times_ms))

    def __add__(self, other: Found) -> Found:
        return Found(
            sorted(self.times_ms + other.times_ms),
            self.cpu_s + other.cpu_s,
            self.seconds + other.seconds,
            max(self.rss_kib, other.rss_kib),
        )


async def load(proxy: Process, secret: str, count: int, seconds: float) -> Found:
    """Streams at the pace of speech for a while."""
    found_ms: list[float] = []
    async with clients(proxy.url, secret, count) as made:
        now_s = time.perf_counter()
        from_s, until_s = now_s + WARM_UP_S, now_s + WARM_UP_S + seconds
        async with asyncio.TaskGroup() as tasks:
            for number, client in enumerate(made):
                delay_s = CHUNK_MS / 1000 * number / count  # evenly, as strangers are
                tasks.create_task(stream(client, delay_s, until_s, found_ms, from_s))
            await asyncio.sleep(WARM_UP_S)
            before_s = proxy.cpu_s
            await asyncio.sleep(seconds)
            cpu_s, rss_kib = proxy.cpu_s - before_s, proxy.rss_kib
    return Found(sorted(found_ms), cpu_s, seconds, rss_kib)


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


async def streams(counts: list[int], seconds: float, rounds: int) -> None:
    print("| streams | way | round trip p50 / p95 / p99, ms | added | CPU | µs a round trip | RSS, MB |")
    print("|---|---|---|---|---|---|---|")
    for count in counts:
        found: dict[str, list[Found]] = {"direct": [], "bare": [], "relay": []}
        for _ in range(rounds):  # by turns, so that a busy machine is busy for all
            for kind, runs in found.items():
                with proxies((kind,)) as (made, secret):
                    runs.append(await load(made[kind], secret, count, seconds))
        whole = {kind: sum(runs[1:], runs[0]) for kind, runs in found.items()}
        for kind, one in whole.items():
            print(line(count, kind, one, whole["direct"]), flush=True)
        ratios = [
            relay.us_a_trip / max(1e-9, bare.us_a_trip)
            for relay, bare in zip(found["relay"], found["bare"], strict=True)
        ]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        ratio = whole["relay"].us_a_trip / max(1e-9, whole["bare"].us_a_trip)
        print(f"| {count} | relay / bare | | | | {ratio:.2f} ({each}) | |", flush=True)


def line(count: int, kind: str, one: Found, base: Found) -> str:
    shares = (0.5, 0.95, 0.99)
    trip = " / ".join(f"{at(one.times_ms, share):.2f}" for share in shares)
    if kind == "direct":
        return f"| {count} | {kind} | {trip} | | | | |"
    more = " / ".join(f"{at(one.times_ms, share) - at(base.times_ms, share):.2f}" for share in shares)
    own = f"{one.cpu_s / one.seconds:.3f} | {one.us_a_trip:.0f} | {one.rss_kib / 1024:.1f}"
    return f"| {count} | {kind} | {trip} | {more} | {own} |"


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
    print("| connections | of these failed | RSS, MB | descriptors | a second |\n|---|---|---|---|---|")
    with proxies(("relay",)) as (made, secret):
        proxy = made["relay"]
        began_s, left = time.perf_counter(), count

        failed = 0

        async def speaker() -> None:
            nonlocal left, failed
            while left > 0:
                left -= 1
                try:
                    async with clients(proxy.url, secret, 1) as (client,):
                        await client.send(APPEND)
                        await client.recv()
                except (WebSocketException, TimeoutError):  # a machine that is too busy to answer in 5 s
                    failed += 1

        for part in range(10):
            goal, left = count // 10, count // 10
            async with asyncio.TaskGroup() as tasks:
                for _ in range(at_once):
                    tasks.create_task(speaker())
            await asyncio.sleep(0.5)
            pace = goal * (part + 1) / (time.perf_counter() - began_s)
            done = goal * (part + 1)
            print(f"| {done} | {failed} | {proxy.rss_kib / 1024:.1f} | {proxy.descriptors} | {pace:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["streams", "idle", "churn"])
    parser.add_argument("--counts", default="1,10,50,200")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--count", type=int)
    options = parser.parse_args()
    match options.what:
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
