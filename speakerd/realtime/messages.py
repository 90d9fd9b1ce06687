"""JSON to typed messages and back, for those messages that we use. Pure.

Field names are those of the published schema (GA, 2026). Unknown types and unknown fields are not
errors; a message of a known type whose needed fields are missing or of a wrong type is.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


class UnreadableError(ValueError):
    """A message that is no JSON object, or lacks what its type needs. Holds no payload."""


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """The session as the server has it now."""

    session: Json


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Turn detection heard the user begin."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Turn detection heard the user finish."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The user's turn became a conversation item."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    """A response begins."""

    response_id: str


@dataclass(frozen=True, slots=True)
class AudioDelta:
    """A piece of the assistant's voice."""

    response_id: str
    item_id: str
    content_index: int
    pcm: bytes
    """int16 mono 24 kHz, little-endian; a sample may be split over two deltas."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, complete: by the assistant, or by the user where the session asks for it."""

    role: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """A response is over."""

    response_id: str
    status: str
    reason: str
    """Why it was cancelled, failed or incomplete: the code or, where that is missing, the type."""
    message: str
    message_items: tuple[str, ...]
    """Ids of the assistant's message items in it."""


@dataclass(frozen=True, slots=True)
class ServerError:
    """The server objects to something."""

    kind: str
    code: str
    """Some servers put the code in `type` and leave this empty."""
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a type that we do not use."""

    type: str


ServerMessage: TypeAlias = (
    SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | Committed
    | ResponseCreated
    | AudioDelta
    | Transcript
    | ResponseDone
    | ServerError
    | Unknown
)


@dataclass(slots=True)
class _Reader:
    """Checked access to one message's fields."""

    data: Json
    path: str = field(default="")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.data.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise UnreadableError(f"{self.path}{key}: a string expected")
        return value

    def number(self, key: str, default: int) -> int:
        value = self.data.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise UnreadableError(f"{self.path}{key}: an integer expected")
        return value

    def child(self, key: str, *, optional: bool = False) -> _Reader:
        value = self.data.get(key)
        if value is None and optional:
            value = {}
        if not isinstance(value, dict):
            raise UnreadableError(f"{self.path}{key}: an object expected")
        return _Reader(value, f"{self.path}{key}.")


def _audio_delta(r: _Reader) -> AudioDelta:
    try:
        pcm = base64.b64decode(r.text("delta"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError("delta: base64 expected") from error
    return AudioDelta(r.text("response_id"), r.text("item_id"), r.number("content_index", 0), pcm)


def _response_done(r: _Reader) -> ResponseDone:
    response = r.child("response")
    details = response.child("status_details", optional=True)
    error = details.child("error", optional=True)
    reason = error.text("code", "") or error.text("type", "") or details.text("reason", "")
    output = response.data.get("output")
    items = tuple(
        item["id"]
        for item in (output if isinstance(output, list) else ())
        if isinstance(item, dict) and item.get("type") == "message" and isinstance(item.get("id"), str)
    )
    return ResponseDone(
        response.text("id"), response.text("status", "completed"), reason, error.text("message", ""), items
    )


def _error(r: _Reader) -> ServerError:
    error = r.child("error")
    return ServerError(error.text("type", ""), error.text("code", ""), error.text("message", ""))


_PARSERS: dict[str, Callable[[_Reader], ServerMessage]] = {
    "session.updated": lambda r: SessionUpdated(r.child("session").data),
    "input_audio_buffer.speech_started": lambda _: SpeechStarted(),
    "input_audio_buffer.speech_stopped": lambda _: SpeechStopped(),
    "input_audio_buffer.committed": lambda r: Committed(r.text("item_id", "")),
    "response.created": lambda r: ResponseCreated(r.child("response").text("id")),
    "response.output_audio.delta": _audio_delta,
    "response.output_audio_transcript.done": lambda r: Transcript("assistant", r.text("item_id"), r.text("transcript")),
    "conversation.item.input_audio_transcription.completed": lambda r: Transcript(
        "user", r.text("item_id"), r.text("transcript")
    ),
    "response.done": _response_done,
    "error": _error,
}


def parse(text: str) -> ServerMessage:
    """One text frame of the server. Raises UnreadableError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("JSON expected") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise UnreadableError("an object with a `type` expected")
    parser = _PARSERS.get(data["type"])
    return parser(_Reader(data)) if parser else Unknown(data["type"])


# ---------------------------------------------------------------- what we send


def session_update(session: Json) -> str:
    """Configure the session."""
    return _dump("session.update", session=session)


def audio_append(pcm: bytes) -> str:
    """Microphone sound: int16 mono 24 kHz."""
    return _dump("input_audio_buffer.append", audio=base64.b64encode(pcm).decode("ascii"))


def response_create() -> str:
    """Ask for an answer."""
    return _dump("response.create")


def response_cancel(response_id: str) -> str:
    """Stop this response."""
    return _dump("response.cancel", response_id=response_id)


def item_truncate(item_id: str, content_index: int, audio_end_ms: int) -> str:
    """Cut an assistant item to what was heard."""
    return _dump("conversation.item.truncate", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms)


def item_delete(item_id: str) -> str:
    """Remove an item that nobody heard."""
    return _dump("conversation.item.delete", item_id=item_id)


def _dump(kind: str, **fields: Any) -> str:  # noqa: ANN401 - values of JSON
    return json.dumps({"type": kind, **fields}, separators=(",", ":"), ensure_ascii=False)
