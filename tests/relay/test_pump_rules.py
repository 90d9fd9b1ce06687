"""What passes between the two sockets, held to the rules and billed. On real sockets."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from support.relay_rig import Rig, Start, Upstream, hello, until
from support.relay_script import BEGUN, VOICE, Script, closing, done, next_of, update
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from speakerd.relay import policy
from speakerd.relay.house import BEAT_S
from speakerd.relay.store import LEASE_S, Receipt

# ------------------------------------------------------------ rules


async def refused(client: ClientConnection) -> dict[str, Any]:
    """The error that came instead."""
    event = json.loads(await client.recv())
    assert event["type"] == "error"
    assert event["event_id"]
    return event["error"]


async def test_a_voice_that_the_token_may_not_use_stays_here_and_the_session_goes_on(
    start: Start, upstream: Upstream
) -> None:
    script = upstream.serve = Script()
    async with start() as rig, rig.connect(await rig.token(voices=("marin",))) as client:
        await client.send(update(**VOICE))
        error = await refused(client)
        assert (error["code"], error["event_id"]) == ("voice_not_allowed", "mine")
        assert error["param"] == "session.audio.output.voice"
        await client.send(update(audio={"output": {"voice": "marin"}}))
        assert json.loads(await next_of(script))["session"]["audio"]["output"]["voice"] == "marin"
        assert rig.house.metrics.objected == {"voice_not_allowed": 1}


@pytest.mark.parametrize("size", [1, 10, 1000])
async def test_pieces_do_not_hide_it(start: Start, upstream: Upstream, size: int) -> None:
    script = upstream.serve = Script()
    text = update(**VOICE)
    async with start() as rig, rig.connect(await rig.token(voices=("marin",))) as client:
        await client.send([text[i : i + size] for i in range(0, len(text), size)])
        assert (await refused(client))["code"] == "voice_not_allowed"
        await client.send("x")
        assert await next_of(script) == "x"


async def test_length_does_not_hide_it(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script()
    text = update(instructions=policy.MAX_PARSED_CHARACTERS * "A", **VOICE)
    async with start() as rig, rig.connect(await rig.token(voices=("marin",))) as client:
        await client.send(text)
        assert (await refused(client))["code"] == "message_too_large"
        await client.send("x")
        assert await next_of(script) == "x"


async def test_length_in_pieces_does_not_hide_it(start: Start, upstream: Upstream) -> None:
    """The word comes late, over a seam, when much is on its way: the service never sees a whole message."""
    script = upstream.serve = Script()
    text = '{"instructions":"' + 3 * policy.MAX_PARSED_CHARACTERS * "A" + '",' + update(**VOICE)[1:]
    cut = text.index("session.update") + 7
    async with start() as rig, rig.connect(await rig.token(voices=("marin",))) as client:
        half = policy.MAX_PARSED_CHARACTERS // 2
        await client.send(
            [*(text[i : i + half] for i in range(0, cut - half, half)), text[cut - half : cut], text[cut:]]
        )
        code, _, seen = await closing(client)
        assert code == 1009
        assert seen[-1]["error"]["code"] == "message_too_large"
        got = await next_of(script)
        assert not isinstance(got, str)


async def test_bytes_from_a_client_are_not_understood(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script()
    async with start() as rig, rig.connect(await rig.token(voices=("marin",))) as client:
        await client.send([update(**VOICE).encode()[:20], update(**VOICE).encode()[20:]])
        assert (await closing(client))[0] == 1003
        assert not isinstance(await next_of(script), str | bytes)


# ------------------------------------------------------------ bills


async def spent(rig: Rig, name: str = "kitchen") -> Decimal:
    await rig.till.flush()
    return (await rig.store.spent(name, rig.till.today())).day


async def test_what_passes_by_is_billed_to_the_token(start: Start, upstream: Upstream) -> None:
    heard = {
        "type": "conversation.item.input_audio_transcription.completed",
        "usage": {"type": "duration", "seconds": 60},
    }
    session = {
        "type": "session.updated",
        "session": {"audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}},
    }
    upstream.serve = Script(json.dumps(session), BEGUN, done(), json.dumps(heard), BEGUN, done(500_000))
    async with start() as rig:
        async with rig.connect(await rig.token()) as client:
            for _ in range(6):
                await client.recv()
        await until(lambda: len(rig.ended) == 1)
        talk = rig.ended[0]
        assert (talk.responses, talk.open_responses, talk.usd) == (2, 0, Decimal("3.6") + Decimal("0.0045"))
        assert await spent(rig) == talk.usd


async def test_a_spent_budget_ends_the_session_and_lets_none_begin(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script(BEGUN, done())
    async with start() as rig:
        secret = await rig.token(per_day_usd=Decimal("2.40"))
        async with rig.connect(secret) as client:
            code, reason, seen = await closing(client)
            assert code == 1008
            assert reason is not None
            assert reason.startswith("insufficient_quota")
            assert [one["type"] for one in seen] == ["response.created", "response.done", "error"]
        assert (await next_of(script))[0] == 1008
        attempt = rig.connect(secret)
        with pytest.raises(Exception, match="429"):
            await attempt
        async with rig.connect(await rig.token("bath")) as client:  # others have their own
            await client.recv()


async def test_a_spent_budget_ends_all_sessions_of_the_token(start: Start, upstream: Upstream) -> None:
    async def serve(socket: ServerConnection) -> None:
        async for _ in socket:
            await socket.send(BEGUN)
            await socket.send(done())

    upstream.serve = serve
    async with start() as rig:
        secret, another = await rig.token(per_day_usd=Decimal("2.40")), await rig.token("bath")
        async with rig.connect(secret) as first, rig.connect(secret) as second, rig.connect(another) as third:
            await first.send("x")
            assert [await first.recv(), await first.recv()] == [BEGUN, done()]
            await first.send("x")  # at once: it stays here
            assert (await closing(first))[0] == (await closing(second))[0] == 1008
            await third.send("x")
            assert await third.recv() == BEGUN
        await until(lambda: len(rig.ended) == 3)
        assert sum(talk.usd for talk in rig.ended if talk.token.name == "kitchen") == Decimal("2.4")


async def test_a_spent_budget_ends_quiet_sessions_with_the_next_beat(start: Start) -> None:
    async with start() as rig, rig.connect(await rig.token(per_month_usd=Decimal(1))) as client:
        await hello(client)
        await rig.store.spend(Receipt("1", "kitchen", rig.till.today(), Decimal(1)))  # by another relay
        await rig.house.beat()
        code, _, seen = await closing(client)
        assert (code, seen[-1]["error"]["code"]) == (1008, "insufficient_quota")


@pytest.mark.parametrize("before", [[], [done(status="failed")]], ids=["", "after one that never began"])
async def test_who_leaves_in_the_midst_of_a_response_pays_for_it(
    start: Start, upstream: Upstream, before: list[str]
) -> None:
    async def serve(socket: ServerConnection) -> None:
        for message in [*before, BEGUN]:
            await socket.send(message)
        async for message in socket:
            if json.loads(message)["type"] == "response.cancel":
                await socket.send(done(status="cancelled"))

    upstream.serve = serve
    async with start() as rig:
        async with rig.connect(await rig.token()) as client:
            while await client.recv() != BEGUN:
                pass
        await until(lambda: len(rig.ended) == 1)
        assert rig.ended[0].usd == Decimal("2.4") * (1 + len(before))


async def test_a_service_that_does_not_bill_is_not_waited_for_long(
    start: Start, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerd.relay.pump.SETTLE_S", 0.05)
    upstream.serve = Script(BEGUN)
    async with start() as rig:
        async with rig.connect(await rig.token()) as client:
            await client.recv()
        await until(lambda: len(rig.ended) == 1)


async def test_a_bill_in_pieces_is_read_too(start: Start, upstream: Upstream) -> None:
    async def serve(socket: ServerConnection) -> None:
        text = done()
        await socket.send([text[:30], text[30:]])
        await socket.wait_closed()

    upstream.serve = serve
    async with start() as rig, rig.connect(await rig.token()) as client:
        await client.recv()
        await until(lambda: rig.house.metrics.usd > 2)


async def test_a_bill_that_cannot_be_read_is_counted(start: Start, upstream: Upstream) -> None:
    upstream.serve = Script('{"type":"response.done",', '["response.done"]', "response.done")
    async with start() as rig, rig.connect(await rig.token()) as client:
        for _ in range(3):
            await client.recv()
        assert rig.house.metrics.bills_unread == 2


async def test_a_revoked_tokens_sessions_end(start: Start) -> None:
    async with start() as rig, rig.connect(await rig.token()) as client:
        await hello(client)
        await rig.store.revoke("kitchen")
        await rig.house.beat()
        code, _, seen = await closing(client)
        assert code == 1008
        assert seen[-1]["error"]["code"] == "invalid_api_key"


def test_the_house_beats_often_enough_for_its_leases() -> None:
    assert BEAT_S * 3 < LEASE_S
