"""Warm sessions, renewal and revival over real sockets on loopback."""

from __future__ import annotations

import asyncio
import base64

import pytest
from support.rig import CHUNK, rig

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime import seat
from speakerd.realtime.outputs import FirstAudio
from speakerd.realtime.settings import session_settings


async def test_without_keep_warm_nothing_is_opened():
    async with rig(keep_warm=False) as r:
        r.link.start()
        await asyncio.sleep(0.05)
        assert r.attempts == 0


async def test_a_warm_session_is_there_at_once_and_brought_no_sound_before():
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        assert r.outputs.empty(), "nobody hears of a spare"
        r.link.open(1)
        assert r.outputs.get_nowait() == ev.SessionReady(1), "without waiting"
        assert r.peers[0].audio == b""
        r.link.append_audio(CHUNK)
        await r.until(lambda: r.peers[0].audio == CHUNK)
        assert len(r.peers) == 1


async def test_after_the_conversation_another_one_is_kept_warm():
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.link.open(1)
        r.link.close()
        assert [await r.next(), await r.next()] == [ev.SessionReady(1), ev.SessionEnded(1)]
        await r.until(lambda: r.link.warm)
        r.link.open(2)
        assert await r.next() == ev.SessionReady(2)
        assert len(r.peers) == 2


async def test_a_wake_word_takes_the_spare_that_is_being_opened():
    async with rig() as r:
        r.link.start()
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        assert r.attempts == 1


async def test_a_refused_key_is_tried_once_and_then_only_when_called(monkeypatch):
    monkeypatch.setattr("speakerd.realtime.backoff.FIRST_S", 0.02)
    async with rig() as r:
        r.refuse_with = 401
        r.link.start()
        await r.until(lambda: r.attempts == 1)
        await asyncio.sleep(0.1)
        r.link.pausing(True)
        await asyncio.sleep(0.1)
        assert r.attempts == 1
        r.link.open(1)
        assert (await r.next()).error == "key_refused"
        await asyncio.sleep(0.1)
        assert r.attempts == 2
        r.refuse_with = 0
        r.link.open(2)
        assert await r.next() == ev.SessionReady(2)
        r.link.close()
        await r.until(lambda: r.link.warm)


async def test_a_lost_spare_comes_back_after_a_wait(monkeypatch):
    monkeypatch.setattr("speakerd.realtime.backoff.FIRST_S", 0.1)
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.peers[0].connection.transport.abort()
        await r.until(lambda: not r.link.warm)
        await r.until(lambda: r.link.warm)
        assert len(r.peers) == 2
        assert r.outputs.empty()


async def test_a_spare_that_died_unseen_is_replaced_and_no_word_is_lost(monkeypatch):
    monkeypatch.setattr(seat, "PROOF_S", 0.15)
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.peers[0].connection.transport.pause_reading()  # the machine is gone: no pong comes
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        sound = [bytes([n, 0]) * 480 for n in range(100)]
        for chunk in sound[:60]:
            r.link.append_audio(chunk)
        await r.until(lambda: len(r.peers) == 2)
        for chunk in sound[60:]:
            r.link.append_audio(chunk)
        await r.until(lambda: r.peers[1].audio == b"".join(sound))
        assert r.outputs.empty(), "the conversation knows nothing of it"
        r.link.close()
        assert await r.next() == ev.SessionEnded(1)
        assert r.link.revived == 1


async def test_a_spare_that_shows_life_a_moment_too_late_is_replaced_all_the_same(monkeypatch):
    monkeypatch.setattr(seat, "PROOF_S", 0.1)
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.peers[0].connection.transport.pause_reading()
        r.link.open(1)
        dead = r.link._seat.session
        assert await r.next() == ev.SessionReady(1)
        await r.until(lambda: r.link.revived == 1)
        dead.on_alive()
        r.link.append_audio(CHUNK)
        await r.until(lambda: len(r.peers) == 2 and r.peers[1].audio == CHUNK)
        assert r.outputs.empty(), "the conversation knows nothing of it"


