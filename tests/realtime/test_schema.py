"""Every message that we can send is valid by the published schema (the `openai` package's types), strictly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from speakerd.config.model import Realtime, TurnDetection
from speakerd.realtime import outgoing as msg
from speakerd.realtime.settings import session_settings

ADAPTER: TypeAdapter = TypeAdapter(RealtimeClientEvent)


def unknown_fields(model, path: str = "") -> list[str]:
    """Fields that the schema does not know: pydantic keeps them as extras."""
    extras = [f"{path}{name}" for name in (getattr(model, "model_extra", None) or {})]
    for name in getattr(type(model), "model_fields", {}):
        extras += unknown_fields(getattr(model, name), f"{path}{name}.")
    return extras


def assert_valid(text: str) -> None:
    model = ADAPTER.validate_python(json.loads(text), strict=True)
    assert unknown_fields(model) == []
    assert type(model).__name__.lower().startswith(json.loads(text)["type"].split(".")[0].replace("_", "")[:5])


@given(
    instructions=st.text(max_size=200),
    voice=st.sampled_from(["marin", "cedar", "alloy"]),
    reduction=st.sampled_from(["near_field", "far_field", "off"]),
    threshold=st.floats(0.0, 1.0),
    padding_ms=st.integers(0, 5000),
    silence_ms=st.integers(100, 10_000),
    transcripts=st.booleans(),
)
def test_session_update(instructions, voice, reduction, threshold, padding_ms, silence_ms, transcripts):
    turns = TurnDetection(threshold=threshold, prefix_padding_ms=padding_ms, silence_duration_ms=silence_ms)
    realtime = Realtime(instructions=instructions, voice=voice, noise_reduction=reduction, turn_detection=turns)
    assert_valid(msg.session_update(session_settings(realtime, transcripts=transcripts)))


@pytest.mark.parametrize(
    "text",
    [
        msg.audio_append(b"\0\1" * 480),
        msg.response_create({}, "create_1"),
        msg.response_cancel("resp_1"),
        msg.item_truncate("item_1", 0, 640),
        msg.item_delete("item_1"),
    ],
)
def test_other_messages(text):
    assert_valid(text)


def test_the_check_can_fail():
    with pytest.raises(AssertionError):
        assert_valid(json.dumps({"type": "response.cancel", "response_id": "r", "reason": "x"}))
