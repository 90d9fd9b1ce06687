"""The server's JSON to typed messages. Pure.

Unknown types and unknown fields are not errors; a message of a known type whose needed fields are
missing or of a wrong type is. What only goes along (usage, reasons) never makes a message unreadable:
a lost `response.done` would cost the conversation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from speakerd.config.mistakes import masked
from speakerd.realtime import incoming as msg
from speakerd.realtime.incoming import ServerMessage
from speakerd.realtime.reader import Reader, UnreadableError, read

MAX_MODEL_CHARACTERS = 200
"""Of a model's name; it goes into the journal and the ledger."""


def parse(text: str) -> ServerMessage:
    """One text frame of the server. Raises UnreadableError."""
    reader = read(text)
    kind = reader.text("type")
    parser = _PARSERS.get(kind)
    return parser(reader) if parser else msg.Unknown(kind)


def _expires_at_s(session: Reader) -> int:
    return session.count("expires_at")


def _updated(r: Reader) -> msg.SessionUpdated:
    session = r.child("session")
    return msg.SessionUpdated(session.data, _expires_at_s(session))


def _audio_delta(r: Reader) -> msg.AudioDelta:
    try:
        pcm = base64.b64decode(r.text("delta"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError("delta: base64 expected") from error
    return msg.AudioDelta(r.text("response_id"), r.text("item_id"), r.number("content_index", 0), pcm)


def _assistant_words(field: str, *, final: bool) -> Callable[[Reader], msg.Transcript]:
    return lambda r: msg.Transcript("assistant", r.text("item_id"), r.text(field), final)


def _user_words(r: Reader) -> msg.Transcript:
    usage = r.lenient("usage").data
    return msg.Transcript("user", r.text("item_id"), r.text("transcript"), final=True, usage=usage or None)


def _tool_arguments(r: Reader) -> msg.ToolArguments:
    call = msg.ToolCall(r.text("call_id"), r.text("name", ""), r.text("arguments"))
    return msg.ToolArguments(r.text("response_id", ""), call)


def _item(r: Reader) -> ServerMessage:
    item = r.lenient("item")
    match item.text_or_nothing("type"):
        case "function_call" if r.text("type") == "response.output_item.done":
            return msg.ToolArguments(r.text("response_id", ""), _call(item))
        case "mcp_call":
            over = item.data.get("output") is not None or item.data.get("error") is not None
            return msg.RemoteCall(item.text("id"), over)
        case "mcp_list_tools":
            return msg.RemoteTools(item.text_or_nothing("id"), item.text_or_nothing("server_label"))
        case "mcp_approval_request":
            return msg.ApprovalRequest(item.text("id"))
    return msg.Unknown(r.text("type"))


def _remote_call(*, over: bool) -> Callable[[Reader], msg.RemoteCall]:
    return lambda r: msg.RemoteCall(r.text("item_id"), over)


def _call(item: Reader) -> msg.ToolCall:
    return msg.ToolCall(item.text("call_id"), item.text("name"), item.text("arguments", ""))


def _response_done(r: Reader) -> msg.ResponseDone:
    response = r.child("response")
    details = response.lenient("status_details")
    error = details.lenient("error")
    kind = error.text_or_nothing("type")
    items = response.children("output")
    return msg.ResponseDone(
        response.text("id"),
        response.text_or_nothing("status") or "completed",
        error.text_or_nothing("code") or kind or details.text_or_nothing("reason"),
        kind,
        masked(error.text_or_nothing("message")),
        tuple(
            item.text_or_nothing("id")
            for item in items
            if item.text_or_nothing("type") == "message" and item.text_or_nothing("id")
        ),
        tuple(_calls(items)),
        tuple(_remote(items)),
        _usage(response.lenient("usage")),
        response.text_or_nothing("model")[:MAX_MODEL_CHARACTERS],
    )


def _calls(items: list[Reader]) -> list[msg.ToolCall]:
    return [
        msg.ToolCall(item.text_or_nothing("call_id"), item.text_or_nothing("name"), item.text_or_nothing("arguments"))
        for item in items
        if item.text_or_nothing("type") == "function_call" and item.text_or_nothing("call_id")
    ]


def _remote(items: list[Reader]) -> list[str]:
    labels: list[str] = []
    for item in items:
        match item.text_or_nothing("type"):
            case "message":
                labels.clear()
            case "mcp_call" | "mcp_approval_request":
                labels.append(item.text_or_nothing("server_label"))
    return labels


def _usage(r: Reader) -> msg.Usage | None:
    """Tokens that no detail claims are text."""
    if not r.data:
        return None
    taken, given = r.lenient("input_token_details"), r.lenient("output_token_details")
    cached = taken.lenient("cached_tokens_details")
    cached_audio = cached.count("audio_tokens")
    return msg.Usage(
        input_text=max(taken.count("text_tokens"), r.count("input_tokens") - taken.count("audio_tokens")),
        input_audio=taken.count("audio_tokens"),
        cached_text=max(cached.count("text_tokens"), taken.count("cached_tokens") - cached_audio),
        cached_audio=cached_audio,
        output_text=max(given.count("text_tokens"), r.count("output_tokens") - given.count("audio_tokens")),
        output_audio=given.count("audio_tokens"),
    )


def _rate_limits(r: Reader) -> msg.RateLimits:
    return msg.RateLimits(max((one.real("reset_seconds", 0.0) for one in r.children("rate_limits")), default=0.0))


def _error(r: Reader) -> msg.ServerError:
    error = r.child("error")
    return msg.ServerError(
        error.text("type", ""),
        error.text("code", ""),
        masked(error.text("message", "")),
        error.text_or_nothing("event_id"),
    )


_PARSERS: dict[str, Callable[[Reader], ServerMessage]] = {
    "session.created": lambda r: msg.SessionCreated(_expires_at_s(r.lenient("session"))),
    "session.updated": _updated,
    "input_audio_buffer.speech_started": lambda _: msg.SpeechStarted(),
    "input_audio_buffer.speech_stopped": lambda r: msg.SpeechStopped(r.count("audio_end_ms")),
    "input_audio_buffer.committed": lambda r: msg.Committed(r.text("item_id", "")),
    "response.created": lambda r: msg.ResponseCreated(r.child("response").text("id")),
    "response.output_audio.delta": _audio_delta,
    "response.output_audio_transcript.delta": _assistant_words("delta", final=False),
    "response.output_audio_transcript.done": _assistant_words("transcript", final=True),
    "conversation.item.input_audio_transcription.delta": lambda r: msg.Transcript(
        "user", r.text("item_id"), r.text("delta", ""), final=False
    ),
    "conversation.item.input_audio_transcription.completed": _user_words,
    "response.function_call_arguments.done": _tool_arguments,
    "response.output_item.added": _item,
    "response.output_item.done": _item,
    "conversation.item.added": _item,
    "conversation.item.created": _item,
    "conversation.item.done": _item,
    "response.mcp_call_arguments.done": _remote_call(over=False),
    "response.mcp_call.in_progress": _remote_call(over=False),
    "response.mcp_call.completed": _remote_call(over=True),
    "response.mcp_call.failed": _remote_call(over=True),
    "response.done": _response_done,
    "mcp_list_tools.failed": lambda r: msg.RemoteTools(r.text("item_id"), failed=True),
    "rate_limits.updated": _rate_limits,
    "error": _error,
}
