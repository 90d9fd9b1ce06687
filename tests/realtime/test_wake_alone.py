"""A false wake costs nothing: the wake word alone is not answered; whatever is said beyond it is, at once."""

from __future__ import annotations

import pytest
from support.desk import Desk, created, done, server
from support.rig import CHUNK, rig

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime.settings import session_settings
from speakerd.realtime.turns import WAKE_TAIL_MS

WITHHELD = session_settings(Realtime(), withhold=True)
CREATE = {"type": "response.create"}
WAKE_MS = 500
ALONE_MS = WAKE_MS + WAKE_TAIL_MS + 500  # 500 ms of silence end a turn
START = server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u1")
COMMITTED = server("input_audio_buffer.committed", item_id="u1")


def stop(end_ms: int) -> str:
    return server("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id="u1")


def running(event_id: str) -> str:
    error = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": "m"}
    return server("error", error={**error, "event_id": event_id})


def may_answer(message: dict) -> bool:
    return message["session"]["audio"]["input"]["turn_detection"]["create_response"]


@pytest.fixture
def desk() -> Desk:
    desk = Desk.ready(WITHHELD)
    desk.turns.wake_ms = WAKE_MS
    return desk


def test_the_wake_word_alone_is_not_answered_and_what_follows_is_by_the_server_itself(desk):
    assert desk.say(START, stop(ALONE_MS)) == [ev.UserSpeechStarted(1), ev.NothingAsked(1)]
    assert desk.sent() == [], "nothing before the turn is over: an update might tear it"
    desk.receive(COMMITTED)
    [update] = desk.sent()
    assert may_answer(update)
    assert desk.deadline_s is None, "nothing is due"
    assert desk.at_rest
    desk.receive(server("session.updated", session=update["session"]))
    assert desk.say(START, stop(4_000), COMMITTED)[1] == ev.UserSpeechStopped(1)
    assert desk.sent() == []
    assert desk.receive(created()) == [ev.ResponseStarted(1, "r1")]


@pytest.mark.parametrize("end_ms", [ALONE_MS + 1, 5_000, 0])
def test_what_goes_beyond_it_is_answered_at_once(desk, end_ms):
    """0: a server that does not say when the turn ended."""
    assert ev.UserSpeechStopped(1) in desk.say(START, stop(end_ms), COMMITTED)
    update, create = desk.sent()
    assert may_answer(update)
    assert create == CREATE
    assert desk.receive(created()) == [ev.ResponseStarted(1, "r1")]


def test_a_turn_that_is_only_committed_is_answered(desk):
    desk.receive(COMMITTED)
    assert desk.sent()[1:] == [CREATE]


def test_only_the_first_turn_can_be_the_wake_word(desk):
    desk.say(START, stop(ALONE_MS), COMMITTED)
    desk.sent()
    assert ev.UserSpeechStopped(1) in desk.say(START, stop(ALONE_MS), COMMITTED)
    assert desk.sent() == [CREATE], "the server has not confirmed yet that it answers by itself"


def test_a_server_that_answers_by_itself_all_the_same_is_let(desk):
    """It says so: then it is not asked as well, and the wake word alone is its business."""
    desk = Desk(WITHHELD)
    desk.connected()
    own = session_settings(Realtime())
    assert desk.receive(server("session.updated", session=own)) == [ev.SessionReady(1)]
    assert "audio.input.turn_detection.create_response" in desk.liberties
    desk.turns.wake_ms = WAKE_MS
    desk.sent()
    desk.say(START, stop(5_000), COMMITTED)
    assert desk.sent() == []
    assert desk.receive(created()) == [ev.ResponseStarted(1, "r1")]


def test_a_server_that_answers_by_itself_without_saying_so_is_not_made_to_answer_twice(desk):
    desk.say(START, stop(5_000), COMMITTED)
    create_id = next(frame for frame in desk.take_outgoing() if "response.create" in frame)
    assert '"create_1"' in create_id
    assert desk.receive(created()) == [ev.ResponseStarted(1, "r1")]
    desk.receive(running("create_1"))
    desk.receive(done())
    desk.later(10.0)
    assert CREATE not in desk.sent()


def test_a_proxy_that_asks_in_our_name_is_not_let_answer_the_wake_word(desk):
    desk.say(START, stop(ALONE_MS), COMMITTED)
    desk.sent()
    assert desk.receive(created()) == []
    assert desk.sent() == [{"type": "response.cancel", "response_id": "r1"}]
    desk.receive(done(status="cancelled"))
    desk.say(START, stop(5_000), COMMITTED)
    assert desk.receive(created("r2")) == [ev.ResponseStarted(1, "r2")]


def test_a_server_that_does_not_answer_although_it_was_asked_to_is_asked_each_time():
    desk = Desk(session_settings(Realtime()))
    desk.connected()
    assert desk.receive(server("session.updated", session=WITHHELD)) == [ev.SessionReady(1)]
    desk.sent()
    desk.receive(COMMITTED)
    assert desk.sent() == [CREATE]


@pytest.mark.parametrize("warm", [False, True])
async def test_the_link_tells_its_session_where_the_wake_word_is(warm):
    async with rig(keep_warm=warm, withhold=True) as r:
        if warm:
            r.link.start()
            await r.until(lambda: r.link.warm)
        r.link.open(1, WAKE_MS)
        assert await r.next() == ev.SessionReady(1)
        r.link.append_audio(CHUNK)
        await r.peer.send("input_audio_buffer.speech_stopped", audio_end_ms=ALONE_MS)
        assert await r.next() == ev.NothingAsked(1)
        await r.peer.send("input_audio_buffer.committed", item_id="u1")
        await r.until(lambda: len(r.peer.of_type("session.update")) == 2)
        assert not r.peer.of_type("response.create")


@pytest.mark.parametrize("heard_before", [False, True])
async def test_a_session_that_takes_over_knows_whether_somebody_has_spoken_yet(heard_before):
    async with rig(withhold=True, ping_timeout_s=0.5) as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.link.open(1, WAKE_MS)
        await r.next()
        if heard_before:
            await r.peer.send("input_audio_buffer.committed", item_id="u1")
            await r.until(lambda: r.peer.of_type("response.create"))
        r.link._seat._revive()
        await r.until(lambda: len(r.peers) == 2 and r.link._current.ready)
        await r.until(lambda: not r.link._seat._taking_over)
        await r.peer.send("input_audio_buffer.speech_stopped", audio_end_ms=ALONE_MS)
        expected = ev.UserSpeechStopped(1) if heard_before else ev.NothingAsked(1)
        assert await r.next() == expected
