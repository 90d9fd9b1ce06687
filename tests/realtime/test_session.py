"""Session and link over real sockets on loopback: one SessionEnded each, whatever happens."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime import responses
from speakerd.realtime.address import is_private, with_model
from speakerd.realtime.incoming import Usage
from speakerd.realtime.link import Link
from speakerd.realtime.outputs import ItemAudio, ResponseUsage
from speakerd.realtime.session import BACKLOG_S, MAX_MESSAGE_BYTES
from speakerd.realtime.settings import session_settings

REALTIME = Realtime(connect_timeout_s=0.5)
HELD_FRAMES = round((REALTIME.connect_timeout_s + BACKLOG_S) * 50)
SETTINGS = session_settings(REALTIME)


class Wire:
    """A link to a server that behaves as `handler` says, and what it delivers."""

    def __init__(self, url: str, tasks: asyncio.TaskGroup, key: str | None = None) -> None:
        self.outputs: asyncio.Queue = asyncio.Queue()
        take = self.outputs.put_nowait
        self.link = Link(REALTIME, url, SETTINGS, lambda: key, tasks, take, take)

    async def next(self):
        async with asyncio.timeout(5):
            return await self.outputs.get()

    async def until_the_end(self) -> AsyncIterator[object]:
        """All that comes before the SessionEnded."""
        while not isinstance(output := await self.next(), ev.SessionEnded):
            yield output


@asynccontextmanager
async def wire(handler, key: str | None = None, **options) -> AsyncIterator[Wire]:
    async with serve(handler, "127.0.0.1", 0, close_timeout=0.2, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with asyncio.TaskGroup() as tasks:
            yield Wire(f"ws://127.0.0.1:{port}/v1/realtime", tasks, key)


async def accept(peer: ServerConnection) -> None:
    """Agree to whatever session is asked for."""
    update = json.loads(await peer.recv())
    await peer.send(json.dumps({"type": "session.updated", "session": update["session"]}))


async def accept_and_wait(peer: ServerConnection) -> None:
    await accept(peer)
    async for _ in peer:
        pass


async def test_a_session_from_opening_to_closing():
    asked = {}

    async def handler(peer: ServerConnection) -> None:
        asked["path"], asked["headers"] = peer.request.path, peer.request.headers
        await accept_and_wait(peer)

    async with wire(handler, key="sk-test") as w:
        w.link.open(1)
        assert await w.next() == ev.SessionReady(1)
        w.link.close()
        assert await w.next() == ev.SessionEnded(1)
    assert asked["path"] == "/v1/realtime?model=gpt-realtime-2.1-mini"
    assert asked["headers"]["Authorization"] == "Bearer sk-test"
    assert "OpenAI-Beta" not in asked["headers"]


async def test_what_is_sent_arrives_in_order():
    received = []

    async def handler(peer: ServerConnection) -> None:
        await accept(peer)
        received.extend([json.loads(text)["type"] async for text in peer])

    async with wire(handler) as w:
        w.link.open(1)
        await w.next()
        w.link.append_audio(b"\0\0" * 480)
        w.link.append_audio(b"\0\0" * 480)
        w.link.close()
        assert await w.next() == ev.SessionEnded(1)
    assert received == ["input_audio_buffer.append"] * 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "key_refused"),
        (403, "key_refused"),
        (404, "not_found"),
        (429, "rate_limited"),
        (503, "http_503"),
        (200, "bad_handshake"),
    ],
)
async def test_refusals_are_told_apart(status, code):
    async def never(_socket: ServerConnection) -> None: ...

    def refuse(connection, _request):
        return connection.respond(status, "no")

    async with wire(never, process_request=refuse) as w:
        w.link.open(1)
        ended = await w.next()
    assert (ended.session, ended.error) == (1, code)
    assert ended.message


async def test_a_server_that_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with asyncio.TaskGroup() as tasks:
            w = Wire(f"ws://127.0.0.1:{deaf.getsockname()[1]}/", tasks)
            w.link.open(1)
            ended = await w.next()
    assert ended.error == "connect_timeout"


async def test_a_name_that_does_not_exist():
    async with asyncio.TaskGroup() as tasks:
        w = Wire("ws://no-such-host.invalid/", tasks)
        w.link.open(1)
        assert (await w.next()).error == "name_not_found"


@pytest.mark.parametrize("how", ["abort", "close_1011", "close_1000"])
async def test_a_session_that_the_server_ends_has_a_cause(how):
    async def handler(peer: ServerConnection) -> None:
        await accept(peer)
        if how == "abort":
            peer.transport.abort()
            await peer.wait_closed()
        else:
            await peer.close(int(how.split("_")[1]), "bye")

    async with wire(handler) as w:
        w.link.open(1)
        assert await w.next() == ev.SessionReady(1)
        ended = await w.next()
    assert (
        ended.error == {"abort": "connection_lost", "close_1011": "closed_1011", "close_1000": "closed_by_server"}[how]
    )


async def test_a_session_that_was_refused_in_words_is_closed():
    async def handler(peer: ServerConnection) -> None:
        await peer.recv()
        error = {"type": "invalid_request_error", "code": "invalid_value", "message": "no such voice"}
        await peer.send(json.dumps({"type": "error", "error": error}))
        await peer.wait_closed()

    async with wire(handler) as w:
        w.link.open(1)
        assert await w.next() == ev.SessionEnded(1, "session_refused", "invalid_value: no such voice")


async def test_a_giant_message_ends_the_session():
    async def handler(peer: ServerConnection) -> None:
        await accept(peer)
        await peer.send("x" * (MAX_MESSAGE_BYTES + 1))
        await peer.wait_closed()

    async with wire(handler) as w:
        w.link.open(1)
        await w.next()
        ended = await w.next()
    assert ended.error


async def test_aborting_while_connecting_ends_the_session():
    async def slow(_connection, _request):
        await asyncio.sleep(0.4)

    async with wire(accept_and_wait, process_request=slow) as w:
        w.link.open(1)
        await asyncio.sleep(0.05)
        w.link.abort()
        assert await w.next() == ev.SessionEnded(1)


async def test_a_session_that_is_aborted_before_it_began_ends_too():
    async with wire(accept_and_wait) as w:
        w.link.open(1)
        w.link.abort()
        assert await w.next() == ev.SessionEnded(1)


async def test_a_proxy_that_needs_more_than_is_installed_is_explained(monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    async with asyncio.TaskGroup() as tasks:
        w = Wire("ws://example.invalid/", tasks)
        w.link.open(1)
        assert (await w.next()).error in ("proxy_unsupported", "network_failed", "name_not_found")


@pytest.mark.parametrize("told", [True, False])
async def test_who_leaves_in_the_midst_of_a_response_hears_what_it_cost(told, monkeypatch):
    monkeypatch.setattr(responses, "CANCEL_S", 0.2)
    usage = {"output_tokens": 7}

    async def speak(peer: ServerConnection) -> None:
        await accept(peer)
        await peer.send(json.dumps({"type": "response.created", "response": {"id": "r1"}}))
        async for message in peer:
            if told and json.loads(message) == {"type": "response.cancel", "response_id": "r1"}:
                over = {"id": "r1", "status": "cancelled", "usage": usage}
                await peer.send(json.dumps({"type": "response.done", "response": over}))

    async with wire(speak) as w:
        w.link.open(1)
        assert [await w.next(), await w.next()] == [ev.SessionReady(1), ev.ResponseStarted(1, "r1")]
        w.link.close()
        paid = [ResponseUsage(1, "r1", "", Usage(output_text=7))] if told else []
        assert [one async for one in w.until_the_end()] == [*paid, ev.ResponseEnded(1, "r1", "cancelled", 0)]


@pytest.mark.parametrize("key", ["x", "abcd"])
async def test_a_key_that_is_none_tears_nothing_that_the_server_says(key):
    """Servers of one's own often take any: what stands in for it is found in the midst of sound, too."""
    sound = "abcdxxxx" * 100

    async def speak(peer: ServerConnection) -> None:
        await accept(peer)
        await peer.send(json.dumps({"type": "response.created", "response": {"id": "r1"}}))
        part = {"response_id": "r1", "item_id": "i1", "content_index": 0, "delta": sound}
        await peer.send(json.dumps({"type": "response.output_audio.delta", **part}))
        await peer.wait_closed()

    async with wire(speak, key=key) as w:
        w.link.open(1)
        heard = [await w.next() for _ in range(3)]
        assert heard == [ev.SessionReady(1), ev.ResponseStarted(1, "r1"), ItemAudio("i1", base64.b64decode(sound))]
        w.link.abort()


