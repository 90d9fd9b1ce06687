"""Responses: words, sound, functions, usage and ends; each event checked against the published schema."""

from __future__ import annotations

import base64
import json

import numpy as np
from support.session_words import ANSWER, END, TOOL, Harness, error_of, kinds, spoken_item

from speakerd.pcm import to_bytes


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
