"""The embedded server's address is dialled where the service's is of no use: real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.rig import CHUNK
from support.two_places import Place, wire
from websockets.asyncio.server import ServerConnection, serve

from speakerd.conversation import events as ev
from speakerd.realtime import seat
from speakerd.realtime.dialler import Dialler
from speakerd.realtime.outputs import ServiceBack
from speakerd.realtime.session import Session


async def test_an_outage_from_its_beginning_to_its_end():
    async with wire() as w:
        peer = await w.converse(1)
        assert peer.connection.request.path == "/v1/realtime?standing_in=1&model=gpt-realtime-2.1-mini"
        [away] = w.reports
        assert (away.session, away.code, away.is_new) == (1, "connection_refused", True)
        assert not {"authorization", "x-service"} & {name.lower() for name in peer.connection.request.headers}

        peer = await w.converse(2)
        assert "standing_in" not in peer.connection.request.path, "it was said"
        assert [one.is_new for one in w.reports] == [True, False]

        await w.service.come()
        w.reports.clear()
        peer = await w.converse(3)
        assert w.reports == [ServiceBack()]
        assert peer.connection.request.headers["X-Service"] == "1"
        assert len(w.ours.peers) == 2

        await w.service.go()
        w.reports.clear()
        assert "standing_in" in (await w.converse(4)).connection.request.path, "another outage"
        assert w.reports[0].is_new


async def test_what_went_to_the_service_counts_and_what_stayed_here_does_not():
    async with wire() as w:
        await w.converse(1)
        assert (w.link.octets.sent, w.link.octets.received) == (0, 0)
        await w.service.come()
        await w.converse(2)
        assert w.link.octets.sent > 0
        assert w.link.octets.received > 0


@asynccontextmanager
async def unreachable(how: str) -> AsyncIterator[str]:
    """The URL of a service that cannot be reached."""

    async def throw_out(connection: ServerConnection) -> None:
        if how == "it throws us out":
            await connection.close(1011)
        await connection.wait_closed()

    def refuse(connection: ServerConnection, _request: object):
        return connection.respond(503, "no") if how == "it has a fault" else None

    if how == "its name is not known":
        yield "ws://no-such-host.invalid/"
        return
    if how == "nobody listens":
        yield Place().url
        return
    if how == "it says nothing":
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            yield f"ws://127.0.0.1:{deaf.getsockname()[1]}/"
        return
    if how == "its TLS is none":

        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n")
            await reader.read()
            writer.close()

        async with await asyncio.start_server(babble, "127.0.0.1", 0) as portal:
            yield f"wss://127.0.0.1:{portal.sockets[0].getsockname()[1]}/"
        return
    async with serve(throw_out, "127.0.0.1", 0, close_timeout=0.2, process_request=refuse) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


@pytest.mark.parametrize(("how", "code"), [
    ("nobody listens", "connection_refused"),
    ("it has a fault", "http_503"),
    ("its name is not known", "name_not_found"),
    ("its TLS is none", "tls_failed"),
    ("it says nothing", "connect_timeout"),
    ("it agrees to no session", "connect_timeout"),
    ("it throws us out", "closed_1011"),
])  # fmt: skip
async def test_whoever_is_away_is_replaced_in_the_same_conversation(how, code):
    async with unreachable(how) as url, wire(url=url, connect_timeout_s=0.6) as w:
        w.link.open(1, 500)
        assert await w.next() == ev.SessionReady(1)
        assert w.link.standing_in
        [away] = w.reports
        assert (away.code, away.is_new) == (code, True)
        assert away.message
        w.link.close()
        assert await w.next() == ev.SessionEnded(1)


@pytest.mark.parametrize(("status", "code"), [(401, "key_refused"), (404, "not_found"), (429, "rate_limited")])
async def test_whoever_says_no_is_heard(status, code):
    async with wire() as w:
        w.service.status = status
        await w.service.come()
        w.link.open(1, 500)
        assert (await w.next()).error == code
        assert w.ours.attempts == 0
        assert w.reports == []


async def test_a_service_that_did_not_answer_is_not_waited_for_as_long_again(monkeypatch):
    monkeypatch.setattr("speakerd.realtime.standin.SHORT_S", 0.05)
    async with unreachable("it says nothing") as url, wire(url=url, connect_timeout_s=2.0) as w:
        took_s = []
        for number in (1, 2):
            began_s = asyncio.get_running_loop().time()
            w.link.open(number, 500)
            assert await w.next() == ev.SessionReady(number)
            took_s.append(asyncio.get_running_loop().time() - began_s)
            w.link.close()
            assert await w.next() == ev.SessionEnded(number)
        assert took_s[0] > 0.9
        assert took_s[1] < 0.5


async def test_a_conversation_that_breaks_off_is_not_taken_over():
    """Somebody was there: the user hears that the connection was lost, and calls again."""
    async with wire() as w:
        await w.service.come()
        w.link.open(1, 500)
        assert await w.next() == ev.SessionReady(1)
        w.service.peers[0].connection.transport.abort()
        assert (await w.next()).error == "connection_lost"
        assert w.ours.attempts == 0


@pytest.mark.parametrize("verb", ["abort", "close"])
async def test_a_conversation_that_was_given_up_is_not_taken_over(verb):
    async with unreachable("it says nothing") as url, wire(url=url, connect_timeout_s=0.4) as w:
        w.link.open(1, 500)
        await asyncio.sleep(0.05)
        getattr(w.link, verb)()
        await asyncio.sleep(0.3)
        w.link.abort()
        assert isinstance(await w.next(), ev.SessionEnded)
        assert w.ours.attempts == 0


@pytest.mark.parametrize("verb", ["abort", "close"])
async def test_one_that_is_given_up_in_the_moment_in_which_it_fails_is_not_taken_over(monkeypatch, verb):
    ended = Dialler._ended
    async with wire() as w:

        def give_up_and_end(self: Dialler, session: Session) -> None:
            getattr(w.link, verb)()
            ended(self, session)

        monkeypatch.setattr(Dialler, "_ended", give_up_and_end)
        w.link.open(1, 500)
        assert (await w.next()).error == "connection_refused"
        assert w.ours.attempts == 0


async def test_where_ours_fails_too_the_conversation_ends_once():
    async with wire() as w:
        await w.ours.go()
        w.link.open(1, 500)
        assert (await w.next()).error == "connection_refused"
        assert w.outputs.empty()
        assert len(w.reports) == 1, "it was tried once"


async def test_a_warm_session_whose_peer_is_gone_is_replaced_and_no_word_is_lost(monkeypatch):
    """The network went with the service: neither the spare nor a new one is of use."""
    monkeypatch.setattr(seat, "PROOF_S", 0.15)
    async with wire(keep_warm=True, connect_timeout_s=0.6) as w:
        await w.service.come()
        w.link.start()
        await w.until(lambda: w.link.warm)
        w.service.peers[0].connection.transport.pause_reading()
        w.service.mute = True
        w.link.open(1, 500)
        assert await w.next() == ev.SessionReady(1), "the spare"
        sound = [bytes([n, 0]) * 480 for n in range(100)]
        for chunk in sound[:60]:
            w.link.append_audio(chunk)
        await w.until(lambda: w.link.standing_in)
        for chunk in sound[60:]:
            w.link.append_audio(chunk)
        await w.until(lambda: w.ours.peers and w.ours.peers[0].audio == b"".join(sound))
        assert w.outputs.empty(), "the conversation knows nothing of it"
        assert w.link.revived == 1
        w.link.close()
        assert await w.next() == ev.SessionEnded(1)


async def test_a_warm_session_that_breaks_off_at_the_first_word_for_the_service_is_away_is_replaced():
    async with wire(keep_warm=True) as w:
        await w.service.come()
        w.link.start()
        await w.until(lambda: w.link.warm)
        w.link.open(1, 500)
        assert await w.next() == ev.SessionReady(1)
        w.link.append_audio(CHUNK)
        w.service.peers[0].connection.transport.abort()
        await w.service.go()
        await w.until(lambda: w.ours.peers and w.ours.peers[0].audio == CHUNK)
        assert [one.code for one in w.reports] == ["connection_refused"]
        assert w.outputs.empty()


async def test_a_warm_session_that_can_be_had_again_ends_the_outage(monkeypatch):
    monkeypatch.setattr("speakerd.realtime.backoff.FIRST_S", 0.02)
    async with wire(keep_warm=True) as w:
        w.link.start()
        await w.converse(1)
        assert [one.is_new for one in w.reports] == [True]
        await w.service.come()
        await w.until(lambda: w.link.warm)
        assert w.reports[-1] == ServiceBack()
        await w.converse(2)
        assert len(w.ours.peers) == 1
