"""The server over real sockets: with the real `openai` client, and with clients that misbehave."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from speakerd.config.model import Server
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.pcm import Samples, to_bytes
from speakerd.server import embedded as module
from speakerd.server.effects import Effect, Speak
from speakerd.server.embedded import EmbeddedServer, is_loopback, serve_embedded
from speakerd.server.inbox import MAX_APPEND_BYTES
from speakerd.server.session import Session

Say = Callable[..., Samples]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serve_embedded(Server(voice="rms")) as served:
        yield served


def chunks(samples: Samples) -> list[str]:
    data = to_bytes(samples)
    return [base64.b64encode(data[i : i + 4800]).decode() for i in range(0, len(data), 4800)]


async def test_a_conversation_with_the_openai_client(url: str, say: Say):
    """Ask aloud, hear the answer, interrupt a story, truncate it: every step with the published SDK."""
    client = AsyncOpenAI(api_key="none", websocket_base_url=url.removesuffix("/realtime"))
    async with client.realtime.connect(model="gpt-realtime-2.1") as server:
        assert (await server.recv()).type == "session.created"
        audio = {"input": {"transcription": {"model": "gpt-transcribe"}, "turn_detection": {"type": "server_vad"}}}
        await server.session.update(session={"type": "realtime", "audio": audio})
        assert (await server.recv()).type == "session.updated"

        async def speak(text: str) -> None:
            for chunk in chunks(say(text)):
                await server.input_audio_buffer.append(audio=chunk)

        async def until(kind: str) -> tuple[object, list[object]]:
            seen = []
            async for event in server:
                assert event.type != "error", event
                seen.append(event)
                if event.type == kind:
                    return event, seen
            raise AssertionError(f"closed before {kind}")

        await speak("What is seventeen plus twenty five?")
        done, seen = await until("response.done")
        assert done.response.status == "completed"
        assert done.response.output[0].content[0].transcript == "17 plus 25 is 42."
        kinds = [event.type for event in seen]
        assert "input_audio_buffer.speech_started" in kinds
        assert kinds.index("input_audio_buffer.committed") < kinds.index("response.output_audio.delta")

        await speak("Tell me a long story.")
        delta, _ = await until("response.output_audio.delta")
        await speak("Stop.")
        done, seen = await until("response.done")
        assert done.response.status == "cancelled"
        assert done.response.status_details.reason == "turn_detected"
        sent = [e for e in [delta, *seen] if e.type == "response.output_audio.delta"]
        sent_ms = sum(len(base64.b64decode(e.delta)) for e in sent) // 48
        assert sent_ms < 25_000, "a story is long enough to interrupt"
        await server.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=sent_ms)
        cut, _ = await until("conversation.item.truncated")
        assert cut.item_id == delta.item_id


@pytest.mark.parametrize(
    "how",
    [
        {"additional_headers": {"OpenAI-Beta": "realtime=v1"}},
        {"subprotocols": [Subprotocol("realtime"), Subprotocol("openai-beta.realtime-v1")]},
    ],
)
async def test_the_beta_interface_is_gone(url: str, how: dict):
    async with connect(url, **how) as socket:
        event = json.loads(await socket.recv())
        assert event["error"]["code"] == "beta_api_shape_disabled"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 4000


@pytest.mark.parametrize(("path", "origin", "status"), [
    ("/v1/live", None, 404),
    ("/v1/realtime", "https://example.com", 403),
])  # fmt: skip
async def test_strangers_are_refused(url: str, path: str, origin: str | None, status: int):
    with pytest.raises(InvalidStatus) as refused:
        await connect(url.removesuffix("/v1/realtime") + path, origin=Origin(origin) if origin else None)
    assert refused.value.response.status_code == status


async def test_pages_of_this_machine_and_both_kinds_of_subprotocol_offers_are_welcome(url: str):
    async with connect(
        url, origin=Origin("http://localhost:8080"), subprotocols=[Subprotocol("realtime"), Subprotocol("x")]
    ) as socket:
        assert socket.subprotocol == "realtime"
    async with connect(url) as socket:
        assert socket.subprotocol is None


async def test_the_number_of_sessions_is_bounded(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_SESSIONS", 2)
    async with connect(url) as one, connect(url) as two:
        await one.recv()
        await two.recv()
        with pytest.raises(InvalidStatus) as refused:
            await connect(url)
        assert refused.value.response.status_code == 429
    async with asyncio.timeout(5):
        while True:
            try:
                async with connect(url) as again:
                    assert json.loads(await again.recv())["type"] == "session.created"
                break
            except InvalidStatus:
                await asyncio.sleep(0.01)


async def test_a_giant_frame_ends_its_own_connection_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_FRAME_BYTES", 50_000)
    async with serve_embedded(Server()) as url, connect(url) as good, connect(url) as bad:
        await good.recv()
        await bad.recv()
        await bad.send("x" * 50_001)
        with pytest.raises(ConnectionClosed) as closed:
            await bad.recv()
        assert closed.value.rcvd.code == 1009
        await good.send('{"type": "response.cancel"}')
        assert json.loads(await good.recv())["error"]["code"] == "response_cancel_not_active"


def test_a_frame_may_hold_the_largest_append():
    assert len(base64.b64encode(bytes(MAX_APPEND_BYTES))) + 1000 < module.MAX_FRAME_BYTES


async def test_a_flood_and_a_client_that_does_not_read_do_not_hold_up_others(url: str, say: Say):
    """One client pours minutes of sound at once, another asks for megabytes and never reads; a third is served."""
    words = base64.b64encode(to_bytes(say("Stop.")) * 60).decode()
    content = [{"type": "input_audio", "audio": words, "transcript": "Hello"}]
    item = {"id": "big", "type": "message", "role": "user", "content": content}
    async with connect(url, close_timeout=0.1) as deaf, connect(url) as flood, connect(url) as good:
        await deaf.send(json.dumps({"type": "conversation.item.create", "item": item}))
        for _ in range(8):
            await deaf.send('{"type": "conversation.item.retrieve", "item_id": "big"}')
        await flood.send(json.dumps({"type": "input_audio_buffer.append", "audio": words}))
        await good.recv()
        slowest_s = 0.0
        loop = asyncio.get_running_loop()
        for _ in range(20):
            began_s = loop.time()
            await good.send('{"type": "response.cancel"}')
            await good.recv()
            slowest_s = max(slowest_s, loop.time() - began_s)
        assert slowest_s < 1.0


async def test_much_sound_at_once_is_judged_off_the_loop(url: str, monkeypatch: pytest.MonkeyPatch):
    threads: list[bool] = []
    receive = Session.receive

    def watched(self: Session, text: str | bytes, now_s: float) -> list[Effect]:
        threads.append(threading.current_thread() is threading.main_thread())
        return receive(self, text, now_s)

    monkeypatch.setattr(Session, "receive", watched)
    async with connect(url) as socket:
        await socket.recv()
        for n_bytes in (4_800, 480_000):
            audio = base64.b64encode(bytes(n_bytes)).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        await socket.send('{"type": "input_audio_buffer.clear"}')
        await socket.recv()
    assert threads == [True, False, True]


async def test_work_that_nobody_waits_for_is_not_done():
    server = EmbeddedServer(Server())
    job = Speak(1, "Hello.", 24_000, 1.0)
    assert isinstance(await server._run(job, lambda: False), SpeakerdError)
    assert isinstance(await server._run(job, lambda: True), np.ndarray)


async def test_leaving_in_the_middle_of_an_answer_leaves_nothing_behind(url: str):
    before = {task.get_name() for task in asyncio.all_tasks()}
    for _ in range(3):
        async with connect(url) as socket:
            await socket.recv()
            story = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Tell me a story."}]}
            await socket.send(json.dumps({"type": "conversation.item.create", "item": story}))
            await socket.send('{"type": "response.create"}')
            while json.loads(await socket.recv())["type"] != "response.output_audio.delta":
                pass
    async with asyncio.timeout(5):
        while {task.get_name() for task in asyncio.all_tasks()} - before:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def test_only_loopback(url: str):
    with pytest.raises(ConfigError, match="loopback"):
        async with serve_embedded(Server(), host="0.0.0.0"):
            pass
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "192.168.1.1", "example.com", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


async def test_errors_of_the_caller_come_out_as_they_are():
    with pytest.raises(KeyError):
        async with serve_embedded(Server()):
            raise KeyError("x")


async def test_a_stand_in_says_so_once(url: str):
    async with connect(f"{url}?standing_in=1") as socket:
        session = {"type": "realtime", "output_modalities": ["text"]}
        await socket.send(json.dumps({"type": "session.update", "session": session}))
        said = []
        for _ in range(2):
            content = [{"type": "input_text", "text": "What is 2 plus 3?"}]
            item = {"type": "message", "role": "user", "content": content}
            await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
            await socket.send(json.dumps({"type": "response.create"}))
            async with asyncio.timeout(10):
                while (event := json.loads(await socket.recv()))["type"] != "response.done":
                    pass
            said.append(event["response"]["output"][0]["content"][0]["text"])
    assert said == [f"{module.STANDING_IN} 2 plus 3 is 5.", "2 plus 3 is 5."]


async def test_clients_come_and_go_in_sentences(caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO", module.__name__):
        async with serve_embedded(Server(voice="rms"), warm=False) as url, connect(url) as socket:
            await socket.recv()
    assert caplog.messages == [
        "A client of the embedded server has connected; open sessions: 1.",
        "A client of the embedded server is gone; open sessions: 0.",
    ]


@pytest.mark.parametrize("warm", [True, False])
async def test_ears_are_loaded_at_the_start_or_for_the_first_client(monkeypatch, warm: bool):
    loaded = threading.Event()
    monkeypatch.setattr(module.Ears, "load", lambda _self: loaded.set())
    async with serve_embedded(Server(), warm=warm) as url:
        assert await asyncio.to_thread(loaded.wait, 0.3) is warm
        async with connect(url):
            assert await asyncio.to_thread(loaded.wait, 5)
