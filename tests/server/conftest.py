"""The harness of the server's tests: a session with a clock of its own, and the published schema as referee."""

from __future__ import annotations

import base64
import itertools
import json
import typing
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

from speakerd.pcm import WIRE_RATE_HZ, Samples, to_bytes
from speakerd.server.effects import Close, Effect, JobResult, Send, Speak, Transcribe
from speakerd.server.session import Session
from speakerd.server.voice import Voice

Event = dict[str, Any]
SENT_BUT_UNPUBLISHED = {"session.id", "session.object", "session.expires_at"}
"""The service sends these though the published types leave them out."""
FREE_FORM = {"parameters", "metadata"}


def _members(union: object) -> typing.Iterator[type[BaseModel]]:
    for member in typing.get_args(union):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member
        else:
            yield from _members(member)


_MODELS = {
    literal: TypeAdapter(model)
    for model in _members(RealtimeServerEvent)
    for literal in typing.get_args(model.model_fields["type"].annotation)
}


def _unknown(value: object, path: str) -> list[str]:
    if isinstance(value, BaseModel):
        found = [f"{path}.{name}".lstrip(".") for name in value.__pydantic_extra__ or {}]
        for name in value.model_fields_set & set(type(value).model_fields):
            if name not in FREE_FORM:
                found += _unknown(getattr(value, name), f"{path}.{name}")
        return found
    if isinstance(value, list):
        return [name for part in value for name in _unknown(part, path)]
    return []


def check_event(event: Event) -> None:
    """Fail unless the published types accept the event strictly and know all its fields."""
    assert event["type"] in _MODELS, f"not a server event: {event['type']}"
    parsed = _MODELS[event["type"]].validate_json(json.dumps(event), strict=True)
    assert set(_unknown(parsed, "")) <= SENT_BUT_UNPUBLISHED, event


class Harness:
    """Drives a session: time stands still unless told, ears and voice answer at once with what the test says."""

    def __init__(self, **session: Any) -> None:
        self.now_s = 1000.0
        self.wall = datetime(2026, 3, 4, 15, 7, tzinfo=timezone(timedelta(hours=1)))
        counter = itertools.count(1)
        new_id = lambda prefix: f"{prefix}_{next(counter)}"  # noqa: E731
        self.session = Session("test-model", new_id, lambda: self.wall, self.now_s, **session)
        self.events: list[Event] = []
        self.jobs: list[Transcribe | Speak] = []
        self.spoken: list[str] = []
        self.closed: Close | None = None
        self.hold_ears = False
        self.hold_voice = False
        self.heard: Callable[[Transcribe], JobResult] = lambda _: "What time is it?"
        self.speech: Callable[[Speak], JobResult] = lambda job: np.full(job.rate_hz, 1000, dtype=np.int16)
        self._take(self.session.start())

    def send(self, kind: str, **fields: Any) -> list[Event]:
        """Send a client event; returns the server events that it caused at once."""
        return self.send_raw(json.dumps({"type": kind, **fields}))

    def send_raw(self, text: str | bytes) -> list[Event]:
        return self._take(self.session.receive(text, self.now_s))

    def update(self, **session: Any) -> list[Event]:
        return self.send("session.update", session={"type": "realtime", **session})

    def vad(self, **settings: Any) -> list[Event]:
        return self.update(audio={"input": {"turn_detection": {"type": "server_vad", **settings}}})

    def ask(self, text: str) -> Event:
        """Put a user's words into the conversation; returns the item."""
        content = [{"type": "input_text", "text": text}]
        return self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})[0][
            "item"
        ]

    def append(self, samples: Samples, chunk_ms: int = 100) -> list[Event]:
        """Send sound as a microphone does; time moves on with it."""
        events: list[Event] = []
        step = WIRE_RATE_HZ * chunk_ms // 1000
        for start in range(0, samples.size, step):
            data = base64.b64encode(to_bytes(samples[start : start + step])).decode()
            events += self.send("input_audio_buffer.append", audio=data)
            events += self.pass_time(chunk_ms / 1000)
        return events

    def pass_time(self, seconds: float) -> list[Event]:
        """Let time pass, ticking the session at each of its deadlines."""
        end_s = self.now_s + seconds
        events: list[Event] = []
        while self.session.deadline_s <= end_s and self.closed is None:
            before_s = self.now_s
            self.now_s = max(self.now_s, self.session.deadline_s)
            ticked = self._take(self.session.tick(self.now_s))
            assert ticked or self.now_s > before_s, "the session asks to be ticked for nothing: a busy loop"
            events += ticked
        self.now_s = end_s
        return events

    def release(self) -> list[Event]:
        """Finish the jobs that were held back."""
        self.hold_ears = self.hold_voice = False
        jobs, self.jobs = self.jobs, []
        return [event for job in jobs for event in self._finish(job)]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    def _take(self, effects: list[Effect]) -> list[Event]:
        events: list[Event] = []
        ready: list[Transcribe | Speak] = []
        for effect in effects:
            if isinstance(effect, Send):
                event = json.loads(effect.text)
                check_event(event)
                self.events.append(event)
                events.append(event)
            elif isinstance(effect, Close):
                self.closed = effect
            elif self.hold_ears if isinstance(effect, Transcribe) else self.hold_voice:
                self.jobs.append(effect)
            else:
                ready.append(effect)
        for job in ready:  # as the connection does: after everything was sent
            events += self._finish(job)
        return events

    def _finish(self, job: Transcribe | Speak) -> list[Event]:
        if isinstance(job, Speak):
            self.spoken.append(job.text)
        result = self.heard(job) if isinstance(job, Transcribe) else self.speech(job)
        return self._take(self.session.job_done(job.job, result, self.now_s))


@pytest.fixture(scope="session")
def fresh() -> type[Harness]:
    """Makes harnesses, for tests that need many."""
    return Harness


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture(scope="session")
def say() -> Callable[..., Samples]:
    """`say(text, voice="rms", rate_hz=24000)`: real speech by flite, with a second of near silence on both sides."""
    cache: dict[tuple[str, str, int], Samples] = {}

    def make(text: str, voice: str = "rms", rate_hz: int = WIRE_RATE_HZ) -> Samples:
        key = (text, voice, rate_hz)
        if key not in cache:
            quiet = np.zeros(rate_hz, dtype=np.int16)
            words = np.concatenate([quiet, Voice(voice).synthesise(text, rate_hz), quiet])
            hiss = np.random.default_rng(1).normal(0, 4, words.size)
            cache[key] = np.clip(words + hiss, -32768, 32767).astype(np.int16)
        return cache[key]

    return make