async def test_a_host_that_cannot_be_a_name_is_explained():
    async with asyncio.TaskGroup() as tasks:
        w = Wire("ws://a..b/", tasks)
        w.link.open(1)
        assert (await w.next()).error == "bad_url"


async def test_a_new_session_replaces_the_old_and_its_late_words_are_not_delivered():
    async with wire(accept_and_wait) as w:
        w.link.open(1)
        assert await w.next() == ev.SessionReady(1)
        w.link.open(2)
        rest = [await w.next(), await w.next()]
        assert sorted(rest, key=lambda one: one.session) == [ev.SessionEnded(1), ev.SessionReady(2)]
        w.link.close()
        assert await w.next() == ev.SessionEnded(2)


async def test_a_network_that_takes_nothing_ends_the_session():
    async with wire(accept_and_wait) as w:
        w.link.open(1)
        await w.next()
        for _ in range(HELD_FRAMES + 1):  # the loop does not run in between: nothing is sent
            w.link.append_audio(bytes(960))
        assert (await w.next()).error == "uplink_stalled"


async def test_all_that_was_held_while_connecting_may_wait_to_be_sent():
    async with wire(accept_and_wait) as w:
        w.link.open(1)
        await w.next()
        for _ in range(HELD_FRAMES):
            w.link.append_audio(bytes(960))
        w.link.close()
        assert await w.next() == ev.SessionEnded(1)


async def test_verbs_without_a_session_do_nothing():
    async with wire(accept_and_wait) as w:
        w.link.close()
        w.link.abort()
        w.link.cancel("r")
        w.link.truncate(())
        w.link.append_audio(b"\0\0")
        assert w.outputs.empty()


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("wss://h/v1/realtime", "wss://h/v1/realtime?model=m"),
        ("wss://h/v1/realtime?model=other", "wss://h/v1/realtime?model=other"),
        ("wss://h/x?api-version=1", "wss://h/x?api-version=1&model=m"),
    ],
)
def test_the_model_is_part_of_the_url(url, want):
    assert with_model(url, "m") == want


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("wss://api.openai.com/v1", True),
        ("ws://127.0.0.1:80/", True),
        ("ws://[::1]:80/", True),
        ("ws://localhost/", True),
        ("ws://192.168.1.2/", False),
        ("ws://example.org/", False),
    ],
)
def test_the_key_is_sent_only_where_nobody_reads_along(url, private):
    assert is_private(url) is private
