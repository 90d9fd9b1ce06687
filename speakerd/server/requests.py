"""What a client may send: the 11 client events, checked strictly, and the errors the service answers with. Pure."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from speakerd.server.items import InputParam, ItemParam
from speakerd.server.settings import Format, Json, MaxTokens, Modalities, ToolChoice, Tools, VoiceId, Wire


class RequestError(Exception):
    """A client's mistake: becomes an `error` event, and the session goes on."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_id: str | None = None


MetadataKey: TypeAlias = Annotated[str, Field(max_length=64)]
MetadataValue: TypeAlias = Annotated[str, Field(max_length=512)]


class ResponseAudioOutput(Wire):
    """Sound of one response."""

    format: Format | None = None
    voice: str | VoiceId | None = None


class ResponseAudio(Wire):
    """Sound of one response."""

    output: ResponseAudioOutput | None = None


class ResponseParams(Wire):
    """Settings of one response; what is left out comes from the session."""

    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[InputParam] | None = None
    instructions: str | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] | None = None
    output_modalities: Modalities | None = None
    parallel_tool_calls: bool | None = None
    prompt: Json | None = None
    reasoning: Json | None = None
    tool_choice: ToolChoice | None = None
    tools: Tools | None = None


class _Event(Wire):
    event_id: str | None = Field(None, max_length=512)


class SessionUpdate(_Event):
    """Change the session. `session` is checked after it was merged."""

    type: Literal["session.update"]
    session: Json


class AudioAppend(_Event):
    """Sound for the input buffer, base64."""

    type: Literal["input_audio_buffer.append"]
    audio: str


class AudioCommit(_Event):
    """Make a user item of the input buffer."""

    type: Literal["input_audio_buffer.commit"]


class AudioClear(_Event):
    """Empty the input buffer."""

    type: Literal["input_audio_buffer.clear"]


class OutputClear(_Event):
    """Stop the server's player: for WebRTC and SIP only."""

    type: Literal["output_audio_buffer.clear"]


class ItemCreate(_Event):
    """Put an item into the conversation; `previous_item_id` null means at the end, "root" at the front."""

    type: Literal["conversation.item.create"]
    item: ItemParam
    previous_item_id: str | None = None


class ItemDelete(_Event):
    """Take an item out of the conversation."""

    type: Literal["conversation.item.delete"]
    item_id: str


class ItemRetrieve(_Event):
    """Ask for an item, with its sound."""

    type: Literal["conversation.item.retrieve"]
    item_id: str


class ItemTruncate(_Event):
    """Tell how much of the assistant's sound was heard."""

    type: Literal["conversation.item.truncate"]
    item_id: str
    content_index: int
    audio_end_ms: int


class ResponseCreate(_Event):
    """Ask for a response."""

    type: Literal["response.create"]
    response: ResponseParams | None = None


class ResponseCancel(_Event):
    """Stop a response."""

    type: Literal["response.cancel"]
    response_id: str | None = None


Request: TypeAlias = (
    SessionUpdate
    | AudioAppend
    | AudioCommit
    | AudioClear
    | OutputClear
    | ItemCreate
    | ItemDelete
    | ItemRetrieve
    | ItemTruncate
    | ResponseCreate
    | ResponseCancel
)
_ADAPTER: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])
_TYPES = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "output_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.delete",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "response.create",
    "response.cancel",
)


def parse(text: str | bytes) -> Request:
    """One client event; RequestError, with the event's id where it could be read, when it is not one."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError("invalid_json", "The event is not valid JSON.") from None
    if not isinstance(event, dict):
        raise RequestError("invalid_event", "The event must be a JSON object.")
    try:
        return _request(event)
    except RequestError as error:
        event_id = event.get("event_id")
        error.event_id = event_id if isinstance(event_id, str) else None
        raise


def _request(event: Json) -> Request:
    kind = event.get("type")
    if kind is None:
        raise RequestError("missing_required_parameter", "Missing required parameter: 'type'.", "type")
    if kind not in _TYPES:
        supported = ", ".join(f"'{name}'" for name in _TYPES)
        raise RequestError(
            "invalid_value", f"Invalid value: '{str(kind)[:100]}'. Supported values are: {supported}.", "type"
        )
    request: Request = checked(_ADAPTER, event, drop=(kind,))
    return request


def checked(adapter: TypeAdapter[Any], value: object, *, prefix: str = "", drop: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 - whatever the adapter makes
    """`value` as the adapter's type, or RequestError in the words of the service."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise _as_request_error(_worst(error.errors(include_url=False)), prefix, drop) from None


def _worst(details: list[ErrorDetails]) -> ErrorDetails:
    """The mistake to tell: of "a word or something else", what is no word was meant to be the other."""
    first = details[0]
    if first["type"] == "literal_error" and not isinstance(first["input"], str) and len(details) > 1:
        return details[1]
    return first


_TAGS = {"server_vad", "semantic_vad", "audio/pcm", "audio/pcmu", "audio/pcma", "system message", "user message"}
_TAGS |= {"assistant message", "function_call", "function_call_output", "input_text", "input_audio", "input_image"}
_TAGS |= {"output_text", "output_audio", "constrained-int", "constrained-str", "int", "str", "VoiceId", "NamedTool"}
_TAGS |= {"NamedMcp", "RetentionRatio", "function", "mcp", "item_reference", "[key]"}

_BEYOND = {
    "string_too_long": (
        "string_above_max_length",
        "string too long. Expected a string with maximum length {max_length}",
    ),
    "string_too_short": (
        "string_below_min_length",
        "string too short. Expected a string with minimum length {min_length}",
    ),
    "too_long": ("array_above_max_length", "too long. Expected at most {max_length}, but got {actual_length} instead"),
    "too_short": (
        "array_below_min_length",
        "too short. Expected at least {min_length}, but got {actual_length} instead",
    ),
    "greater_than_equal": ("{kind}_below_min_value", "{kind} below minimum value. Expected a value >= {ge}"),
    "less_than_equal": ("{kind}_above_max_value", "{kind} above maximum value. Expected a value <= {le}"),
}
"""Kinds of mistake, and the codes and words of the service for them."""


def _as_request_error(detail: ErrorDetails, prefix: str, drop: tuple[str, ...]) -> RequestError:
    parts = [
        p for p in detail["loc"] if p not in _TAGS and p not in drop and not str(p).startswith(("literal[", "dict["))
    ]
    path = prefix
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    kind = detail["type"]
    if kind == "extra_forbidden":
        return RequestError("unknown_parameter", f"Unknown parameter: '{path}'.", path)
    if kind in ("missing", "union_tag_not_found"):
        where = path if kind == "missing" else f"{path}.type"
        return RequestError("missing_required_parameter", f"Missing required parameter: '{where}'.", where)
    if kind == "union_tag_invalid":
        path = f"{path}.type"
    if kind in _BEYOND:
        limits = dict(detail.get("ctx", {}))
        limits["kind"] = "integer" if isinstance(limits.get("ge", limits.get("le")), int) else "decimal"
        code, what = (text.format(**limits) for text in _BEYOND[kind])
        return RequestError(code, f"Invalid '{path}': {what}.", path)
    code = "invalid_type" if kind.endswith("_type") else "invalid_value"
    what = "Invalid type for" if code == "invalid_type" else "Invalid value for"
    return RequestError(code, f"{what} '{path}': {detail['msg']}.", path)
