"""Words that the tests of the server's session share: what a client sends, what events come in which order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from speakerd.pcm import Samples

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


def spoken_item(h: Harness, seconds: float = 1.0) -> str:
    h.speech = lambda job: np.full(int(seconds * job.rate_hz), 1000, dtype=np.int16)
    h.ask("What time is it?")
    h.send("response.create")
    h.pass_time(20)
    return str(h.of("response.output_audio.delta")[-1]["item_id"])
