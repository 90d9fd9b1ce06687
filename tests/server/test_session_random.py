"""Random clients: whatever they send, every event is valid and every response ends."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speakerd.pcm import Samples, to_bytes

ITEMS = ["a", "b", "c", "nobody"]
MESSAGE = st.builds(
    lambda item_id, text: {
        "type": "message", "role": "user", "id": item_id, "content": [{"type": "input_text", "text": text}],
    },
    st.sampled_from(ITEMS[:3]),
    st.sampled_from(["What time is it?", "Tell me a story", "weather in Berlin", "", "2 plus 2"]),
)  # fmt: skip
OUTPUT = st.just({"type": "function_call_output", "call_id": "call", "output": '{"a": 1}'})
VAD = st.none() | st.fixed_dictionaries(
    {"type": st.just("server_vad")},
    optional={
        "create_response": st.booleans(),
        "interrupt_response": st.booleans(),
        "silence_duration_ms": st.sampled_from([200, 500]),
        "idle_timeout_ms": st.just(5000),
    },
)
BARE = ["input_audio_buffer.commit", "input_audio_buffer.clear", "response.cancel"]
STEP = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(["Stop.", "What time is it?"])),
    st.tuples(st.just("wait"), st.sampled_from([0.05, 0.3, 2.0, 8.0])),
    st.tuples(st.just("release"), st.none()),
    st.tuples(st.just("hold"), st.sampled_from(["ears", "voice"])),
    st.tuples(st.just("fail"), st.none()),
    st.tuples(st.just("vad"), VAD),
    st.tuples(st.just("item"), MESSAGE | OUTPUT),
    st.tuples(st.just("touch"), st.tuples(st.sampled_from(["delete", "retrieve", "truncate"]), st.integers(0, 9))),
    st.tuples(st.just("event"), st.sampled_from(BARE)),
    st.tuples(
        st.just("respond"),
        st.fixed_dictionaries(
            {},
            optional={
                "conversation": st.sampled_from(["auto", "none"]),
                "output_modalities": st.sampled_from([["text"], ["audio"]]),
                "max_output_tokens": st.sampled_from([1, 40]),
                "input": st.lists(MESSAGE, max_size=2),
            },
        ),
    ),
)  # fmt: skip


def play(h: Any, say: Callable[..., Samples], step: tuple[str, Any]) -> None:
    """Do one step of a random client."""
    kind, value = step
    if kind == "say":
        sound = to_bytes(say(value))
        for start in range(0, len(sound), 9_600):
            h.send("input_audio_buffer.append", audio=base64.b64encode(sound[start : start + 9_600]).decode())
    elif kind == "wait":
        h.pass_time(value)
    elif kind == "release":
        h.release()
    elif kind == "hold":
        h.hold_ears, h.hold_voice = value == "ears", value == "voice"
    elif kind == "fail":
        h.speech = lambda _: RuntimeError("broken")
    elif kind == "vad":
        h.update(audio={"input": {"turn_detection": value, "transcription": {}}})
    elif kind == "item":
        h.send("conversation.item.create", item=value)
    elif kind == "touch":
        verb, number = value
        ids = [event["item"]["id"] for event in h.of("conversation.item.added")] or ["none"]
        cut = {"content_index": 0, "audio_end_ms": number * 100} if verb == "truncate" else {}
        h.send(f"conversation.item.{verb}", item_id=ids[-1 - number % len(ids)], **cut)
    elif kind == "event":
        h.send(value)
    else:
        h.send("response.create", response=value)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, max_size=25))
def test_every_response_ends_once_and_nothing_comes_after_it(fresh, say, steps: list[tuple[str, Any]]):
    h = fresh()
    h.speech = lambda job: np.full(job.rate_hz * 3, 500, dtype=np.int16)
    for step in steps:
        play(h, say, step)
    h.update(audio={"input": {"turn_detection": None}})
    h.release()
    h.pass_time(200)
    running: set[str] = set()
    ended: set[str] = set()
    for event in h.events:
        response_id = event.get("response_id") or event.get("response", {}).get("id")
        if event["type"] == "response.created":
            assert response_id not in running | ended
            running.add(response_id)
        elif response_id:
            assert response_id in running, f"{event['type']} of a response that does not run"
            if event["type"] == "response.done":
                running.remove(response_id)
                ended.add(response_id)
    assert not running
    assert not h.session._answers._all()
    assert len({event["event_id"] for event in h.events}) == len(h.events)
