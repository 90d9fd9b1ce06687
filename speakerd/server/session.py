"""One Realtime session, without sockets, threads or clocks: client events and time in, effects out. Pure.

The connection calls `start`, then `receive` for each text frame, `job_done` for each finished job and
`tick` at `deadline_s`; each returns what to send and which jobs to run, in order. Not thread-safe.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from pydantic import TypeAdapter

from speakerd.server import requests
from speakerd.server.answers import Answers, cannot_update_voice, words_of
from speakerd.server.audio import FORMATS
from speakerd.server.effects import Effect, JobResult, Outbox
from speakerd.server.history import History, Item
from speakerd.server.listener import Listener
from speakerd.server.requests import RequestError, ResponseParams
from speakerd.server.response import Response
from speakerd.server.settings import McpTool, SessionSettings, merged

SESSION_S = 3_600
IDLE_PROMPT = "Are you still there?"
_SETTINGS: TypeAdapter[SessionSettings] = TypeAdapter(SessionSettings)


class Session:
    """One client's conversation."""

    def __init__(
        self,
        model: str,
        new_id: Callable[[str], str],
        wall_clock: Callable[[], datetime],
        now_s: float,
        *,
        chat: bool = False,
        notice: str = "",
    ) -> None:
        """`model` is what the client asked for in its URL; `wall_clock` gives local time with its zone.

        `chat`: there is a chat service to ask (effect Think). `notice`: said before the first answer.
        """
        self._settings = SessionSettings(type="realtime", model=model)
        self._outbox = Outbox(new_id)
        self._history = History()
        self._listener = Listener(self._outbox, self._history, self._settings, self._on_speech, self._on_turn)
        self._answers = Answers(
            self._outbox,
            self._history,
            wall_clock,
            lambda: self._listener.hearing,
            self._on_done,
            chat=chat,
            notice=notice,
        )
        self._id = new_id("sess")
        self._expires_s = now_s + SESSION_S
        self._expires_at = int(wall_clock().timestamp()) + SESSION_S
        self._turn_waits = False
        """A turn ended while a response ran that it must not interrupt."""
        self._idle_at_s: float | None = None
        self.closed = False

    @property
    def deadline_s(self) -> float:
        """When `tick` is due; never once the session is closed."""
        if self.closed:
            return math.inf
        due = (self._answers.deadline_s, self._idle_at_s, self._expires_s)
        return min(d for d in due if d is not None)

    def start(self) -> list[Effect]:
        """Greet the client."""
        self._outbox.event("session.created", session=self._wire())
        return self._outbox.take()

    def receive(self, text: str | bytes, now_s: float) -> list[Effect]:
        """One frame from the client."""
        try:
            request = requests.parse(text)
        except RequestError as error:
            self._outbox.error(error)
            return self._outbox.take()
        try:
            self._handle(request, now_s)
        except RequestError as error:
            error.event_id = request.event_id
            self._outbox.error(error)
        return self.tick(now_s)

    def job_progress(self, job: int, words: str, now_s: float) -> list[Effect]:
        """A piece of the chat service's answer."""
        self._outbox.progress(job, words, now_s)
        return self.tick(now_s)

    def job_done(self, job: int, result: JobResult, now_s: float) -> list[Effect]:
        """A job has finished, or failed with an exception."""
        self._outbox.finish(job, result, now_s)
        return self.tick(now_s)

    def wants(self, job: int) -> bool:
        """False for a job whose result would be dropped: it need not be done."""
        return self._outbox.wanted(job)

    def tick(self, now_s: float) -> list[Effect]:
        """Do what is due; harmless at any time."""
        if self._idle_at_s is not None and now_s >= self._idle_at_s:
            self._idle(now_s)
        self._answers.tick(now_s)
        if now_s >= self._expires_s and not self.closed:
            self.closed = True
            message = f"Your session hit the maximum duration of {SESSION_S // 60} minutes."
            self._outbox.error(RequestError("session_expired", message))
            self._outbox.close(1001, "session expired")
        return self._outbox.take()

    def _handle(self, request: requests.Request, now_s: float) -> None:
        match request:
            case requests.AudioAppend():
                self._listener.append(request.audio, now_s)
            case requests.SessionUpdate():
                self._update(request)
            case requests.AudioCommit():
                self._listener.commit(now_s)
            case requests.AudioClear():
                self._listener.clear()
            case requests.OutputClear():
                raise RequestError("invalid_value", "'output_audio_buffer.clear' is for WebRTC and SIP only.", "type")
            case requests.ItemCreate():
                self._create_item(request, now_s)
            case requests.ItemDelete():
                self._history.remove(request.item_id)
                self._outbox.event("conversation.item.deleted", item_id=request.item_id)
            case requests.ItemRetrieve():
                self._outbox.event("conversation.item.retrieved", item=self._history.retrieve(request.item_id))
            case requests.ItemTruncate():
                cut = {"content_index": request.content_index, "audio_end_ms": request.audio_end_ms}
                self._history.truncate(request.item_id, **cut)
                self._outbox.event("conversation.item.truncated", item_id=request.item_id, **cut)
            case requests.ResponseCreate():
                self._idle_at_s = None
                self._answers.create(self._settings, request.response or ResponseParams())
            case requests.ResponseCancel():
                self._answers.cancel(request.response_id, now_s)
            case _:
                assert_never(request)

    def _update(self, request: requests.SessionUpdate) -> None:
        if "type" not in request.session:
            raise RequestError(
                "missing_required_parameter", "Missing required parameter: 'session.type'.", "session.type"
            )
        candidate = merged(self._settings.model_dump(), request.session)
        settings: SessionSettings = requests.checked(_SETTINGS, candidate, prefix="session")
        if self._answers.spoke and settings.audio.output.voice != self._settings.audio.output.voice:
            raise cannot_update_voice()
        known = _mcp_labels(self._settings)
        self._settings = settings
        self._listener.configure(settings)
        self._outbox.event("session.updated", session=self._wire())
        for _ in _mcp_labels(settings) - known:
            item_id = self._outbox.new_id("mcpl")
            self._outbox.event("mcp_list_tools.in_progress", item_id=item_id)
            self._outbox.event("mcp_list_tools.failed", item_id=item_id)

    def _create_item(self, request: requests.ItemCreate, now_s: float) -> None:
        param = request.item.model_dump(exclude_none=True)
        sound = bytearray()
        for part in param.get("content", []):
            sound += _sound(part.pop("audio", "")) if part["type"] == "input_audio" else b""
            if part["type"] == "output_audio":
                part.pop("audio", None)
        wire = {"id": self._outbox.new_id("item"), "object": "realtime.item", "status": "completed", **param}
        if wire["type"] == "function_call":
            wire.setdefault("call_id", self._outbox.new_id("call"))
        words = words_of(wire)
        item = Item(wire, sound, len(sound), FORMATS[self._settings.audio.input.format.type], words)
        before = self._history.add(item, request.previous_item_id)
        self._outbox.event("conversation.item.added", previous_item_id=before, item=wire)
        self._outbox.event("conversation.item.done", previous_item_id=before, item=wire)
        if sound and not words:
            self._listener.hear(item, now_s)

    def _on_speech(self, now_s: float) -> None:
        self._idle_at_s = None
        vad = self._settings.vad()
        if vad is not None and vad.interrupt_response:
            self._answers.interrupt(now_s)

    def _on_turn(self, now_s: float) -> None:
        vad = self._settings.vad()
        if vad is None or not vad.create_response:
            return
        if self._answers.active is None:
            self._answers.create(self._settings, ResponseParams())
        else:
            self._turn_waits = True

    def _on_done(self, response: Response, now_s: float) -> None:
        vad = self._settings.vad()
        if self._turn_waits:
            self._turn_waits = False
            self._answers.create(self._settings, ResponseParams())
        elif vad is not None and vad.idle_timeout_ms is not None and not self._listener.speaking:
            self._idle_at_s = max(now_s, response.ends_playing_s) + vad.idle_timeout_ms / 1000

    def _idle(self, now_s: float) -> None:
        """Nobody has spoken since the last answer was heard: commit the silence and ask."""
        self._idle_at_s = None
        vad = self._settings.vad()
        if vad is None or vad.idle_timeout_ms is None or self._answers.active is not None or self._listener.speaking:
            return
        end_ms = int(self._listener.received_ms)
        item_id = self._outbox.new_id("item")
        span = {"audio_start_ms": max(0, end_ms - vad.idle_timeout_ms), "audio_end_ms": end_ms}
        self._outbox.event("input_audio_buffer.timeout_triggered", **span, item_id=item_id)
        self._listener.commit_silence(item_id, now_s)
        self._answers.create(self._settings, ResponseParams(), prompt=IDLE_PROMPT)

    def _wire(self) -> dict[str, object]:
        own = {"object": "realtime.session", "id": self._id, "expires_at": self._expires_at}
        tools = [t.shown() if isinstance(t, McpTool) else t.model_dump() for t in self._settings.tools]
        return {**self._settings.model_dump(), "tools": tools, **own}


def _mcp_labels(settings: SessionSettings) -> set[str]:
    return {tool.server_label for tool in settings.tools if isinstance(tool, McpTool)}


def _sound(audio: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(
            "invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.", "item.content"
        ) from None
