"""A session's answers to everything a client may send, each event checked against the published schema."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

from speakerd.pcm import Samples, to_bytes
from speakerd.server.effects import Close
from speakerd.server.session import SESSION_S

Say = Callable[..., Samples]
Harness: TypeAlias = Any
"""conftest.Harness."""
ANSWER = [
    "response.created",
    "rate_limits.updated",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
]
END = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]
ITEM = '{"type": "conversation.item.create", "item": {"type": "message", "role": %s}}'
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Current weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def kinds(events: list[dict]) -> list[str]:
    """Event types in order, runs of the same type once."""
    return [key for key, _ in itertools.groupby(event["type"] for event in events)]


def error_of(events: list[dict]) -> dict:
    assert kinds(events) == ["error"]
    return events[0]["error"]


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


def test_a_typed_question_is_answered_aloud_in_the_order_of_the_service(h: Harness):
    item = h.ask("What time is it?")
    assert kinds(h.events[1:]) == ["conversation.item.added", "conversation.item.done"]
    h.events.clear()
    h.send("response.create", response={"metadata": {"topic": "time"}})
    h.pass_time(10)
    assert kinds(h.events) == ANSWER + END
    assert h.spoken == ["It is 3:07 PM."]
    done = h.of("response.done")[0]["response"]
    assert done["status"] == "completed"
    assert done["metadata"] == {"topic": "time"}
    (message,) = done["output"]
    assert message["content"] == [{"type": "output_audio", "transcript": "It is 3:07 PM."}]
    assert h.of("conversation.item.added")[0]["previous_item_id"] == item["id"]
    assert h.of("response.created")[0]["response"]["status"] == "in_progress"


def test_sound_is_sent_in_short_chunks_faster_than_it_plays_but_not_at_once(h: Harness):
    h.speech = lambda job: np.arange(10 * job.rate_hz, dtype=np.int64).astype(np.int16)
    h.ask("Hello")
    h.send("response.create")
    chunks = [base64.b64decode(e["delta"]) for e in h.of("response.output_audio.delta")]
    assert sum(map(len, chunks)) == 48 * 400, "400 ms at once"
    h.pass_time(1.0)
    sent_ms = sum(len(base64.b64decode(e["delta"])) for e in h.of("response.output_audio.delta")) / 48
    assert 4200 <= sent_ms <= 4600
    h.pass_time(10)
    chunks = [base64.b64decode(e["delta"]) for e in h.of("response.output_audio.delta")]
    assert max(map(len, chunks)) <= 48 * 200
    sound = np.concatenate([np.arange(240_000).astype(np.int16)] * 2)
    assert b"".join(chunks) == to_bytes(sound), "two sentences, nothing lost"


def test_the_first_sentence_sounds_before_the_second_is_synthesised(h: Harness):
    h.hold_voice = True
    h.ask("What can you do?")
    h.send("response.create")
    assert len(h.jobs) == 1
    job = h.jobs.pop()
    h._take(h.session.job_done(job.job, np.zeros(24_000, dtype=np.int16), h.now_s))
    assert h.of("response.output_audio.delta")
    assert len(h.of("response.output_audio_transcript.delta")) == 1
    assert len(h.jobs) == 1, "the next sentence is being made meanwhile"


def test_a_spoken_question_becomes_a_turn_an_item_and_an_answer(h: Harness, say: Say):
    h.update(audio={"input": {"transcription": {"model": "any"}}})
    h.events.clear()
    h.append(say("What time is it?"))
    h.pass_time(5)
    transcription = "conversation.item.input_audio_transcription"
    assert kinds(h.events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{transcription}.delta",
        f"{transcription}.completed",
        *ANSWER,
        *END,
    ]
    started, stopped, committed = h.events[:3]
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    heard = h.of(f"{transcription}.completed")[0]
    assert heard["transcript"] == "What time is it?"
    turn_s = (stopped["audio_end_ms"] - started["audio_start_ms"]) / 1000
    assert heard["usage"]["seconds"] == pytest.approx(turn_s, abs=0.03)
    assert h.of("response.done")[0]["response"]["usage"]["input_token_details"]["audio_tokens"] == int(turn_s * 10)


def test_the_ears_begin_before_the_turn_has_ended(h: Harness, say: Say):
    stops_before: list[int] = []
    h.heard = lambda _: stops_before.append(len(h.of("input_audio_buffer.speech_stopped"))) or "What time is it?"
    h.append(say("What time is it?"))
    assert set(stops_before) == {0}, "each time at a pause, not once more at the end"
    assert h.spoken == ["It is 3:07 PM."]


def test_an_answer_waits_for_late_ears(h: Harness, say: Say):
    h.hold_ears = True
    h.append(say("What time is it?"))
    assert h.of("response.created")
    assert not h.of("response.output_item.added")
    h.release()
    assert h.spoken == ["It is 3:07 PM."]


def test_without_create_response_nobody_answers(h: Harness, say: Say):
    h.vad(create_response=False)
    h.append(say("What time is it?"))
    assert h.of("input_audio_buffer.committed")
    assert not h.of("response.created")
    h.send("response.create")
    assert h.spoken == ["It is 3:07 PM."]


def test_speech_interrupts_an_answer(h: Harness, say: Say):
    h.speech = lambda job: np.full(20 * job.rate_hz, 1000, dtype=np.int16)
    h.ask("Tell me a story.")
    h.send("response.create")
    h.events.clear()
    h.append(say("Stop."))
    assert (
        kinds(h.events)[:8]
        == [
            "response.output_audio.delta",
            "input_audio_buffer.speech_started",
            *END,
        ][:8]
    )
    done = h.of("response.done")[0]["response"]
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"][0]["status"] == "incomplete"
    after = h.events[h.events.index(h.of("response.done")[0]) + 1 :]
    late = [e for e in after if e.get("response_id") == done["id"]]
    assert not late, "nothing of a cancelled response comes later"


def test_speech_does_not_interrupt_when_told_so_and_is_answered_afterwards(h: Harness, say: Say):
    h.speech = lambda job: np.full(20 * job.rate_hz, 1000, dtype=np.int16)
    h.vad(interrupt_response=False)
    h.ask("Hello")
    h.send("response.create")
    h.append(say("What time is it?"))
    assert h.of("input_audio_buffer.committed")
    h.pass_time(30)
    assert [e["response"]["status"] for e in h.of("response.done")] == ["completed", "completed"]
    assert h.spoken[-1] == "It is 3:07 PM."


def test_noise_is_answered_once_and_then_with_silence(h: Harness, say: Say):
    h.heard = lambda _: ""
    for _ in range(3):
        h.append(say("Stop."))
        h.pass_time(5)
    done = [e["response"] for e in h.of("response.done")]
    assert [r["status"] for r in done] == ["completed"] * 3
    assert [len(r["output"]) for r in done] == [1, 0, 0]


def test_manual_turns(h: Harness, say: Say):
    h.update(audio={"input": {"turn_detection": None}})
    error = error_of(h.send("input_audio_buffer.commit"))
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert "0.00ms" in error["message"]
    h.append(say("What time is it?"))
    assert not h.of("input_audio_buffer.speech_started")
    events = h.send("input_audio_buffer.commit")
    assert kinds(events) == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    assert error_of(h.send("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    h.send("response.create")
    assert h.spoken == ["It is 3:07 PM."]


def test_clear_throws_the_buffer_and_a_begun_turn_away(h: Harness, say: Say):
    sound = say("What time is it?")
    h.append(sound[: sound.size // 2])
    assert h.of("input_audio_buffer.speech_started")
    assert kinds(h.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    h.append(np.zeros(48_000, dtype=np.int16))
    assert not h.of("input_audio_buffer.speech_stopped")


def test_one_response_at_a_time(h: Harness):
    h.hold_voice = True
    h.ask("Hello")
    h.send("response.create")
    error = error_of(h.send("response.create", event_id="second"))
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] == "second"


def test_cancel(h: Harness):
    assert error_of(h.send("response.cancel"))["code"] == "response_cancel_not_active"
    h.hold_voice = True
    h.ask("Hello")
    created = h.send("response.create")[0]["response"]
    assert error_of(h.send("response.cancel", response_id="resp_other"))["code"] == "response_cancel_not_active"
    h.events.clear()
    h.send("response.cancel", response_id=created["id"])
    done = h.of("response.done")[0]["response"]
    assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    h.events.clear()
    h.release()
    assert not h.events, "the voice's late result is dropped"
    assert len(h.spoken) == 1, "and no more is asked of it"


def test_a_cancel_before_the_words_are_known(h: Harness, say: Say):
    h.hold_ears = True
    h.append(say("What time is it?"))
    h.send("response.cancel")
    assert h.of("response.done")[0]["response"]["output"] == []
    h.release()
    assert not h.of("response.output_item.added")


def spoken_item(h: Harness, seconds: float = 1.0) -> str:
    h.speech = lambda job: np.full(int(seconds * job.rate_hz), 1000, dtype=np.int16)
    h.ask("What time is it?")
    h.send("response.create")
    h.pass_time(20)
    return str(h.of("response.output_audio.delta")[-1]["item_id"])


def test_truncate_cuts_sound_and_drops_the_transcript(h: Harness):
    item_id = spoken_item(h)
    cut = {"item_id": item_id, "content_index": 0}
    events = h.send("conversation.item.truncate", **cut, audio_end_ms=700)
    assert kinds(events) == ["conversation.item.truncated"]
    assert {k: events[0][k] for k in (*cut, "audio_end_ms")} == {**cut, "audio_end_ms": 700}
    item = h.send("conversation.item.retrieve", item_id=item_id)[0]["item"]
    assert "transcript" not in item["content"][0]
    assert len(base64.b64decode(item["content"][0]["audio"])) == 700 * 48
    error = error_of(h.send("conversation.item.truncate", **cut, audio_end_ms=701))
    assert error["code"] == "invalid_value"
    assert error["message"] == "Audio content of 700ms is already shorter than 701ms"


def test_truncate_refuses_more_than_was_sent(h: Harness):
    item_id = spoken_item(h)
    error = error_of(h.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1001))
    assert error["message"] == "Audio content of 1000ms is already shorter than 1001ms"
    assert kinds(h.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1000)) == [
        "conversation.item.truncated"
    ]


def test_truncate_counts_only_what_was_sent_before_a_cancel(h: Harness):
    h.speech = lambda job: np.full(20 * job.rate_hz, 1000, dtype=np.int16)
    h.ask("Hello")
    h.send("response.create")
    h.send("response.cancel")
    item_id = h.of("response.output_audio.delta")[0]["item_id"]
    error = error_of(h.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=401))
    assert error["message"] == "Audio content of 400ms is already shorter than 401ms"


@pytest.mark.parametrize(
    ("which", "index", "ms", "code"),
    [
        ("user", 0, 1, "unsupported_content_type"),
        ("assistant", 1, 1, "unsupported_content_type"),
        ("assistant", 0, -1, "invalid_value"),
    ],
)
def test_truncate_refuses_what_is_not_the_assistants_sound(h: Harness, which: str, index: int, ms: int, code: str):
    assistant = spoken_item(h)
    item_id = assistant if which == "assistant" else h.of("conversation.item.added")[0]["item"]["id"]
    error = error_of(h.send("conversation.item.truncate", item_id=item_id, content_index=index, audio_end_ms=ms))
    assert error["code"] == code


@pytest.mark.parametrize("verb", ["truncate", "delete", "retrieve"])
def test_unknown_items(h: Harness, verb: str):
    extra = {"content_index": 0, "audio_end_ms": 0} if verb == "truncate" else {}
    error = error_of(h.send(f"conversation.item.{verb}", item_id="item_none", **extra))
    assert error["code"] == f"item_{verb}_invalid_item_id"


def test_items_take_the_ids_and_places_that_the_client_gives(h: Harness):
    def put(item_id: str, **place: str) -> list[dict]:
        content = [{"type": "input_text", "text": item_id}]
        item = {"type": "message", "role": "user", "id": item_id, "content": content}
        return h.send("conversation.item.create", item=item, **place)

    assert put("a")[0]["previous_item_id"] is None
    assert put("c")[0]["previous_item_id"] == "a"
    assert put("b", previous_item_id="a")[0]["previous_item_id"] == "a"
    assert put("first", previous_item_id="root")[0]["previous_item_id"] is None
    assert error_of(put("a"))["code"] == "item_create_invalid_item_id"
    assert error_of(put("d", previous_item_id="z"))["code"] == "item_create_invalid_previous_item_id"
    assert kinds(h.send("conversation.item.delete", item_id="c")) == ["conversation.item.deleted"]
    assert put("e")[0]["previous_item_id"] == "b"


def test_text_instead_of_sound(h: Harness):
    h.update(output_modalities=["text"])
    h.ask("What is 17 plus 25?")
    h.events.clear()
    h.send("response.create")
    assert kinds(h.events) == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert h.of("response.output_text.done")[0]["text"] == "17 plus 25 is 42."
    assert not h.spoken


def test_a_tool_is_called_and_its_output_is_said(h: Harness):
    h.update(tools=[TOOL])
    h.ask("What is the weather in Berlin today?")
    h.events.clear()
    h.send("response.create")
    assert kinds(h.events) == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    done = h.of("response.function_call_arguments.done")[0]
    assert done["name"] == "get_weather"
    assert json.loads(done["arguments"]) == {"city": "Berlin"}
    assert "".join(e["delta"] for e in h.of("response.function_call_arguments.delta")) == done["arguments"]
    output = {"type": "function_call_output", "call_id": done["call_id"], "output": '{"sky": "sunny", "temp_c": 20}'}
    h.send("conversation.item.create", item=output)
    h.send("response.create")
    assert h.spoken == ["Sky: sunny, temp c: 20."]


def test_instructions_of_one_response_are_obeyed_where_they_are_plain(h: Harness):
    h.update(tools=[TOOL])
    h.send("response.create", response={"instructions": "Call get_weather for Berlin."})
    (call,) = h.of("response.done")[0]["response"]["output"]
    assert (call["name"], json.loads(call["arguments"])) == ("get_weather", {"city": "Berlin"})
    h.send("response.create", response={"instructions": 'Say exactly: "Your tea is ready."'})
    assert h.spoken == ["Your tea is ready."]


def test_nothing_is_shown_that_older_clients_do_not_know(h: Harness):
    session = h.update(audio={"input": {"transcription": {"model": "m"}}}, tools=[{"type": "function", "name": "f"}])[
        0
    ]["session"]
    assert session["audio"]["input"]["transcription"] == {"model": "m"}
    assert session["tools"] == [{"type": "function", "name": "f"}]
    assert "reasoning" not in session
    assert h.update(reasoning={"effort": "low"})[0]["session"]["reasoning"] == {"effort": "low"}


def test_the_voice_is_settled_once_it_was_heard(h: Harness):
    assert kinds(h.update(audio={"output": {"voice": "cedar"}})) == ["session.updated"]
    spoken_item(h)
    error = error_of(h.update(audio={"output": {"voice": "marin"}}))
    assert error["code"] == "cannot_update_voice"
    assert kinds(h.update(audio={"output": {"voice": "cedar"}}, instructions="x")) == ["session.updated"]
    error = error_of(h.send("response.create", response={"audio": {"output": {"voice": "marin"}}}))
    assert error["code"] == "cannot_update_voice"


def test_out_of_band_responses_leave_the_conversation_alone(h: Harness):
    h.hold_voice = True
    h.ask("Hello")
    h.send("response.create")
    h.events.clear()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "3 times 4"}]}
    params = {"conversation": "none", "input": [item], "output_modalities": ["text"], "metadata": {"k": "v"}}
    h.send("response.create", response=params)
    assert h.of("response.output_text.done")[0]["text"] == "3 times 4 is 12."
    done = h.of("response.done")[0]["response"]
    assert done["conversation_id"] is None
    assert done["metadata"] == {"k": "v"}
    assert not h.of("conversation.item.added")
    assert h.of("response.created")[0]["response"]["id"] != h.session._answers.active.id


def test_usage_adds_up_and_history_is_cached(h: Harness):
    h.update(instructions="x" * 40)
    spoken_item(h, seconds=2.0)
    spoken_item(h, seconds=2.0)
    first, second = (e["response"]["usage"] for e in h.of("response.done"))
    for usage in (first, second):
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        details = usage["input_token_details"]
        assert usage["input_tokens"] == details["text_tokens"] + details["audio_tokens"]
        assert usage["output_token_details"]["audio_tokens"] == 40, "20 tokens a second"
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["cached_tokens"] == first["input_tokens"]
    assert second["input_token_details"]["audio_tokens"] == 40, "what the assistant said is read again"


def test_max_output_tokens_cut_the_sound(h: Harness):
    h.speech = lambda job: np.full(20 * job.rate_hz, 1000, dtype=np.int16)
    h.ask("Hello")
    h.send("response.create", response={"max_output_tokens": 20})
    h.pass_time(20)
    done = h.of("response.done")[0]["response"]
    assert done["status"] == "incomplete"
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert done["usage"]["output_token_details"]["audio_tokens"] == 20


def test_a_broken_voice_fails_the_response_and_not_the_session(h: Harness):
    h.speech = lambda _: RuntimeError("no voice")
    h.ask("Hello")
    h.send("response.create")
    done = h.of("response.done")[0]["response"]
    assert done["status"] == "failed"
    assert done["status_details"]["error"]["type"] == "server_error"
    h.speech = lambda job: np.zeros(job.rate_hz, dtype=np.int16)
    h.send("response.create")
    h.pass_time(3)
    assert h.of("response.done")[1]["response"]["status"] == "completed"


def test_broken_ears_fail_the_transcription_and_the_turn_is_still_answered(h: Harness, say: Say):
    h.update(audio={"input": {"transcription": {}}})
    h.heard = lambda _: RuntimeError("no ears")
    h.append(say("What time is it?"))
    h.pass_time(5)
    assert h.of("conversation.item.input_audio_transcription.failed")
    assert h.of("response.done")[0]["response"]["status"] == "completed"


def test_an_idle_user_is_asked(h: Harness, say: Say):
    h.vad(idle_timeout_ms=6_000)
    h.append(say("What time is it?"))
    h.pass_time(5.9)
    assert not h.of("input_audio_buffer.timeout_triggered")
    h.events.clear()
    h.append(np.zeros(48_000, dtype=np.int16))
    assert kinds(h.events)[:4] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert h.spoken[-1] == "Are you still there?"


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


def test_users_sound_can_be_put_in_as_an_item(h: Harness, say: Say):
    sound = base64.b64encode(to_bytes(say("What time is it?"))).decode()
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": sound}]}
    added = h.send("conversation.item.create", item=item)[0]["item"]
    assert "audio" not in added["content"][0]
    assert h.send("conversation.item.retrieve", item_id=added["id"])[0]["item"]["content"][0]["audio"] == sound
    h.send("response.create")
    assert h.spoken == ["It is 3:07 PM."]
