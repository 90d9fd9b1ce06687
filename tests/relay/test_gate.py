"""The door: who comes in, and how the others are told. On real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from support.relay_rig import KEY, Start, Upstream, hello, until
from support.relay_script import refusal
from websockets.typing import Subprotocol

from speakerd.relay.door import KEY_SUBPROTOCOL

OURS = Subprotocol("realtime")


async def test_a_token_opens_a_session_and_the_service_sees_the_key_alone(start: Start, upstream: Upstream) -> None:
    async with start() as rig:
        secret = await rig.token()
        async with rig.connect(secret) as client:
            await hello(client)
            await client.send("ping")
            assert await client.recv() == "ping"
        (request,) = upstream.requests
        assert request.headers.get_all("Authorization") == [f"Bearer {KEY}"]
        assert request.path == "/v1/realtime?model=gpt-realtime-2.1-mini"
        assert secret not in str(request)
        await until(lambda: len(rig.ended) == 1)
        (talk,) = rig.ended
        assert (talk.token.name, talk.ended_by, talk.code, talk.messages_up) == ("kitchen", "client", 1000, 1)


async def test_a_browser_shows_its_token_as_a_subprotocol_that_stays_here(start: Start, upstream: Upstream) -> None:
    async with start() as rig:
        secret = await rig.token()
        offered = [OURS, Subprotocol(KEY_SUBPROTOCOL + secret)]
        async with rig.connect("", subprotocols=offered) as client:
            await hello(client)
            assert client.subprotocol == "realtime"
        assert upstream.requests[0].headers.get_all("Sec-WebSocket-Protocol") == ["realtime"]


@pytest.mark.parametrize("secret", ["wrong", "spk-" + 43 * "x", "", "Bearer", 300 * "a", "käse"])
async def test_a_wrong_token_is_told_so_as_the_service_does(start: Start, upstream: Upstream, secret: str) -> None:
    async with start() as rig:
        await rig.token()
        status, error, headers = await refusal(rig.connect(secret.encode().decode("latin-1")))
        assert status == 401
        assert error["code"] == ("invalid_api_key" if secret else "missing_token")
        assert headers["WWW-Authenticate"] == "Bearer"
        assert not upstream.requests
        if secret:
            assert secret not in json.dumps(error).replace("Bearer", "", 1) or secret == "Bearer"


async def test_a_revoked_token_is_refused(start: Start) -> None:
    async with start() as rig:
        secret = await rig.token()
        await rig.store.revoke("kitchen")
        assert (await refusal(rig.connect(secret)))[0] == 401


async def test_a_model_that_the_token_may_not_use(start: Start, upstream: Upstream) -> None:
    async with start() as rig:
        secret = await rig.token(models=("gpt-realtime-2.1-mini",))
        status, error, _ = await refusal(rig.connect(secret, "?model=gpt-realtime-2.1"))
        assert (status, error["code"], error["param"]) == (403, "model_not_found", "model")
        assert not upstream.requests
        async with rig.connect(secret, "") as client:  # the usual one
            await hello(client)


async def test_what_would_reach_more_than_a_session_is_not_passed_on(start: Start, upstream: Upstream) -> None:
    async with start() as rig:
        secret = await rig.token()
        status, error, _ = await refusal(rig.connect(secret, "?model=m&call_id=somebody_elses"))
        assert (status, error["code"]) == (400, "unknown_parameter")
        assert (await refusal(rig.connect(secret, "?model=a&model=b")))[0] == 400
        assert not upstream.requests


async def test_sessions_of_a_token_and_of_the_relay_are_bounded_and_free_again(start: Start) -> None:
    async with start(max_sessions=3, sessions_per_token=2) as rig:
        kitchen, bath = await rig.token(), await rig.token("bath")
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(2):
                await stack.enter_async_context(rig.connect(kitchen))
            status, error, headers = await refusal(rig.connect(kitchen))
            assert (status, error["code"]) == (429, "rate_limit_exceeded")
            assert int(headers["Retry-After"]) > 0
            await stack.enter_async_context(rig.connect(bath))
            status, error, _ = await refusal(rig.connect(bath))
            assert (status, error["code"]) == (503, "server_overloaded")
        await until(lambda: rig.house.sessions == 0)
        async with rig.connect(kitchen) as client:
            await hello(client)


async def test_a_token_that_connects_too_often_waits(start: Start) -> None:
    async with start(starts_per_minute=3) as rig:
        secret = await rig.token()
        for _ in range(3):
            async with rig.connect(secret) as client:
                await hello(client)
        assert (await refusal(rig.connect(secret)))[0] == 429


async def test_a_flood_of_wrong_tokens_costs_no_look_up_and_disturbs_nobody(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(failures_per_minute=5) as rig:
        secret = await rig.token()
        async with rig.connect(secret) as client:
            await hello(client)
        statuses = [(await refusal(rig.connect("spk-" + 43 * "x")))[0] for _ in range(8)]
        assert statuses == 5 * [401] + 3 * [429]

        async def find(_digest: str) -> None:
            raise AssertionError("looked up")

        with monkeypatch.context() as patched:
            patched.setattr(rig.store, "find", find)
            assert (await refusal(rig.connect("spk-" + 43 * "y")))[0] == 429
        async with rig.connect(secret) as client:  # from the same address
            await hello(client)


async def test_connections_beyond_the_bound_are_told_so_and_those_within_are_served(start: Start) -> None:
    async with start(max_connections=3) as rig:
        secret = await rig.token()
        silent = [await asyncio.open_connection("127.0.0.1", rig.port) for _ in range(2)]
        async with rig.connect(secret) as client:
            await hello(client)
            status, error, _ = await refusal(rig.connect(secret))
            assert (status, error["code"]) == (503, "server_overloaded")
            assert rig.house.metrics.turned_away == 1
            await client.send("still there")
            assert await client.recv() == "still there"
        for _, writer in silent:
            writer.close()
            await writer.wait_closed()
        await until(lambda: rig.house.sessions == 0)
        async with rig.connect(secret) as client:
            await hello(client)


async def test_who_says_nothing_is_closed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerd.relay.gate.HANDSHAKE_S", 0.1)
    async with start(connect_s=0.1) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\n")  # and no end
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
