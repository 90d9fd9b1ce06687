"""What a response was asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from speakerd.server.audio import AudioFormat
from speakerd.server.history import Item
from speakerd.server.settings import FunctionTool, Json, NamedTool


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """What the session and `response.create` ask of a response."""

    audio: bool
    format: AudioFormat
    voice: Json | str
    speed: float
    max_output_tokens: int | str
    metadata: dict[str, str] | None
    tools: tuple[FunctionTool, ...]
    tool_choice: str | NamedTool
    conversation_id: str | None
    """None: out of band, the conversation never sees it."""
    input_items: tuple[Item, ...] | None = None
    """Read instead of the conversation."""
    instructions: str = ""
    """What this response alone was told."""
    told: str = ""
    """What holds for it: those, or the session's."""


def format_json(audio_format: AudioFormat) -> Json:
    """A format as the wire shows it."""
    rate = {"rate": audio_format.rate_hz} if audio_format.bytes_per_sample == 2 else {}
    return {"type": audio_format.name, **rate}
