"""Two relays as processes of their own, behind a balancer, on one Redis: a relay is killed under load, then Redis."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.balancer import balancing
from support.relay_rig import RedisServer, Upstream, make_token
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from speakerd.relay.redis_store import RedisStore
from speakerd.relay.tokens import new_secret

PRICE = Decimal("0.024")
"""Of an answer: 10,000 tokens of the small model's text."""


def done() -> str:
    usage = {"input_tokens": 0, "output_tokens": 10_000, "output_token_details": {"text_tokens": 10_000}}
    return json.dumps({"type": "response.done", "response": {"id": "r", "usage": usage}})


class Answering:
    """A service whose answers take 20 ms; it counts those that it billed."""

    def __init__(self) -> None:
        self.billed = 0

    async def __call__(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                if json.loads(message)["type"] != "response.create":
                    continue
                await socket.send('{"type":"response.created","response":{"id":"r"}}')
                await asyncio.sleep(0.02)
                self.billed += 1
                await socket.send(done())


@contextlib.contextmanager
def relays(
    count: int, redis: RedisServer, service: str, folder: Path
) -> Iterator[list[tuple[int, subprocess.Popen[str]]]]:
    """Port and process of each."""
    config = folder / "c.yaml"
    limits = "port: 0, sessions_per_token: 100, starts_per_minute: 0"
    config.write_text(f"realtime: {{url: '{service}'}}\nrelay: {{{limits}, state: '{redis.url}'}}\n")
    made = []
    try:
        for number in range(count):
            process = subprocess.Popen(
                [sys.executable, "-m", "speakerd", "relay", "--config", str(config)],
                env={**os.environ, "STATE_DIRECTORY": str(folder / str(number))},
                stderr=subprocess.PIPE,
                text=True,
            )
            made.append((0, process))
        for number, (_, process) in enumerate(made):
            assert process.stderr
            line = process.stderr.readline()
            assert "The relay listens at " in line
            made[number] = (int(line.split("ws://")[1].split(":")[1].split("/")[0]), process)
        yield made
    finally:
        for _, process in made:
            process.terminate()  # and so hands over the bills of those who were shown out
            process.wait(15)
            if process.stderr:
                process.stderr.close()


async def ask(client: ClientConnection) -> None:
    """One question, and its answer."""
    await client.send('{"type":"response.create"}')
    while json.loads(await client.recv())["type"] != "response.done":
        pass


async def speaker(url: str, secret: str, answers: list[int], number: int) -> None:
    """Asks again and again; connects anew when its relay is gone; gives up when its budget is spent."""
    while True:
        try:
            async with connect(url, additional_headers={"Authorization": f"Bearer {secret}"}) as client:
                while True:
                    await ask(client)
                    answers.append(number)
        except ConnectionClosed as error:
            if error.rcvd is not None and "insufficient_quota" in error.rcvd.reason:
                return
        except InvalidHandshake as error:
            if "429" in str(error):
                return
            await asyncio.sleep(0.05)
        except OSError:
            await asyncio.sleep(0.01)


@pytest.fixture
def service(upstream: Upstream) -> Answering:
    upstream.serve = answering = Answering()
    return answering


async def test_one_is_killed_under_load_and_the_budget_holds(
    redis_server: RedisServer, upstream: Upstream, service: Answering, tmp_path: Path
) -> None:
    store = RedisStore(redis_server.url)
    secret, speakers = new_secret(), 10
    budget = 400 * PRICE
    await store.add(make_token("kitchen", secret, per_day_usd=budget))
    answers: list[int] = []
    with relays(2, redis_server, upstream.url, tmp_path) as both:
        ports = [port for port, _ in both]
        async with balancing(ports) as balancer:
            url = f"ws://127.0.0.1:{balancer.port}/v1/realtime"
            async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
                for number in range(speakers):
                    tasks.create_task(speaker(url, secret, answers, number))
                while len(answers) < 30:  # noqa: ASYNC110 - they are others' answers
                    await asyncio.sleep(0.01)
                both[0][1].kill()
                both[0][1].wait()
                killed_at, before = len(answers), len(balancer.led_to)
            assert set(balancer.led_to[:before]) == set(ports), "both had their share"
            assert set(balancer.led_to[before:]) == {ports[1]}, "those of the dead one came to the other"
    assert set(answers[killed_at + speakers :]) == set(range(speakers)), "and are answered there"
    spent = (await store.spent("kitchen", datetime.now().astimezone().date())).day
    await store.close()
    assert spent >= budget
    assert spent <= budget + speakers * PRICE
    # In flight: an answer for each speaker when the dead one died, and one when the budget was spent.
    assert service.billed * PRICE <= budget + (balancer.led_to[:before].count(ports[0]) + speakers) * PRICE


async def test_redis_is_killed_under_load_and_nobody_who_is_in_notices(
    redis_server: RedisServer, upstream: Upstream, service: Answering, tmp_path: Path
) -> None:
    store = RedisStore(redis_server.url)
    secret = new_secret()
    await store.add(make_token("kitchen", secret, per_day_usd=Decimal(1000)))
    await store.close()
    headers, slowest_s = {"Authorization": f"Bearer {secret}"}, 0.0
    with relays(2, redis_server, upstream.url, tmp_path) as both:
        async with asyncio.timeout(40), balancing([port for port, _ in both]) as balancer, AsyncExitStack() as stack:
            url = f"ws://127.0.0.1:{balancer.port}/v1/realtime"

            def dial() -> connect:
                return connect(url, additional_headers=headers)

            async def ask_all(count: int) -> None:
                nonlocal slowest_s
                for _ in range(count):
                    began_s = time.monotonic()
                    await asyncio.gather(*map(ask, clients))
                    slowest_s = max(slowest_s, time.monotonic() - began_s)

            clients = [await stack.enter_async_context(dial()) for _ in range(4)]
            assert len(set(balancer.led_to)) == 2
            await ask_all(5)
            redis_server.kill()
            await ask_all(20)
            for _ in both:
                with pytest.raises(InvalidHandshake, match="503"):
                    await dial()
            redis_server.start()
            await ask_all(5)
            again = RedisStore(redis_server.url)
            today = datetime.now().astimezone().date()
            while (await again.spent("kitchen", today)).day < 25 * len(clients) * PRICE:
                await ask_all(1)  # they learn that Redis is back by the next beat
            await again.close()
    assert slowest_s < 3.0, "nobody waits for Redis"
