"""A wake word brings the session of its own persona; a session is kept warm for the default one."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import MISSING, fields
from types import SimpleNamespace

import pytest
from support.rig import CHUNK, rig

from speakerd.cast import Cast
from speakerd.config.model import Config, Persona, Realtime, Wake, WakeWord
from speakerd.conversation import events as ev
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.realtime.outputs import ToolsCalled
from speakerd.switchboard import Switchboard

WAKE = Wake(
    words=(WakeWord(model="hey_jarvis"), WakeWord(model="alexa", persona="chef")),
    personas=(Persona(name="chef", voice="cedar", model="gpt-realtime-2.1"),),
)
JARVIS, ALEXA = (ev.WakeDetected(word, 0.9, 100) for word in ("hey_jarvis", "alexa"))


class Mute:
    """A part of which nothing is wanted."""

    def __getattr__(self, _name: str):
        return lambda *_args, **_more: None


def board_for(link) -> Switchboard:
    cast = Cast(Config(wake=WAKE, realtime=Realtime(model=link._dialler.asked[0])))
    sessions = cast.sessions(lambda _names: [], transcripts=False)
    conductor = Conductor(Machine(Rules(silence_s=5.0)), link, Mute(), Mute(), asyncio.get_running_loop())
    given = {
        **{field.name: Mute() for field in fields(Switchboard) if field.init and field.default is MISSING},
        "gatekeeper": SimpleNamespace(muted=False),
        "herald": SimpleNamespace(sounding=False, hush=lambda: None),
        "cashier": SimpleNamespace(refusal=lambda: None, used_up=False, received=lambda _pcm: None),
        "conductor": conductor,
        "link": link,
        "cast": cast,
        "sessions": sessions,
    }
    board = Switchboard(**given)
    conductor.observe(board.observe)
    link.use(*sessions[""])
    return board


def voice(peer) -> str:
    return peer.of_type("session.update")[0]["session"]["audio"]["output"]["voice"]


async def converse(r, board: Switchboard, wake: ev.WakeDetected) -> None:
    """From the wake word until the session is ready."""
    board.take_event(wake)
    ready = await r.next()
    assert isinstance(ready, ev.SessionReady)
    board.conductor.dispatch(ready)
    assert board.conductor.state is State.LISTENING


async def part(r, board: Switchboard) -> None:
    board.take_event(ev.StopRequested("x"))
    board.conductor.dispatch(await r.next())
    assert board.conductor.state is State.IDLE


async def test_each_word_brings_its_own_session():
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        for wake, expected in ((JARVIS, "marin"), (ALEXA, "cedar"), (JARVIS, "marin")):
            await converse(r, board, wake)
            assert voice(r.peer) == expected
            assert ("model=gpt-realtime-2.1&" in f"{r.peer.connection.request.path}&") == (wake is ALEXA)
            await part(r, board)
        board.conductor.stop()


async def test_the_warm_session_is_for_the_default_one():
    async with rig(keep_warm=True) as r:
        board = board_for(r.link)
        r.link.start()
        await r.until(lambda: r.link.warm)
        await converse(r, board, ALEXA)
        assert [voice(peer) for peer in r.peers] == ["marin", "cedar"]
        await part(r, board)
        await r.until(lambda: r.link.warm and voice(r.peer) == "marin")
        count = len(r.peers)
        await converse(r, board, JARVIS)
        assert len(r.peers) == count, "it was there already"
        board.conductor.stop()


async def test_another_word_in_a_conversation_does_not_change_who_answers():
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        await converse(r, board, ALEXA)
        board.take_event(JARVIS)
        assert len(r.peers) == 1
        assert board.link._dialler.asked[0] == "gpt-realtime-2.1"
        board.conductor.stop()


async def answer(r, board: Switchboard, number: int, *, interrupted: bool = False, spends_all: bool = False) -> None:
    """A turn of the user and the whole reply to it, or the part of it that the user lets be heard."""
    name = f"r{number}"
    ended = ev.ResponseEnded(1, name, "completed", 500)
    for event in (ev.UserSpeechStarted(1), ev.UserSpeechStopped(1), ev.ResponseStarted(1, name)):
        board.conductor.dispatch(event)
    board.cashier.used_up = board.cashier.used_up or spends_all
    board.conductor.dispatch(ended)
    board.take_event(ev.PlayoutStarted("i"))
    board.take_event(JARVIS if interrupted else ev.PlayoutDrained(final=True))


@pytest.mark.parametrize("interrupted", [False, True])
async def test_when_the_money_is_spent_the_answer_is_heard_to_its_end_and_no_other_is_given(interrupted):
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        await converse(r, board, JARVIS)
        await answer(r, board, 1)
        assert board.conductor.state is State.LISTENING
        await answer(r, board, 2, interrupted=True, spends_all=True)
        assert board.conductor.state is State.LISTENING, "the user has the floor, and is answered once more"
        board.conductor.dispatch(ev.PlayoutFlushed())
        await answer(r, board, 3, interrupted=interrupted)
        assert board.conductor.state is State.CLOSING
        board.conductor.stop()


async def test_when_the_money_is_spent_noise_over_the_last_word_of_the_answer_changes_nothing():
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        await converse(r, board, JARVIS)
        board.cashier.used_up = True
        for event in (ev.ResponseStarted(1, "r"), ev.ResponseEnded(1, "r", "completed", 500)):
            board.conductor.dispatch(event)
        for event in (ev.PlayoutStarted("i"), ev.BargeInDetected(9, -20.0), ev.PlayoutDrained(final=True)):
            board.take_event(event)
        assert board.conductor.state is State.CLOSING
        board.conductor.stop()


@pytest.mark.parametrize("wake", [JARVIS, ALEXA])
async def test_a_word_while_the_old_session_closes_brings_its_own(wake):
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        await converse(r, board, JARVIS)
        board.take_event(ev.StopRequested("x"))
        board.take_event(wake)
        board.conductor.dispatch(await r.next())
        assert board.conductor.state is State.CONNECTING
        assert isinstance(await r.next(), ev.SessionReady)
        assert voice(r.peer) == {JARVIS: "marin", ALEXA: "cedar"}[wake]
        board.conductor.stop()


async def test_what_comes_of_a_reply_after_the_stop_does_not_sound():
    """The server has sent it already, faster than it sounds, when it is asked to close."""
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        played: list[str] = []
        board.playback = SimpleNamespace(enqueue=lambda item_id, _pcm: played.append(item_id) is None)
        await converse(r, board, JARVIS)
        await r.peer.send("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u1")
        await r.peer.send("input_audio_buffer.speech_stopped", audio_end_ms=60_000, item_id="u1")
        await r.peer.send("input_audio_buffer.committed", item_id="u1")
        await r.peer.send("response.created", response={"id": "r1", "status": "in_progress"})
        sound = {"response_id": "r1", "item_id": "i1", "content_index": 0, "delta": base64.b64encode(CHUNK).decode()}
        await r.peer.send("response.output_audio.delta", **sound)
        while not played:
            board.take_output(await r.next())
        await r.peer.send("response.output_audio.delta", **sound)
        board.take_event(ev.StopRequested("mute"))
        while board.conductor.state is not State.IDLE:
            board.take_output(await r.next())
        assert played == ["i1"]
        board.conductor.stop()


async def test_a_function_that_is_called_after_the_stop_is_not_run():
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        served: list[ToolsCalled] = []
        board.clerk = SimpleNamespace(serve=served.append)
        await converse(r, board, JARVIS)
        called = ToolsCalled(1, "r1", ())
        board.take_report(called)
        board.take_event(ev.StopRequested("mute"))
        board.take_report(called)
        assert served == [called]
        await part(r, board)


async def test_a_notice_does_not_sound_where_no_loudspeaker_is():
    async with rig(keep_warm=False) as r:
        board = board_for(r.link)
        enqueued: list[bytes] = []
        board.playback = SimpleNamespace(enqueue=lambda _item, pcm: not enqueued.append(pcm), end_response=lambda: None)
        board.reporter = SimpleNamespace(standing=SimpleNamespace(devices={"loudspeaker": "is gone"}))
        assert not board.play_notice(b"\0\0")
        board.reporter.standing.devices.clear()
        assert board.play_notice(b"\0\0")
        assert enqueued == [b"\0\0"]
        board.conductor.stop()
