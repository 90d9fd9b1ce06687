"""What passes by on its way to the client, as far as it is billed. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from speakerd.purse.usage import Tokens, Usage

CREATED = "response.created"
DONE = "response.done"
HEARD = "conversation.item.input_audio_transcription.completed"
UPDATED = "session.updated"
_WORDS = (CREATED, DONE, HEARD, UPDATED)

MAX_PARSED_CHARACTERS = 1024 * 1024
"""A `response.done` holds words and calls of functions, no sound."""


MAX_HEARD_S = 3_600.0
"""Of one turn; more is nonsense, and sums of it would not fit into the ledger."""


class UnreadableError(ValueError):
    """A bill that cannot be read."""


@dataclass(frozen=True, slots=True)
class Passing:
    """One of the messages that matter."""

    kind: str
    """CREATED, DONE, HEARD or UPDATED."""
    usage: Usage | None = None
    """None if the service does not count."""
    transcriber: str | None = None
    """Model that writes down the user's words from now on; None if the message says nothing of it."""


def is_of_interest(text: str) -> bool:
    """True if it may be one; sound never is."""
    return any(word in text for word in _WORDS)


def read(text: str, model: str, transcriber: str, at: datetime) -> Passing | None:
    """What the message tells; None if it only mentions one of the words.

    `model` is billed for responses, `transcriber` for transcriptions. Raises UnreadableError.
    """
    if len(text) > MAX_PARSED_CHARACTERS:
        raise UnreadableError("too long")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("no JSON") from error
    kind = message.get("type") if isinstance(message, dict) else None
    if kind not in _WORDS:
        return None
    if kind == CREATED:
        return Passing(CREATED)
    if kind == UPDATED:
        return Passing(UPDATED, transcriber=_transcriber(_object(message, "session")))
    source = _object(message, "response") if kind == DONE else message
    taken = _object(source, "usage")
    if not taken:
        return Passing(kind)
    tokens = _tokens(taken)
    if kind == DONE:
        return Passing(DONE, Usage(model=model, at=at, tokens=tokens))
    heard_ms = round(min(_number(taken, "seconds"), MAX_HEARD_S) * 1000)
    return Passing(HEARD, Usage(model=transcriber, at=at, tokens=tokens, heard_ms=heard_ms, is_transcription=True))


def _transcriber(session: dict[str, Any]) -> str:
    transcription = _object(_object(_object(session, "audio"), "input"), "transcription")
    model = transcription.get("model")
    return model[:200] if isinstance(model, str) else ""


def _tokens(usage: dict[str, Any]) -> Tokens:
    """Tokens that no detail claims are text."""
    read, written = _object(usage, "input_token_details"), _object(usage, "output_token_details")
    cached = _object(read, "cached_tokens_details")
    audio_in, audio_out = _count(read, "audio_tokens"), _count(written, "audio_tokens")
    cached_audio = _count(cached, "audio_tokens")
    return Tokens(
        text_in=max(_count(read, "text_tokens"), _count(usage, "input_tokens") - audio_in),
        audio_in=audio_in,
        cached_text_in=max(_count(cached, "text_tokens"), _count(read, "cached_tokens") - cached_audio),
        cached_audio_in=cached_audio,
        text_out=max(_count(written, "text_tokens"), _count(usage, "output_tokens") - audio_out),
        audio_out=audio_out,
    )


def _object(source: dict[str, Any], name: str) -> dict[str, Any]:
    value = source.get(name)
    return value if isinstance(value, dict) else {}


def _number(source: dict[str, Any], name: str) -> float:
    value = source.get(name)
    right = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if right and value is not None else 0.0


def _count(source: dict[str, Any], name: str) -> int:
    return int(_number(source, name))
