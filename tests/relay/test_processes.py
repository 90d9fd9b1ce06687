"""Two relays as processes of their own on one Redis: one is killed under load, Redis is killed under load."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.relay_rig import RedisServer, Upstream, make_token
from websockets.asyncio.client import connect
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
) -> Iterator[list[tuple[str, subprocess.Popen[str]]]]:
    """URL and process of each."""
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
            made.append(("", process))
        for number, (_, process) in enumerate(made):
            assert process.stderr
            line = process.stderr.readline()
            assert "The relay listens at " in line
            made[number] = ("ws://" + line.split("ws://")[1].split()[0], process)
        yield made
    finally:
        for _, process in made:
            process.terminate()  # and so hands over the bills of those who were shown out
            process.wait(15)
            if process.stderr:
                process.stderr.close()


async def speaker(urls: Iterator[str], secret: str, answers: list[str]) -> None:
    """Asks again and again; goes to the next relay when one is gone; gives up when its budget is spent."""
    while True:
        url = next(urls)
        try:
            async with connect(url, additional_headers={"Authorization": f"Bearer {secret}"}) as client:
                while True:
                    await client.send('{"type":"response.create"}')
                    while json.loads(await client.recv())["type"] != "response.done":
                        pass
                    answers.append(url)
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
    budget = 100 * PRICE
    await store.add(make_token("kitchen", secret, per_day_usd=budget))
    answers: list[str] = []
    with relays(2, redis_server, upstream.url, tmp_path) as both:
        urls = [url for url, _ in both]
        async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
            for number in range(speakers):
                order = itertools.cycle(urls[number % 2 :] + urls[: number % 2])
                tasks.create_task(speaker(order, secret, answers))
            while len(answers) < 30:  # noqa: ASYNC110 - they are others' answers
                await asyncio.sleep(0.01)
            both[0][1].kill()
            killed_at = len(answers)
        later = set(answers[killed_at + speakers :])
    assert later == {urls[1]}, "the other one serves on, those of the dead one too"
    spent = (await store.spent("kitchen", datetime.now().astimezone().date())).day
    await store.close()
    assert spent >= budget
    assert spent <= budget + speakers * PRICE
    # In flight: an answer for each speaker when the dead one died, and one when the budget was spent.
    assert service.billed * PRICE <= budget + (speakers // 2 + speakers) * PRICE


async def test_redis_is_killed_under_load_and_nobody_who_is_in_notices(
    redis_server: RedisServer, upstream: Upstream, service: Answering, tmp_path: Path
) -> None:
    store = RedisStore(redis_server.url)
    secret = new_secret()
    await store.add(make_token("kitchen", secret, per_day_usd=Decimal(1000)))
    await store.close()
    with relays(1, redis_server, upstream.url, tmp_path) as (only,):
        headers = {"Authorization": f"Bearer {secret}"}
        async with asyncio.timeout(40), connect(only[0], additional_headers=headers) as client:

            async def ask(count: int) -> None:
                for _ in range(count):
                    await client.send('{"type":"response.create"}')
                    while json.loads(await client.recv())["type"] != "response.done":
                        pass

            await ask(5)
            redis_server.kill()
            await ask(20)
            with pytest.raises(InvalidHandshake, match="503"):
                await connect(only[0], additional_headers=headers)
            redis_server.start()
            await ask(5)
            again = RedisStore(redis_server.url)
            today = datetime.now().astimezone().date()
            while (await again.spent("kitchen", today)).day < 25 * PRICE:
                await ask(1)  # it learns that Redis is back by the next beat
            await again.close()
