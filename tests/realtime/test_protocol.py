"""The session without its socket: recorded dialogues in, events and text out."""

from __future__ import annotations

import base64
import json

import pytest
from support.desk import Desk, created, delta, done, server

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime.outputs import (
    Fatal,
    FirstAudio,
    ItemAudio,
    ResponseFailed,
    Said,
    UserItem,
    VoiceComplete,
)
from speakerd.realtime.settings import session_settings
from speakerd.realtime.troubles import Trouble


@pytest.fixture
def settings() -> dict:
    return session_settings(Realtime())


@pytest.fixture
def protocol(settings) -> Desk:
    """A session that is ready."""
    return Desk.ready(settings, 3)


def asking(settings: dict) -> Desk:
    """A session that was asked for."""
    desk = Desk(settings, 1)
    desk.connected()
    return desk


# ------------------------------------------------------------ set-up


def test_the_first_word_is_the_session(settings):
    protocol = Desk(settings, 1)
    protocol.connected()
    assert protocol.sent() == [{"type": "session.update", "session": settings}]
    assert settings["type"] == "realtime"
    assert settings["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}


def test_no_sound_before_the_session_is_agreed(settings):
    protocol = Desk(settings, 1)
    protocol.connected()
    with pytest.raises(RuntimeError):
        protocol.append_audio(b"\0\0")


def test_fields_that_a_server_adds_or_leaves_out_do_no_harm(settings):
    protocol = asking(settings)
    granted = {"type": "realtime", "id": "sess_1", "audio": {"output": settings["audio"]["output"]}}
    assert protocol.receive(server("session.updated", session=granted)) == [ev.SessionReady(1)]


def test_a_session_that_is_not_what_was_asked_for_is_not_used(settings):
    granted = json.loads(json.dumps(settings))
    granted["audio"]["input"]["turn_detection"]["interrupt_response"] = True
    granted["audio"]["output"]["format"]["rate"] = 16_000
    [fatal] = asking(settings).receive(server("session.updated", session=granted))
    assert fatal == Fatal(
        "session_mismatch",
        "the server did not accept: audio.input.turn_detection.interrupt_response, audio.output.format.rate",
    )


def test_a_voice_of_its_own_is_a_liberty_of_the_server(settings):
    granted = json.loads(json.dumps(settings))
    granted["audio"]["output"]["voice"] = "slt"
    granted["audio"]["input"]["noise_reduction"] = None
    protocol = asking(settings)
    assert protocol.receive(server("session.updated", session=granted)) == [ev.SessionReady(1)]
    assert protocol.liberties == ("audio.input.noise_reduction", "audio.output.voice")


def test_instructions_that_got_lost_are_no_liberty(settings):
    granted = {**settings, "instructions": "You are a pirate."}
    [fatal] = asking(settings).receive(server("session.updated", session=granted))
    assert fatal.code == "session_mismatch"


@pytest.mark.parametrize(
    ("code", "kind", "want", "message"),
    [
        ("invalid_value", "invalid_request_error", "session_refused", "invalid_value: no such voice"),
        (None, "invalid_request_error", "session_refused", "invalid_request_error: no such voice"),
        ("", "", "session_refused", "no such voice"),
        ("invalid_api_key", "invalid_request_error", "invalid_api_key", "no such voice"),
        (None, "server_error", "server_error", "no such voice"),
    ],
)
def test_an_error_during_set_up_is_fatal_and_a_wrong_setting_is_called_one(settings, code, kind, want, message):
    error = {"type": kind, "code": code, "message": "no such voice"}
    assert Desk(settings, 1).receive(server("error", error=error)) == [Fatal(want, message)]


# ------------------------------------------------------------ a turn


def test_a_turn_from_speech_to_answer(protocol):
    lines = [
        server("input_audio_buffer.speech_started", audio_start_ms=10, item_id="u1"),
        server("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="u1"),
        server("input_audio_buffer.committed", item_id="u1", previous_item_id=None),
        created(),
        delta(200),
        delta(300),
        server("response.output_audio.done", response_id="r1", item_id="i1", content_index=0, output_index=0),
        done(),
    ]
    out = [output for line in lines for output in protocol.receive(line)]
    assert out == [
        ev.UserSpeechStarted(3),
        ev.UserSpeechStopped(3),
        UserItem("u1"),
        ev.ResponseStarted(3, "r1"),
        FirstAudio(3, "r1", 0.0),
        ItemAudio("i1", b"\1\0" * 200 * 24),
        ItemAudio("i1", b"\1\0" * 300 * 24),
        VoiceComplete(),
        ev.ResponseEnded(3, "r1", "completed", 500),
    ]
    assert protocol.sent() == []


def test_sound_goes_out_as_base64(protocol):
    protocol.append_audio(b"\1\2\3\4")
    assert protocol.sent() == [{"type": "input_audio_buffer.append", "audio": "AQIDBA=="}]


def test_transcripts_are_passed_on(protocol):
    line = server("response.output_audio_transcript.done", response_id="r1", item_id="i1", transcript="Ten o'clock.")
    assert protocol.receive(line) == [Said("assistant", "Ten o'clock.", "i1")]


# ------------------------------------------------------------ interruptions


def test_a_cancelled_response_falls_silent_at_once(protocol):
    protocol.receive(created())
    protocol.receive(delta(200))
    protocol.cancel("r1")
    assert protocol.sent() == [{"type": "response.cancel", "response_id": "r1"}]
    assert protocol.receive(delta(200)) == []
    assert protocol.counts["late_delta"] == 1
    assert protocol.receive(done(status="cancelled")) == [ev.ResponseEnded(3, "r1", "cancelled", 200)]


def test_cancelling_twice_sends_one_cancel_and_spares_the_next_response(protocol):
    protocol.receive(created())
    protocol.cancel("r1")
    protocol.cancel("r1")
    assert len(protocol.sent()) == 1
    protocol.receive(done(status="cancelled"))
    assert protocol.receive(created("r2")) == [ev.ResponseStarted(3, "r2")]


def test_a_response_that_is_over_is_not_cancelled(protocol):
    protocol.receive(created())
    protocol.receive(done())
    protocol.cancel("r1")
    assert protocol.sent() == []
    assert protocol.receive(created("r2")) == [ev.ResponseStarted(3, "r2")]


def test_an_orphan_is_cancelled_when_it_appears(protocol):
    protocol.cancel(None)
    assert protocol.receive(created("r9")) == []
    assert protocol.sent() == [{"type": "response.cancel", "response_id": "r9"}]
    assert protocol.receive(delta(100, "r9")) == []


def test_the_answer_to_the_next_turn_is_no_orphan(protocol):
    protocol.cancel(None)
    protocol.receive(server("input_audio_buffer.committed", item_id="u2"))
    assert protocol.receive(created("r2")) == [ev.ResponseStarted(3, "r2")]


@pytest.mark.parametrize(
    ("heard_ms", "claimed_ms", "end_ms"),
    [(320, 500, 320), (640, 500, 500), (640, 9999, 500)],
)
def test_truncation_never_exceeds_what_was_received(protocol, heard_ms, claimed_ms, end_ms):
    protocol.receive(created())
    protocol.receive(delta(500))
    protocol.truncate((ev.ItemHeard("i1", heard_ms, claimed_ms),))
    assert protocol.sent() == [
        {"type": "conversation.item.truncate", "item_id": "i1", "content_index": 0, "audio_end_ms": end_ms}
    ]


def test_what_nobody_heard_is_deleted(protocol):
    protocol.receive(created())
    protocol.receive(delta(500))
    protocol.truncate((ev.ItemHeard("i1", 0, 500),))
    assert protocol.sent() == [{"type": "conversation.item.delete", "item_id": "i1"}]


def test_an_item_that_never_sounded_is_not_truncated(protocol):
    protocol.truncate((ev.ItemHeard("i7", 100, 500),))
    assert protocol.sent() == []


def test_an_item_of_which_every_delta_came_too_late_is_deleted(protocol):
    protocol.receive(created())
    protocol.cancel("r1")
    protocol.receive(delta(300))
    output = [{"type": "message", "id": "i1", "role": "assistant"}, {"type": "function_call", "id": "f1"}]
    protocol.receive(done(status="cancelled", output=output))
    assert protocol.sent()[1:] == [{"type": "conversation.item.delete", "item_id": "i1"}]


def test_a_turn_refused_because_of_a_running_response_gets_its_answer_afterwards(protocol):
    protocol.receive(created())
    error = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": ""}
    assert protocol.receive(server("error", error=error)) == []
    protocol.receive(done(status="cancelled"))
    assert protocol.sent() == [{"type": "response.create"}]


# ------------------------------------------------------------ trouble


@pytest.mark.parametrize("where", ["code", "type"])
@pytest.mark.parametrize("code", ["insufficient_quota", "session_expired", "invalid_api_key"])
def test_fatal_errors_are_found_in_code_and_in_type(protocol, code, where):
    error = {"type": "some_error", "code": None, "message": "sorry", where: code}
    assert protocol.receive(server("error", error=error)) == [Fatal(code, "sorry")]


def test_quota_failures_come_in_response_done(protocol):
    protocol.receive(created())
    details = {"type": "failed", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "m"}}
    assert protocol.receive(done(status="failed", status_details=details)) == [
        ResponseFailed(3, "r1", Trouble.NO_QUOTA, "insufficient_quota", "insufficient_quota", "m"),
        Fatal("insufficient_quota", "m"),
    ]


def test_other_failures_of_a_response_leave_the_session_alive(protocol):
    protocol.receive(created())
    details = {"type": "failed", "error": {"type": "server_error", "code": None, "message": "m"}}
    assert protocol.receive(done(status="failed", status_details=details)) == [
        ResponseFailed(3, "r1", Trouble.SERVER_ERROR, "server_error", "server_error", "m"),
        VoiceComplete(),
        ev.ResponseEnded(3, "r1", "failed", 0, "server_error"),
    ]


def test_other_errors_are_counted_and_survived(protocol):
    error = {"type": "invalid_request_error", "code": "response_cancel_not_active", "message": "m"}
    assert protocol.receive(server("error", error=error)) == []
    assert protocol.counts["error/response_cancel_not_active"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"type": 7}',
        "[" * 100_000,
        server("response.created"),
        server("response.created", response={"id": 5}),
        server("response.output_audio.delta", response_id="r1", item_id="i1", delta="%%%"),
        server("response.output_audio.delta", response_id="r1", item_id="i1"),
        server("session.updated", session=[]),
        server("error", error="x"),
        server("response.done", response={"status": "completed"}),
        " " * 5_000_000,
    ],
)
def test_what_cannot_be_read_is_counted_and_survived(protocol, text):
    protocol.receive(created())
    assert protocol.receive(text) == []
    assert protocol.counts["unreadable"] == 1