async def test_a_spare_whose_connection_breaks_as_it_is_needed_is_replaced_and_no_word_is_lost():
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.peers[0].connection.transport.abort()
        assert r.link.warm, "nobody has noticed it yet"
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        sound = [bytes([n, 0]) * 480 for n in range(50)]
        for chunk in sound:
            r.link.append_audio(chunk)
        await r.until(lambda: len(r.peers) == 2)
        await r.until(lambda: r.peers[1].audio == b"".join(sound))
        assert r.outputs.empty(), "the conversation knows nothing of it"
        assert r.link.revived == 1


async def test_a_session_is_renewed_in_a_pause_and_knows_what_was_said():
    async with rig(keep_warm=False) as r:
        r.expires_in_s = 4
        r.link.start()
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        old = r.peers[0]
        await old.send("input_audio_buffer.committed", item_id="u1")
        await old.send("response.created", response={"id": "r1"})
        await old.send(
            "response.output_audio.delta", response_id="r1", item_id="a1", delta=base64.b64encode(CHUNK).decode()
        )
        await old.send("response.output_audio_transcript.done", response_id="r1", item_id="a1", transcript="It is ten.")
        words = "conversation.item.input_audio_transcription.completed"
        await old.send(words, item_id="u1", transcript="What time is it?")
        r.link.pausing(False)
        await old.send("response.done", response={"id": "r1", "status": "completed"})
        await r.until(lambda: len(r.peers) == 2 and r.link.warm)  # its time has nearly come
        assert r.link.renewed == 0, "not in the middle of a reply"
        r.expires_in_s = 3_600
        r.link.append_audio(CHUNK)
        r.link.pausing(True)
        await r.until(lambda: r.link.renewed == 1)
        new = r.peers[1]
        await r.until(lambda: new.audio == CHUNK)
        said = [m["item"] for m in new.of_type("conversation.item.create")]
        assert [(item["role"], item["content"][0]["text"]) for item in said] == [
            ("user", "What time is it?"),
            ("assistant", "It is ten."),
        ]
        while not r.outputs.empty():
            assert not isinstance(r.outputs.get_nowait(), ev.SessionEnded)
        await new.send("input_audio_buffer.speech_started", item_id="u2")
        assert await r.next() == ev.UserSpeechStarted(1), "under the number of the conversation"
        await r.until(lambda: old.connection.close_code is not None)
        await asyncio.sleep(0.05)
        assert r.outputs.empty(), "nobody hears of the old one's end"
        r.link.close()
        assert await r.next() == ev.SessionEnded(1)


async def test_a_session_that_has_become_slow_is_replaced_in_a_pause_and_not_heard_any_more(monkeypatch):
    monkeypatch.setattr("speakerd.realtime.renewal.SLOWER_BY_S", 0.0)
    async with rig(keep_warm=False) as r:
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        old = r.peers[0]
        old.connection.transport.pause_reading()  # it will not know that it is over
        for number, latency_s in enumerate((0.02, 0.02, 0.02, 0.2, 0.2, 0.2)):
            assert r.link.renewed == 0
            await answer_after(old, f"r{number}", latency_s)
            await r.until(lambda: r.reports and isinstance(r.reports[-1], FirstAudio))
            r.reports.clear()
        await r.until(lambda: r.link.renewed == 1)
        while not r.outputs.empty():
            r.outputs.get_nowait()
        await old.send("input_audio_buffer.speech_started", item_id="u9")
        await old.send("response.output_audio.delta", response_id="r9", item_id="a9", delta="AAAA")
        await r.peers[1].send("input_audio_buffer.speech_started", item_id="u1")
        assert await r.next() == ev.UserSpeechStarted(1)
        await asyncio.sleep(0.05)
        assert r.outputs.empty(), "only the new one is heard"


