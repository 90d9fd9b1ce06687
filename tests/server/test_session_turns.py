"""Turns: what a session makes of sound, and who speaks when; each event checked against the published schema."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from support.session_words import ANSWER, END, Harness, Say, error_of, kinds

from speakerd.pcm import to_bytes


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


def test_a_cancel_before_the_words_are_known(h: Harness, say: Say):
    h.hold_ears = True
    h.append(say("What time is it?"))
    h.send("response.cancel")
    assert h.of("response.done")[0]["response"]["output"] == []
    h.release()
    assert not h.of("response.output_item.added")


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


def test_users_sound_can_be_put_in_as_an_item(h: Harness, say: Say):
    sound = base64.b64encode(to_bytes(say("What time is it?"))).decode()
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": sound}]}
    added = h.send("conversation.item.create", item=item)[0]["item"]
    assert "audio" not in added["content"][0]
    assert h.send("conversation.item.retrieve", item_id=added["id"])[0]["item"]["content"][0]["audio"] == sound
    h.send("response.create")
    assert h.spoken == ["It is 3:07 PM."]