@pytest.mark.parametrize(
    "extra",
    [{"status_details": 3}, {"usage": "much"}, {"output": {"a": 1}}, {"output": [7, {"type": 8}]}, {"status": 5}],
)
def test_what_goes_along_with_the_end_of_a_response_never_hides_it(protocol, extra):
    protocol.receive(created())
    assert protocol.receive(done(**extra)) == [VoiceComplete(), ev.ResponseEnded(3, "r1", "completed", 0)]


def test_unknown_messages_are_counted_and_ignored(protocol):
    assert protocol.receive(server("conversation.item.added", item={})) == []
    assert protocol.counts["unknown/conversation.item.added"] == 1


def test_a_sample_split_over_two_deltas_is_passed_on_whole(protocol):
    protocol.receive(created())
    pieces = []
    for piece in (b"\1\2\3", b"\4\5\6"):
        audio = base64.b64encode(piece).decode()
        line = server("response.output_audio.delta", response_id="r1", item_id="i1", delta=audio)
        pieces += protocol.receive(line)
    assert b"".join(piece.pcm for piece in pieces) == b"\1\2\3\4\5\6"


def test_a_cancel_reaches_the_next_response_while_a_cancelled_one_is_still_active(protocol):
    protocol.receive(created("r1"))
    protocol.cancel("r1")
    protocol.receive(server("input_audio_buffer.committed", item_id="u1"))
    protocol.cancel(None)
    protocol.receive(done("r1", status="cancelled"))
    assert protocol.receive(created("r2")) == []
    assert protocol.sent()[-1] == {"type": "response.cancel", "response_id": "r2"}
