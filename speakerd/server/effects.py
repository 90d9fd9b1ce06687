"""What a session asks of its connection, and the outbox in which it gathers it. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from speakerd.pcm import Samples
from speakerd.server.requests import RequestError
from speakerd.server.settings import Json
from speakerd.server.wits.heard import Call


@dataclass(frozen=True, slots=True)
class Send:
    """Send this text frame."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Transcribe:
    """Run the ears over a turn; answer `Session.job_done(job, text)`."""

    job: int
    samples: Samples
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Speak:
    """Synthesise a sentence; answer `Session.job_done(job, samples at rate_hz)`."""

    job: int
    text: str
    rate_hz: int
    speed: float


@dataclass(frozen=True, slots=True)
class Think:
    """Ask the chat service: its words go to `Session.job_progress`, at its end `job_done(job, the calls it makes)`."""

    job: int
    messages: tuple[Json, ...]
    functions: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket, after everything before it was sent."""

    code: int
    reason: str


Job: TypeAlias = Transcribe | Speak | Think
Effect: TypeAlias = Send | Job | Close
JobResult: TypeAlias = str | Samples | tuple[Call, ...] | Exception
WhenDone: TypeAlias = Callable[[Any, float], None]
"""Called with the result (an exception if the job failed) and the time."""


class Outbox:
    """Gathers effects in order; remembers who waits for which job."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        """`new_id(prefix)` makes identifiers that are unique in this server."""
        self.new_id = new_id
        self._effects: list[Effect] = []
        self._waiting: dict[int, WhenDone] = {}
        self._listening: dict[int, Callable[[str, float], None]] = {}
        self._jobs = 0

    def event(self, kind: str, **fields: object) -> None:
        """Queue a server event; it gets its `event_id` here."""
        self._effects.append(Send(json.dumps({"type": kind, "event_id": self.new_id("event"), **fields})))

    def error(self, error: RequestError, kind: str = "invalid_request_error") -> None:
        """Queue an `error` event."""
        detail = {"code": error.code, "message": str(error), "param": error.param, "event_id": error.event_id}
        self.event("error", error={"type": kind, **detail})

    def transcribe(self, samples: Samples, rate_hz: int, done: WhenDone) -> int:
        """Queue a job for the ears; returns its number."""
        job = self._new_job(done)
        self._effects.append(Transcribe(job, samples, rate_hz))
        return job

    def speak(self, text: str, rate_hz: int, speed: float, done: WhenDone) -> int:
        """Queue a job for the voice; returns its number."""
        job = self._new_job(done)
        self._effects.append(Speak(job, text, rate_hz, speed))
        return job

    def think(
        self, messages: Sequence[Json], functions: Sequence[Json], words: Callable[[str, float], None], done: WhenDone
    ) -> int:
        """Queue a question for the chat service; `words` is called with each piece. Returns the job's number."""
        job = self._new_job(done)
        self._listening[job] = words
        self._effects.append(Think(job, tuple(messages), tuple(functions)))
        return job

    def close(self, code: int, reason: str) -> None:
        """Queue the end of the connection."""
        self._effects.append(Close(code, reason))

    def progress(self, job: int, words: str, now_s: float) -> None:
        """Hand over a piece of an answer."""
        if job in self._listening:
            self._listening[job](words, now_s)

    def finish(self, job: int, result: JobResult, now_s: float) -> None:
        """Hand a result to whoever asked; results nobody waits for are dropped."""
        self._listening.pop(job, None)
        done = self._waiting.pop(job, None)
        if done is not None:
            done(result, now_s)

    def forget(self, job: int) -> None:
        """Drop the result of `job` when it comes."""
        self._listening.pop(job, None)
        self._waiting.pop(job, None)

    def wanted(self, job: int) -> bool:
        """True while somebody waits for `job`. May be asked from another thread."""
        return job in self._waiting

    def take(self) -> list[Effect]:
        """All effects since the last call, in order."""
        effects, self._effects = self._effects, []
        return effects

    def _new_job(self, done: WhenDone) -> int:
        self._jobs += 1
        self._waiting[self._jobs] = done
        return self._jobs
