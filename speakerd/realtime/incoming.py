"""What the server says, as far as we listen: one frozen class a message. Pure.

Field names are those of the published schema (GA, 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from speakerd.realtime.reader import Json


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The session as it is before we asked for anything."""

    expires_at_s: int
    """Unix seconds; 0 if the server does not tell."""


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """The session as the server has it now."""

    session: Json
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Turn detection heard the user begin."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Turn detection heard the user finish."""

    end_ms: int = 0
    """How far into all sound of the session the turn ends, its last silence included; 0 if the server did not say."""


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
    """What was said by the user or the assistant: a piece of it, or all of it."""

    role: str
    item_id: str
    text: str
    final: bool
    usage: Json | None = None
    """What writing down the user's words took, raw."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a function called."""

    call_id: str
    name: str
    arguments_text: str
    """JSON as the model wrote it: not checked."""


@dataclass(frozen=True, slots=True)
class ToolArguments:
    """A call whose arguments are complete."""

    response_id: str
    call: ToolCall


@dataclass(frozen=True, slots=True)
class RemoteCall:
    """The service itself calls a tool, on an MCP server."""

    item_id: str
    over: bool
    """It gave something, or failed."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """The service asks whether it may call such a tool."""

    item_id: str


@dataclass(frozen=True, slots=True)
class RemoteTools:
    """What the service makes of an MCP server's tools."""

    item_id: str
    label: str = ""
    """The server's; empty if this message does not say."""
    failed: bool = False
    """It could not have them."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one response. Cached ones are among the input, reasoning among the text."""

    input_text: int = 0
    input_audio: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    output_text: int = 0
    output_audio: int = 0


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """A response is over."""

    response_id: str
    status: str
    code: str = ""
    """Why it was cancelled, failed or incomplete: the code or, where that is missing, the type or reason."""
    kind: str = ""
    """The error's `type`."""
    message: str = ""
    message_items: tuple[str, ...] = ()
    """Ids of the assistant's message items in it."""
    calls: tuple[ToolCall, ...] = ()
    remote: tuple[str, ...] = ()
    """MCP servers that it called, or asks whether it may, after its last word."""
    usage: Usage | None = field(default=None)
    """None if the server does not count."""
    model: str = ""
    """Rarely told; empty otherwise."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How long until all that the key may use is there again."""

    reset_s: float


@dataclass(frozen=True, slots=True)
class ServerError:
    """The server objects to something."""

    kind: str
    code: str
    """Some servers put the code in `type` and leave this empty."""
    message: str
    event_id: str = ""
    """Of our message that it objects to; servers may leave it out."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a type that we do not use."""

    type: str


ServerMessage: TypeAlias = (
    SessionCreated
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | Committed
    | ResponseCreated
    | AudioDelta
    | Transcript
    | ToolArguments
    | RemoteCall
    | ApprovalRequest
    | RemoteTools
    | ResponseDone
    | RateLimits
    | ServerError
    | Unknown
)
