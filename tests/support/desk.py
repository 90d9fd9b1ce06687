"""A Realtime session on the desk: no socket, a clock that is set by hand."""

from __future__ import annotations

import base64
import json
from typing import Any

from speakerd.conversation import events as ev
from speakerd.realtime.outputs import Output
from speakerd.realtime.protocol import RealtimeProtocol
from speakerd.realtime.reader import Json
from speakerd.realtime.settings import Limits

MS_BYTES = 48
"""1 ms at 24 kHz, 16 bit."""


def server(kind: str, **fields: Any) -> str:
    """A message of the server."""
    return json.dumps({"type": kind, "event_id": "event_1", **fields})


def delta(ms: int, response: str = "r1", item: str = "i1") -> str:
    """So much of the assistant's voice."""
    audio = base64.b64encode(b"\1\0" * (ms * MS_BYTES // 2)).decode()
    return server("response.output_audio.delta", response_id=response, item_id=item, content_index=0, delta=audio)


def created(response: str = "r1") -> str:
    """A response begins."""
    return server("response.created", response={"id": response, "status": "in_progress"})


def done(response: str = "r1", status: str = "completed", **extra: Any) -> str:
    """A response is over."""
    return server("response.done", response={"id": response, "status": status, "output": [], **extra})


def call(call_id: str, name: str = "clock", arguments: str = "{}") -> Json:
    """A function call as an item of a response."""
    return {"type": "function_call", "id": f"item_{call_id}", "call_id": call_id, "name": name, "arguments": arguments}


class Desk(RealtimeProtocol):
    """The protocol with `now_s` filled in."""

    def __init__(self, settings: Json, session: int = 1, limits: Limits | None = None) -> None:
        super().__init__(session, settings, limits)
        self.now_s = 100.0

    @classmethod
    def ready(cls, settings: Json, session: int = 1, limits: Limits | None = None) -> Desk:
        """One that was agreed."""
        desk = cls(settings, session, limits)
        desk.connected()
        assert desk.receive(server("session.updated", session=settings)) == [ev.SessionReady(session)]
        desk.take_outgoing()
        return desk

    def connected(self) -> None:  # type: ignore[override]
        super().connected(self.now_s)

    def receive(self, text: str) -> list[Output]:  # type: ignore[override]
        return super().receive(text, self.now_s)

    def cancel(self, response_id: str | None) -> None:  # type: ignore[override]
        super().cancel(response_id, self.now_s)

    def create_response(self, **options: Any) -> None:  # type: ignore[override]
        super().create_response(self.now_s, **options)

    def release_responses(self, _now_s: float | None = None) -> None:
        super().release_responses(self.now_s)

    def answer_tools(self, *outputs: tuple[str, str], reply: bool = True) -> None:  # type: ignore[override]
        super().answer_tools(outputs, self.now_s, reply=reply)

    def say(self, *lines: str) -> list[Output]:
        """All that comes of several messages."""
        return [output for line in lines for output in self.receive(line)]

    def later(self, seconds: float) -> list[Output]:
        """Let time pass, with all ticks that are due on the way."""
        until_s, outputs = self.now_s + seconds, []
        while self.deadline_s is not None and self.deadline_s <= until_s:
            self.now_s = self.deadline_s
            before = self.deadline_s
            outputs += self.tick(self.now_s)
            assert self.deadline_s != before, "a tick that changes nothing would come again at once"
        self.now_s = until_s
        return outputs

    def sent(self) -> list[Json]:
        """What is to be sent, without the ids that tell our messages apart."""
        messages = [json.loads(text) for text in self.take_outgoing()]
        for message in messages:
            message.pop("event_id", None)
        return messages
