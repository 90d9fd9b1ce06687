"""The items that a client may put into a conversation. Pure."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from speakerd.server.settings import Wire

MAX_TEXT_CHARS = 1_000_000
"""Longest text of one field."""
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Text: TypeAlias = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]


class InputText(Wire):
    """Words of the user or the system."""

    type: Literal["input_text"]
    text: Text


class InputAudio(Wire):
    """Sound of the user, base64 in the session's input format."""

    type: Literal["input_audio"]
    audio: str | None = None
    transcript: Text | None = None


class InputImage(Wire):
    """Accepted; this server has no eyes."""

    type: Literal["input_image"]
    image_url: str | None = None
    detail: Literal["auto", "low", "high"] | None = None


class OutputText(Wire):
    """Words of the assistant."""

    type: Literal["output_text"]
    text: Text


class OutputAudio(Wire):
    """Sound of the assistant from an earlier session; the sound itself is not kept."""

    type: Literal["output_audio"]
    audio: str | None = None
    transcript: Text | None = None


class _Item(Wire):
    id: Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class SystemMessage(_Item):
    """Instructions in the middle of a conversation."""

    type: Literal["message"]
    role: Literal["system"]
    content: list[InputText]


class UserMessage(_Item):
    """What the user says."""

    type: Literal["message"]
    role: Literal["user"]
    content: list[Annotated[InputText | InputAudio | InputImage, Field(discriminator="type")]]


class AssistantMessage(_Item):
    """What the assistant said earlier."""

    type: Literal["message"]
    role: Literal["assistant"]
    content: list[Annotated[OutputText | OutputAudio, Field(discriminator="type")]]


class FunctionCall(_Item):
    """A call made earlier."""

    type: Literal["function_call"]
    name: Annotated[str, Field(max_length=200)]
    arguments: Text
    call_id: str | None = None


class FunctionCallOutput(_Item):
    """What a function of the client returned."""

    type: Literal["function_call_output"]
    call_id: str
    output: Text


def _item_kind(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    return f"{value.get('role')} message" if kind == "message" else kind if isinstance(kind, str) else None


ItemParam: TypeAlias = Annotated[
    Annotated[SystemMessage, Tag("system message")]
    | Annotated[UserMessage, Tag("user message")]
    | Annotated[AssistantMessage, Tag("assistant message")]
    | Annotated[FunctionCall, Tag("function_call")]
    | Annotated[FunctionCallOutput, Tag("function_call_output")],
    Discriminator(_item_kind),
]


class ItemReference(Wire):
    """An item of this conversation, for the input of a response."""

    type: Literal["item_reference"]
    id: Id


InputParam: TypeAlias = Annotated[
    Annotated[SystemMessage, Tag("system message")]
    | Annotated[UserMessage, Tag("user message")]
    | Annotated[AssistantMessage, Tag("assistant message")]
    | Annotated[FunctionCall, Tag("function_call")]
    | Annotated[FunctionCallOutput, Tag("function_call_output")]
    | Annotated[ItemReference, Tag("item_reference")],
    Discriminator(_item_kind),
]
"""What a response may be told to read instead of the conversation."""
