"""Two relays that share a real Redis: what holds over both, and what happens while it is away."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from support.relay_rig import RedisServer, Rig, Start, Upstream, hello, until
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from speakerd.relay.redis_store import RedisStore
from speakerd.relay.store import StoreAwayError

BEGUN = '{"type":"response.created","response":{"id":"r"}}'


def done(text_out: int) -> str:
    """A million tokens are 2.40 US dollars."""
    usage = {"input_tokens": 0, "output_tokens": text_out, "output_token_details": {"text_tokens": text_out}}
    return json.dumps({"type": "response.done", "response": {"id": "r", "usage": usage}})


async def answering(socket: ServerConnection) -> None:
    """A service that answers a tenth of a million tokens to whatever it is asked: 0.24 US dollars."""
    await socket.send('{"type":"session.created","session":{"type":"realtime"}}')
    async for message in socket:
        if "ask" in str(message):
            await socket.send(BEGUN)
            await socket.send(done(100_000))
        else:
            await socket.send(message)


@pytest.fixture
async def fleet(start: Start, redis_server: RedisServer, upstream: Upstream) -> AsyncIterator[list[Rig]]:
    """Two relays, each with connections of its own to the one Redis."""
    upstream.serve = answering
    async with contextlib.AsyncExitStack() as stack:
        rigs = []
        for number in range(2):
            store = RedisStore(redis_server.url)
            stack.push_async_callback(store.close)
            rigs.append(await stack.enter_async_context(start(store, ledger=f"usage{number}", sessions_per_token=3)))
        yield rigs


async def read_all(client: ClientConnection) -> None:
    """Until it is closed, with whatever code."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await client.recv()


async def status_of(rig: Rig, secret: str) -> int:
    """Of the refusal."""
    attempt = rig.connect(secret)
    with pytest.raises(InvalidStatus) as caught:
        await attempt
    return caught.value.response.status_code


async def test_tokens_and_session_counts_hold_over_both(fleet: list[Rig]) -> None:
    one, other = fleet
    secret = await one.token()
    async with one.connect(secret) as a, one.connect(secret) as b, other.connect(secret) as c:
        for client in (a, b, c):
            await hello(client)
        assert await status_of(other, secret) == 429
        assert await status_of(one, secret) == 429
    await until(lambda: one.house.sessions + other.house.sessions == 0)
    async with other.connect(secret) as client:
        await hello(client)
        await one.store.revoke("kitchen")
        await other.house.beat()
        await read_all(client)
        assert client.close_code == 1008


async def test_a_budget_holds_over_both(fleet: list[Rig]) -> None:
    """Ten tries over two relays: four answers are paid for, and at most one more was in flight in each session."""
    one, other = fleet
    secret = await one.token(per_day_usd=Decimal("0.96"))
    async with one.connect(secret) as a, other.connect(secret) as b:
        for client in (a, b):
            await hello(client)
        for _ in range(5):
            for client in (a, b):
                with contextlib.suppress(ConnectionClosed):
                    await client.send("ask")
                    while json.loads(await client.recv())["type"] != "response.done":
                        pass
    await until(lambda: len(one.ended) + len(other.ended) == 2)
    await one.till.flush()
    await other.till.flush()
    spent = (await one.store.spent("kitchen", one.till.today())).day
    assert spent == sum(talk.usd for rig in fleet for talk in rig.ended)
    assert Decimal("0.96") <= spent <= Decimal("0.96") + 2 * Decimal("0.24")
    assert await status_of(one, secret) == await status_of(other, secret) == 429


async def test_a_response_that_begins_when_the_other_relay_spent_the_last_is_cancelled(
    fleet: list[Rig], upstream: Upstream
) -> None:
    one, other = fleet
    secret = await one.token(per_day_usd=Decimal("0.24"))
    cancelled: list[str] = []

    async def slow(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(BEGUN)
        async for message in socket:
            cancelled.append(json.loads(message)["type"])
            await socket.send(done(5))

    async with one.connect(secret) as a:
        upstream.serve = slow
        async with other.connect(secret) as b:
            await a.send("ask")
            await read_all(a)
            await b.send("ask")
            await read_all(b)
            assert a.close_code == b.close_code == 1008
    await until(lambda: len(other.ended) == 1)
    assert cancelled == ["response.cancel"]
    assert other.ended[0].usd == Decimal("0.000012")


async def test_while_redis_is_dead_the_running_talk_on_and_nobody_else_comes_in(
    fleet: list[Rig], redis_server: RedisServer
) -> None:
    one, other = fleet
    secret = await one.token()
    async with one.connect(secret) as client:
        await hello(client)
        redis_server.kill()
        assert await status_of(one, secret) == 503
        assert await status_of(other, secret) == 503
        for rig in fleet:
            await rig.house.beat()
        assert (await one.get("/healthz"))[0] == 503
        for _ in range(3):
            await client.send("ask")
            while json.loads(await client.recv())["type"] != "response.done":
                pass
        await one.house.check_budgets()
        assert one.till.waiting == Decimal("0.72")

        redis_server.start()  # empty: it kept nothing
        for rig in fleet:
            await rig.house.beat()
        assert (await one.get("/healthz"))[0] == 200
        await client.send("still there")
        assert await client.recv() == "still there"
        await one.house.check_budgets()
        assert (await other.store.spent("kitchen", one.till.today())).day == Decimal("0.72"), "nothing was lost here"
        assert await status_of(one, secret) == 401, "the tokens are lost: Redis kept nothing"
        again = await one.token()
        async with other.connect(again) as third, other.connect(again) as fourth:
            await hello(third)
            await hello(fourth)
            assert await status_of(other, again) == 429, "the running session was counted again"


async def test_a_redis_that_answers_nothing_is_away_soon(
    start: Start, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerd.relay.redis_store.ANSWER_S", 0.1)
    store = RedisStore(redis_server.url)
    async with start(store) as rig:
        secret = await rig.token()
        async with rig.connect(secret) as client:
            await hello(client)
            redis_server.freeze()
            assert await status_of(rig, secret) == 503
            await client.send("x")
            assert await client.recv() == "x"
            redis_server.thaw()
            async with rig.connect(secret) as another:
                await hello(another)
    await store.close()


async def test_a_relay_that_died_leaves_its_sessions_to_expire(
    start: Start, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerd.relay.redis_store.LEASE_S", 0.3)
    store = RedisStore(redis_server.url)
    async with start(store, sessions_per_token=1) as rig:
        secret = await rig.token()
        async with rig.connect(secret) as client:
            await hello(client)
            monkeypatch.setattr(store, "renew", lambda _leases: None)  # it hears of no beat any more
            assert await status_of(rig, secret) == 429

            async def is_free() -> bool:
                try:
                    async with rig.connect(secret):
                        return True
                except InvalidStatus:
                    return False

            while not await is_free():
                pass
    await store.close()


async def test_what_is_no_redis(start: Start) -> None:
    store = RedisStore("redis://127.0.0.1:1")
    with pytest.raises(StoreAwayError):
        await store.find("x")
    async with start(store) as rig:
        assert await status_of(rig, "spk-" + 43 * "a") == 503
    await store.close()
