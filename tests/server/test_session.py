"""What a client may ask of a session, and what it may not; each event checked against the published schema."""

from __future__ import annotations

import base64

import pytest
from support.session_words import ITEM, TOOL, Harness, Say, error_of, kinds

from speakerd.server.effects import Close
from speakerd.server.session import SESSION_S


def test_the_first_event_is_session_created_with_the_defaults_of_the_service(h: Harness):
    assert kinds(h.events) == ["session.created"]
    session = h.events[0]["session"]
    assert session["type"] == "realtime"
    assert session["model"] == "test-model"
    assert session["output_modalities"] == ["audio"]
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    assert session["expires_at"] == int(h.wall.timestamp()) + SESSION_S


def test_an_update_answers_with_the_full_merged_session(h: Harness):
    h.update(instructions="Be brief.", audio={"output": {"voice": "marin"}})
    events = h.update(audio={"input": {"transcription": {"model": "m"}, "turn_detection": None}}, tools=[TOOL])
    assert kinds(events) == ["session.updated"]
    session = events[0]["session"]
    assert session["instructions"] == "Be brief."
    assert session["audio"]["output"]["voice"] == "marin"
    assert session["audio"]["input"]["turn_detection"] is None
    assert session["audio"]["input"]["transcription"]["model"] == "m"
    assert session["tools"] == [TOOL]
    assert {"id", "object", "expires_at", "tool_choice", "truncation"} <= set(session)


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"type": "realtime", "modalities": ["audio"]}, "unknown_parameter", "session.modalities"),
        ({"type": "realtime", "output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        (
            {"type": "realtime", "audio": {"output": {"speed": 9}}},
            "decimal_above_max_value",
            "session.audio.output.speed",
        ),
        (
            {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": "x"}}}},
            "invalid_type",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"threshold": 0.5}}}},
            "missing_required_parameter",
            "session.audio.input.turn_detection.type",
        ),
        ({"type": "realtime", "tools": [{"type": "web"}]}, "invalid_value", "session.tools[0].type"),
    ],
)
def test_a_wrong_update_is_refused_whole(h: Harness, session: dict, code: str, param: str):
    before = h.events[0]["session"]
    error = error_of(h.send("session.update", event_id="mine", session={**session, "instructions": "changed"}))
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    assert error["type"] == "invalid_request_error"
    assert h.update()[0]["session"] == before


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("[]", "invalid_event"),
        ("{}", "missing_required_parameter"),
        ('{"type": "response.audio.delta"}', "invalid_value"),
        ('{"type": ["x"]}', "invalid_value"),
        ('{"type": "transcription_session.update"}', "invalid_value"),
        ('{"type": "session.update"}', "missing_required_parameter"),
        ('{"type": "input_audio_buffer.append", "audio": 5}', "invalid_type"),
        ('{"type": "input_audio_buffer.append", "audio": "%%%"}', "invalid_value"),
        ('{"type": "response.create", "response": {"modalities": ["text"]}}', "unknown_parameter"),
        (ITEM % '"user", "content": [{}]', "missing_required_parameter"),
        (ITEM % '"boss", "content": []', "invalid_value"),
        (b"\xff\xfe", "invalid_json"),
    ],
)  # fmt: skip
def test_nonsense_is_answered_with_an_error_and_the_session_goes_on(h: Harness, text: str | bytes, code: str):
    assert error_of(h.send_raw(text))["code"] == code
    assert kinds(h.update()) == ["session.updated"]


def test_errors_carry_the_id_of_the_event_that_caused_them(h: Harness):
    assert error_of(h.send("no.such.event", event_id="a"))["event_id"] == "a"
    assert error_of(h.send("response.cancel", event_id="b"))["event_id"] == "b"
    assert error_of(h.send("response.cancel"))["event_id"] is None
    assert error_of(h.send("response.cancel", event_id=5))["event_id"] is None


def test_a_session_ends_after_an_hour(h: Harness):
    h.pass_time(SESSION_S - 1)
    assert h.closed is None
    h.events.clear()
    h.pass_time(2)
    assert error_of(h.events)["code"] == "session_expired"
    assert h.closed == Close(1001, "session expired")


def test_g711_in_both_directions(h: Harness, say: Say):
    from speakerd.server.audio import PCMU

    h.update(audio={"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}})
    sound = PCMU.encode(say("What time is it?", "rms", 8_000))
    for start in range(0, len(sound), 800):
        h.send("input_audio_buffer.append", audio=base64.b64encode(sound[start : start + 800]).decode())
    h.pass_time(5)
    assert h.of("input_audio_buffer.committed")
    sent = b"".join(base64.b64decode(e["delta"]) for e in h.of("response.output_audio.delta"))
    assert len(sent) == 8_000, "one second at 8 kHz, a byte a sample"


def test_too_much_sound_at_once_is_refused(h: Harness):
    error = error_of(h.send("input_audio_buffer.append", audio="A" * (15 * 2**20 * 4 // 3 + 8)))
    assert error["code"] == "invalid_value"


def test_the_buffer_is_bounded(h: Harness):
    h.update(audio={"input": {"turn_detection": None}})
    minute = base64.b64encode(bytes(60 * 48_000)).decode()
    for _ in range(10):
        assert not h.send("input_audio_buffer.append", audio=minute)
    assert error_of(h.send("input_audio_buffer.append", audio=minute))["code"] == "input_audio_buffer_full"
    h.send("input_audio_buffer.clear")
    assert not h.send("input_audio_buffer.append", audio=minute)


def test_silence_does_not_pile_up_under_turn_detection(h: Harness):
    for _ in range(60):
        h.send("input_audio_buffer.append", audio=base64.b64encode(bytes(48_000)).decode())
    assert h.session._listener._inbox.buffered_ms <= 1_400
    assert h.session._listener.received_ms == 60_000


def test_other_requests(h: Harness):
    assert error_of(h.send("output_audio_buffer.clear"))["code"] == "invalid_value"
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    assert h.send("conversation.item.create", item=call)[0]["item"]["call_id"].startswith("call_")
    h.send("response.create")
    assert h.spoken[-1].startswith("do sums") is False
    assert kinds(h.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})) == [
        "session.updated"
    ]
