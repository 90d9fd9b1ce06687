"""The chat service over real sockets: a local HTTP server that streams, refuses, hangs and talks nonsense."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from speakerd.config.model import Server
from speakerd.server.chat import Chat
from speakerd.server.effects import Think
from speakerd.server.embedded import serve_embedded
from speakerd.server.httpstream import HttpError
from speakerd.server.thinker import NO_ANSWER
from speakerd.server.wits.heard import Call
from speakerd.threads import Worker


def event(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


class Service:
    """What it answers is up to the test."""

    def __init__(self) -> None:
        self.status = 200
        self.events = [event(role="assistant", content=""), event(content="I am "), event(content="a whale."), DONE]
        self.chunked = True
        self.cut = False
        self.raw: bytes | None = None
        self.hang = threading.Event()
        self.hangs = False
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                service.paths.append(self.path)
                service.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                if service.raw is not None:
                    self.wfile.write(service.raw)
                    return
                self.send_response(service.status)
                self.send_header("Content-Type", "text/event-stream")
                if service.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                else:
                    self.send_header("Connection", "close")
                self.end_headers()
                for data in service.events:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if service.chunked else data)
                if service.hangs:
                    service.hang.wait(20)
                if service.chunked and not service.cut:
                    self.wfile.write(b"0\r\n\r\n")
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self._thread = Worker("chat service", lambda _: self.server.serve_forever(0.01), lambda *_: None)
        self._thread.start()

    def close(self) -> None:
        self.hang.set()
        self.server.shutdown()
        assert self._thread.join(5)
        self.server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


async def answer(url: str, timeout_s: float = 5.0) -> list[object]:
    config = Server(chat_url=url, chat_model="whale", chat_timeout_s=timeout_s)
    think = Think(1, ({"role": "user", "content": "Who are you?"},), ())
    return [piece async for piece in Chat(config).answer(think)]


@pytest.mark.parametrize("chunked", [True, False])
async def test_words_come_as_they_are_sent(service: Service, chunked: bool):
    service.chunked = chunked
    assert await answer(service.url) == ["I am ", "a whale."]
    assert service.paths == ["/v1/chat/completions"]
    assert service.asked == [
        {"model": "whale", "stream": True, "messages": [{"role": "user", "content": "Who are you?"}]}
    ]


async def test_the_whole_path_may_be_given(service: Service):
    await answer(f"{service.url}/chat/completions")
    assert service.paths == ["/v1/chat/completions"]


async def test_calls_are_put_together_from_their_pieces(service: Service):
    first = {"index": 0, "id": "x", "function": {"name": "f", "arguments": '{"a"'}}
    service.events = [
        event(tool_calls=[first]),
        event(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]),
        event(tool_calls=[{"index": 1, "id": "y", "function": {"name": "g"}}]),
        event(tool_calls="nonsense"),
        DONE,
    ]
    assert await answer(service.url) == [(Call("f", '{"a": 1}'), Call("g", "{}"))]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"status": 500}, "status 500"),
        ({"status": 404}, "status 404"),
        ({"events": [DONE]}, "empty"),
        ({"events": [event(content=5), event(content=["I"]), DONE]}, "empty"),
        ({"events": [b"data: {nonsense\n\n"]}, "no chat completion"),
        ({"events": [b'data: {"choices": 5}\n\n']}, "no chat completion"),
        ({"events": [b'data: {"error": {"message": "no"}}\n\n']}, "reports an error"),
        ({"events": [event(content="I "), b"x" * 300_000]}, "too long"),
        ({"events": [event(content="I ")], "cut": True}, "broke off"),
        ({"raw": b"garbage\r\n\r\n"}, "not HTTP"),
        ({"raw": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200}, "too many headers"),
        ({"raw": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}, "without its size"),
        ({"raw": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 300_000}, "no answer"),
        ({"events": [event(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "x" * 30_000}}])]}, "end"),
    ],
)
async def test_what_goes_wrong_is_one_kind_of_error(service: Service, change: dict[str, Any], says: str):
    for name, value in change.items():
        setattr(service, name, value)
    with pytest.raises(HttpError, match=says):
        await answer(service.url)


async def test_a_service_that_falls_silent_is_given_up(service: Service):
    service.hangs = True
    service.events = [event(content="I ")]
    with pytest.raises(HttpError, match="TimeoutError"):
        await answer(service.url, timeout_s=0.2)


async def test_a_service_that_only_keeps_the_line_open_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("speakerd.server.chat.MAX_ANSWER_S", 0.0)
    service.events = [b": still thinking\n\n", event(content="I am a whale."), DONE]
    with pytest.raises(HttpError, match="empty"):
        await answer(service.url)


@pytest.mark.parametrize("url", ["http://a..b/v1", "http://127.0.0.1/büro"])
async def test_an_address_that_cannot_be_one(url: str):
    with pytest.raises(HttpError, match="cannot connect"):
        await answer(url)


async def test_nobody_there():
    with pytest.raises(HttpError, match="cannot connect"):
        await answer("http://127.0.0.1:1/v1")


async def test_it_stops_after_a_very_long_answer(service: Service):
    service.events = [event(content="x" * 1_000) for _ in range(50)]
    assert len(await answer(service.url)) == 9


# ------------------------------------------------------------ through the server


@pytest.fixture
async def socket(service: Service) -> AsyncIterator[ClientConnection]:
    config = Server(chat_url=service.url, chat_model="whale", chat_timeout_s=0.5)
    async with serve_embedded(config) as url, connect(url) as made:
        await made.send(
            json.dumps({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}})
        )
        yield made


async def ask(socket: ClientConnection, text: str) -> str:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send(json.dumps({"type": "response.create"}))
    async with asyncio.timeout(10):
        while True:
            got = json.loads(await socket.recv())
            if got["type"] == "response.done":
                assert got["response"]["status"] == "completed"
                return str(got["response"]["output"][0]["content"][0]["text"])


async def test_a_conversation_with_the_service(service: Service, socket: ClientConnection):
    assert await ask(socket, "Who are you?") == "I am a whale."
    assert await ask(socket, "Stop.") == "Okay."
    assert await ask(socket, "And now?") == "I am a whale."
    told = [message["content"] for message in service.asked[-1]["messages"][1:]]
    assert told == ["Who are you?", "I am a whale.", "Stop.", "Okay.", "And now?"]


async def test_a_service_that_hangs_is_replaced_within_its_time(service: Service, socket: ClientConnection):
    service.hangs, service.events = True, []
    assert await ask(socket, "What is 3 times 4?") == f"{NO_ANSWER} 3 times 4 is 12."
    service.status = 503
    assert await ask(socket, "What is 3 times 5?") == "3 times 5 is 15."
