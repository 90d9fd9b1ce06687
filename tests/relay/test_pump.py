"""What passes between the two sockets: order, pieces, back-pressure and ends. On real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import pytest
from support.relay_rig import Start, Upstream, hello, until
from support.relay_script import Script, closing, next_of
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

# ------------------------------------------------------------ carrying


async def test_messages_arrive_whole_and_in_order(start: Start) -> None:
    async with start() as rig, rig.connect(await rig.token()) as client:
        await hello(client)
        texts = [f'{{"n":{number},"x":"{"ä" * (number * 37 % 5000)}"}}' for number in range(300)]

        async def send() -> None:
            for text in texts:
                await client.send(text)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            assert [await client.recv() for _ in texts] == texts


async def test_the_service_may_send_bytes(start: Start, upstream: Upstream) -> None:
    async def serve(socket: ServerConnection) -> None:
        await socket.send(b"\x00\xff")
        await socket.send([b"\x01", b"\x02"])
        await socket.wait_closed()

    upstream.serve = serve
    async with start() as rig, rig.connect(await rig.token()) as client:
        assert [await client.recv(), await client.recv()] == [b"\x00\xff", b"\x01\x02"]


async def test_a_message_in_pieces_is_passed_on_before_it_is_complete(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script()
    size = 100_000
    first_seen = asyncio.Event()

    async def serve(socket: ServerConnection) -> None:
        async for part in socket.recv_streaming():
            await script.got.put(part)
            first_seen.set()

    upstream.serve = serve

    async def parts() -> AsyncIterator[str]:
        for _ in range(4):
            yield "A" * size
        await asyncio.wait_for(first_seen.wait(), 30)  # while the rest is not sent yet
        yield "B" * size

    async with start() as rig, rig.connect(await rig.token()) as client:
        await client.send(parts())
        got = ""
        while "B" * size not in got:
            got += await next_of(script)
        assert got == 4 * size * "A" + size * "B"


async def test_the_services_pieces_are_passed_on_before_they_are_complete(start: Start, upstream: Upstream) -> None:
    first_seen = asyncio.Event()

    async def serve(socket: ServerConnection) -> None:
        async def parts() -> AsyncIterator[str]:
            yield "a"
            yield "b"
            await asyncio.wait_for(first_seen.wait(), 30)
            yield "c"

        await socket.send(parts())
        await socket.wait_closed()

    upstream.serve = serve
    async with start() as rig, rig.connect(await rig.token()) as client:
        got = []
        async for part in client.recv_streaming():
            got.append(part)
            first_seen.set()
        assert "".join(got) == "abc"


# ------------------------------------------------------------ ends


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4000, 4999])
async def test_the_services_close_code_and_reason_reach_the_client(start: Start, upstream: Upstream, code: int) -> None:
    async def serve(socket: ServerConnection) -> None:
        await socket.close(code, "session_expired")

    upstream.serve = serve
    async with start() as rig, rig.connect(await rig.token()) as client:
        assert await closing(client) == (code, "session_expired", [])
        await until(lambda: len(rig.ended) == 1)
        assert (rig.ended[0].ended_by, rig.ended[0].code) == ("service", code)


async def test_the_clients_close_code_and_reason_reach_the_service(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script()
    async with start() as rig, rig.connect(await rig.token()) as client:
        await client.close(3001, "good night")
        assert await next_of(script) == (3001, "good night")


async def test_a_service_that_breaks_off(start: Start, upstream: Upstream) -> None:
    async def serve(socket: ServerConnection) -> None:
        socket.transport.abort()

    upstream.serve = serve
    async with start() as rig, rig.connect(await rig.token()) as client:
        assert (await closing(client))[0] == 1014
        await until(lambda: rig.house.sessions == 0)


async def test_a_client_that_breaks_off(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script()
    async with start() as rig:
        async with rig.connect(await rig.token()) as client:
            client.transport.abort()
        assert (await next_of(script))[0] == 1001
        await until(lambda: rig.house.sessions == 0)
        assert (rig.ended[0].ended_by, rig.ended[0].code) == ("client", 1006)


async def test_a_half_open_connection_is_found_by_pings(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script()
    quiet = {"ping_interval": None, "close_timeout": 0.1}
    async with start(ping_interval_s=0.1, ping_timeout_s=0.2) as rig, rig.connect(await rig.token(), **quiet) as client:
        client.transport.pause_reading()  # its machine is gone: no answer to anything
        assert (await next_of(script))[0] is not None
        await until(lambda: rig.house.sessions == 0)
        client.transport.abort()


@pytest.mark.parametrize("pieces", [1, 40])
async def test_a_giant_is_refused_and_others_are_not_disturbed(start: Start, upstream: Upstream, pieces: int) -> None:
    script = upstream.serve = Script()
    limits = {"max_frame_kib": 64, "max_message_kib": 2048}
    async with start(**limits) as rig, rig.connect(await rig.token("other")) as other:
        async with rig.connect(await rig.token()) as client:

            def parts() -> Iterator[str]:
                for _ in range(pieces):
                    yield "A" * (65_536 if pieces > 1 else 70_000)

            with contextlib.suppress(ConnectionClosed):
                await client.send(parts())
            assert (await closing(client))[0] == 1009
        await other.send("x")
        while await next_of(script) != "x":
            pass


# ------------------------------------------------------------ back-pressure


async def test_a_client_that_does_not_read_stops_the_service_and_takes_no_memory(
    start: Start, upstream: Upstream
) -> None:
    piece = "A" * 50_000
    sent = 0

    async def serve(socket: ServerConnection) -> None:
        nonlocal sent
        while sent < 4_000:  # 200 MB
            await socket.send(piece)
            sent += 1

    upstream.serve = serve
    async with start() as rig, rig.connect(await rig.token(), max_queue=1, ping_interval=None) as client:
        client.transport.pause_reading()
        tracemalloc.start()
        try:
            before, still = -1, 0
            while still < 20:
                await asyncio.sleep(0.02)
                before, still = sent, still + 1 if sent == before else 0
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert 0 < sent < 400, "the service is held back: 20 MB at most are in the kernel's buffers"
        assert taken < 4_000_000
        client.transport.resume_reading()
        for _ in range(sent + 50):  # nothing was lost, and it goes on
            assert await client.recv() == piece
        upstream.serve = Script()
        client.transport.abort()


async def test_a_client_that_takes_nothing_for_too_long_is_cut_off(start: Start, upstream: Upstream) -> None:
    ended = asyncio.Event()

    async def serve(socket: ServerConnection) -> None:
        try:
            while True:
                await socket.send("A" * 50_000)
        finally:
            ended.set()

    upstream.serve = serve
    async with start(stall_timeout_s=1.0) as rig:
        async with rig.connect(await rig.token(), max_queue=1, ping_interval=None, close_timeout=0.1) as client:
            client.transport.pause_reading()
            async with asyncio.timeout(20):
                while not rig.ended:
                    await asyncio.sleep(0.25)
                    await rig.house.beat()
            assert rig.ended[0].reason.startswith("stalled")
            client.transport.abort()
        await asyncio.wait_for(ended.wait(), 30)


async def test_a_flood_is_slowed_down_and_nothing_of_it_lost(start: Start, upstream: Upstream) -> None:
    script = upstream.serve = Script()
    async with start(pace_kib=64) as rig, rig.connect(await rig.token()) as client:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for _ in range(6):
            await client.send("A" * 64 * 1024)
        await client.send("end")
        while await next_of(script) != "end":
            pass
        assert loop.time() - began_s > 1.5, "4 s of its pace at once, the rest in time"