async def answer_after(peer, response: str, latency_s: float) -> None:
    """A whole turn and its answer, whose first sound takes so long."""
    await peer.send("input_audio_buffer.speech_started", item_id=f"u{response}")
    await peer.send("input_audio_buffer.speech_stopped", item_id=f"u{response}")
    await peer.send("input_audio_buffer.committed", item_id=f"u{response}")
    await peer.send("response.created", response={"id": response})
    await asyncio.sleep(latency_s)
    sound = base64.b64encode(CHUNK).decode()
    await peer.send("response.output_audio.delta", response_id=response, item_id=f"a{response}", delta=sound)
    await peer.send("response.done", response={"id": response, "status": "completed"})


@pytest.mark.parametrize("stall_timeout_s", [1.0, 1.5])
async def test_a_server_that_owes_an_answer_and_says_nothing_is_given_up(stall_timeout_s):
    async with rig(keep_warm=False, stall_timeout_s=stall_timeout_s) as r:
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        r.peer.deaf = True
        await r.peer.send("input_audio_buffer.speech_started", item_id="u1")
        await r.peer.send("input_audio_buffer.speech_stopped", item_id="u1")
        await r.peer.send("input_audio_buffer.committed", item_id="u1")
        since_s = asyncio.get_running_loop().time()
        while not isinstance(ended := await r.next(), ev.SessionEnded):
            pass
        assert ended.error == "server_silent"
        assert stall_timeout_s < asyncio.get_running_loop().time() - since_s < 3 * stall_timeout_s
        r.link.open(2)
        assert await r.next() == ev.SessionReady(2), "the next wake word works"


@pytest.mark.parametrize("lost", [False, True])
async def test_of_a_conversation_that_is_over_no_word_and_no_sound_is_kept(lost):
    async with rig(keep_warm=False) as r:
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        luggage = r.link._seat._luggage
        r.link.append_audio(CHUNK)
        await r.peer.send(
            "conversation.item.input_audio_transcription.completed", item_id="u1", transcript="What time is it?"
        )
        await r.next()
        assert luggage._history.lines()
        assert luggage._tail.chunks()
        if lost:
            r.peer.connection.transport.abort()
        else:
            r.link.close()
        assert isinstance(await r.next(), ev.SessionEnded)
        assert not luggage._history.lines()
        assert not luggage._tail.chunks()


async def test_another_voice_needs_another_session():
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.link.use("gpt-realtime-2.1", session_settings(Realtime(voice="cedar")))
        await r.until(lambda: len(r.peers) == 2 and r.link.warm)
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        assert r.peers[1].connection.request.path.endswith("model=gpt-realtime-2.1")
        assert r.peers[1].heard[0]["session"]["audio"]["output"]["voice"] == "cedar"


async def test_stopping_ends_everything():
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.link.open(1)
        await r.next()
        r.link.stop()
        assert await r.next() == ev.SessionEnded(1)
        await r.until(lambda: r.peers[0].connection.close_code is not None)
        await asyncio.sleep(0.05)
        assert len(r.peers) == 1


async def test_the_life_of_a_session_is_told_by_the_servers_clock():
    """Either of the two clocks may be wrong: what counts is what the server says in both places."""
    async with rig(keep_warm=False) as r:
        r.expires_in_s, r.clock_off_s = 3_600, -86_400
        r.link.open(1)
        await r.next()
        expires_s = r.link._current.expires_s
        assert expires_s == pytest.approx(asyncio.get_running_loop().time() + 3_600, abs=3)


@pytest.mark.parametrize("verb", ["create_response", "answer_tools"])
async def test_verbs_reach_the_session(verb):
    async with rig(keep_warm=False) as r:
        match verb:
            case "create_response":
                r.link.create_response(instructions="x")
            case _:
                r.link.answer_tools(1, [("c1", "x")])
        r.link.open(1)
        await r.next()
        r.link.create_response(instructions="Say hello.")
        await r.until(lambda: r.peers[0].of_type("response.create"))
        assert len(r.peers[0].of_type("response.create")) == 1
