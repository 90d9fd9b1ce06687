"""What observers are told: tokens, transcripts, latencies."""

from __future__ import annotations

import pytest
from support.desk import Desk, created, delta, done, server

from speakerd.config.model import Realtime
from speakerd.conversation.events import ItemHeard, ResponseEnded
from speakerd.realtime.incoming import Usage
from speakerd.realtime.outputs import (
    FirstAudio,
    ResponseUsage,
    Said,
    SaidCut,
    SaidPartly,
    TranscriptionUsage,
    UserItem,
)
from speakerd.realtime.settings import session_settings

SETTINGS = session_settings(Realtime(), transcripts=True)


@pytest.fixture
def desk() -> Desk:
    return Desk.ready(SETTINGS)


def words(text: str, *, final: bool, item: str = "i1") -> str:
    kind = "response.output_audio_transcript." + ("done" if final else "delta")
    return server(kind, response_id="r1", item_id=item, **{"transcript" if final else "delta": text})


FULL = {
    "total_tokens": 1_300,
    "input_tokens": 1_000,
    "output_tokens": 300,
    "input_token_details": {
        "text_tokens": 400,
        "audio_tokens": 600,
        "cached_tokens": 500,
        "cached_tokens_details": {"text_tokens": 300, "audio_tokens": 200},
    },
    "output_token_details": {"text_tokens": 60, "audio_tokens": 240},
}


@pytest.mark.parametrize(
    ("usage", "want"),
    [
        (FULL, Usage(400, 600, 300, 200, 60, 240)),
        ({"input_tokens": 9, "output_tokens": 4}, Usage(input_text=9, output_text=4)),
        ({"input_tokens": 9, "input_token_details": {"cached_tokens": 5}}, Usage(input_text=9, cached_text=5)),
        ({"input_tokens": "many", "output_tokens": -4, "input_token_details": 7}, Usage()),
    ],
)
def test_tokens_of_a_response(desk, usage, want):
    desk.receive(created())
    assert desk.receive(done(usage=usage))[0] == ResponseUsage(1, "r1", "", want)


def test_what_was_cancelled_or_comes_late_is_paid_for_too(desk):
    desk.receive(created())
    desk.cancel("r1")
    assert isinstance(desk.receive(done(status="cancelled", usage=FULL))[0], ResponseUsage)
    assert isinstance(desk.receive(done("r7", usage=FULL))[0], ResponseUsage)


def test_a_server_that_does_not_count_is_believed(desk):
    desk.receive(created())
    assert not [one for one in desk.receive(done()) if isinstance(one, ResponseUsage)]


@pytest.mark.parametrize(
    ("usage", "want"),
    [
        (
            {"type": "tokens", "input_tokens": 30, "output_tokens": 5, "input_token_details": {"audio_tokens": 22}},
            TranscriptionUsage(1, "u1", input_audio=22, input_text=8, output_text=5),
        ),
        ({"type": "duration", "seconds": 3.5}, TranscriptionUsage(1, "u1", seconds=3.5)),
    ],
)
def test_transcription_is_billed_apart(desk, usage, want):
    kind = "conversation.item.input_audio_transcription"
    assert desk.say(
        server("input_audio_buffer.committed", item_id="u1"),
        server(f"{kind}.delta", item_id="u1", delta="What "),
        server(f"{kind}.completed", item_id="u1", transcript="What time is it?", usage=usage),
    ) == [UserItem("u1"), SaidPartly("user", "u1", "What "), want, Said("user", "What time is it?", "u1")]


def test_the_assistants_words_are_told_in_pieces_and_whole(desk):
    desk.receive(created())
    assert desk.say(words("It is ", final=False), words("ten.", final=False), words("It is ten.", final=True)) == [
        SaidPartly("assistant", "i1", "It is "),
        SaidPartly("assistant", "i1", "ten."),
        Said("assistant", "It is ten.", "i1"),
    ]


def test_words_are_cut_where_the_sound_was(desk):
    desk.say(created(), words("one two three four five six", final=False), delta(1_000))
    assert desk.truncate((ItemHeard("i1", 500, 1_000),)) == [SaidCut("i1", "one two three")]
    assert desk.receive(words("one two three four five six", final=True)) == [SaidCut("i1", "one two three")]


def test_words_that_come_after_the_cut_are_cut_too(desk):
    desk.say(created(), delta(1_000))
    assert desk.truncate((ItemHeard("i1", 250, 1_000),)) == []
    assert desk.receive(words("alpha beta gamma delta", final=True)) == [SaidCut("i1", "alpha")]


def test_words_that_nobody_heard_are_none(desk):
    desk.say(created(), words("one two", final=False), delta(1_000))
    assert desk.truncate((ItemHeard("i1", 0, 1_000),)) == [SaidCut("i1", "")]


def test_words_of_a_reply_that_was_cancelled_before_it_sounded_are_none(desk):
    desk.say(created(), words("one two", final=False))
    desk.cancel("r1")
    over = done(status="cancelled", output=[{"type": "message", "id": "i1"}])
    assert desk.receive(over) == [SaidCut("i1", ""), ResponseEnded(1, "r1", "cancelled", 0)]
    assert desk.receive(words("one two", final=True)) == [SaidCut("i1", "")]


def test_words_of_a_second_answer_that_nobody_heard_are_none_and_the_server_forgets_them(desk):
    """LiteLLM asks for a response of its own beside the one that the server gives."""
    desk.say(server("input_audio_buffer.speech_stopped"), created(), delta(100), created("r2"))
    desk.receive(words("one two", final=True, item="i2"))
    over = done("r2", status="cancelled", output=[{"type": "message", "id": "i2"}])
    desk.sent()
    assert desk.receive(over) == [SaidCut("i2", "")]
    assert desk.sent() == [{"type": "conversation.item.delete", "item_id": "i2"}]
    assert not [one for one in desk.receive(done()) if isinstance(one, SaidCut)]
    assert desk.sent() == []


def test_the_first_sound_is_timed_from_the_end_of_the_turn(desk):
    desk.receive(server("input_audio_buffer.speech_stopped"))
    desk.now_s += 0.75
    desk.receive(created())
    assert desk.receive(delta(100))[0] == FirstAudio(1, "r1", 0.75)
    assert len(desk.receive(delta(100))) == 1


def test_the_end_of_the_session_is_known(desk):
    assert desk.expires_at_s == 0
    desk.receive(server("session.created", session={"type": "realtime", "expires_at": 1_800_000_000}))
    assert desk.expires_at_s == 1_800_000_000
