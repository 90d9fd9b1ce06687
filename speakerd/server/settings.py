"""The session object of the GA Realtime protocol: its fields, their defaults, and how an update is merged. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
)

Json: TypeAlias = dict[str, Any]


class Wire(BaseModel):
    """Base of everything a client may send: unknown fields and wrong JSON types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Sparse(Wire):
    """Shown without the fields that are null: some clients do not know them all."""

    @model_serializer(mode="wrap")
    def _without_nulls(self, handler: SerializerFunctionWrapHandler) -> Json:
        return {name: value for name, value in handler(self).items() if value is not None}


class Pcm(Wire):
    """16-bit PCM, mono, little-endian."""

    type: Literal["audio/pcm"]
    rate: Literal[24000] = 24000


class Pcmu(Wire):
    """G.711 μ-law at 8 kHz."""

    type: Literal["audio/pcmu"]


class Pcma(Wire):
    """G.711 A-law at 8 kHz."""

    type: Literal["audio/pcma"]


Format: TypeAlias = Annotated[Pcm | Pcmu | Pcma, Field(discriminator="type")]


class NoiseReduction(Sparse):
    """Accepted, without effect here: turn detection and ears have their own."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = Field(None, ge=0.0)


class Transcription(Sparse):
    """Asks for the transcripts of the user's turns. The ears are the same whatever the model is called."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class ServerVad(Wire):
    """Turns by loudness and likeness to speech."""

    type: Literal["server_vad"]
    threshold: float = Field(0.5, ge=0.0, le=1.0)
    prefix_padding_ms: int = Field(300, ge=0, le=10_000)
    silence_duration_ms: int = Field(500, ge=20, le=10_000)
    idle_timeout_ms: int | None = Field(None, ge=5_000, le=30_000)
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(Wire):
    """Accepted: here the eagerness only chooses the silence that ends a turn."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    def as_server_vad(self) -> ServerVad:
        """The server_vad settings that stand in for it."""
        silence_ms = {"low": 1200, "medium": 800, "auto": 800, "high": 500}[self.eagerness]
        return ServerVad(
            type="server_vad",
            silence_duration_ms=silence_ms,
            create_response=self.create_response,
            interrupt_response=self.interrupt_response,
        )


TurnDetection: TypeAlias = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class VoiceId(Wire):
    """A voice of one's own."""

    id: str


class AudioInput(Wire):
    """The user's sound."""

    format: Format = Pcm(type="audio/pcm")
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = ServerVad(type="server_vad")


class AudioOutput(Wire):
    """The assistant's sound."""

    format: Format = Pcm(type="audio/pcm")
    voice: Annotated[str, Field(min_length=1, max_length=100)] | VoiceId = "alloy"
    speed: float = Field(1.0, ge=0.25, le=1.5)


class Audio(Wire):
    """Sound in both directions."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class FunctionTool(Sparse):
    """A function of the client."""

    type: Literal["function"] = "function"
    name: str = Field(min_length=1, max_length=64)
    description: str | None = None
    parameters: Json | None = None


class McpTool(Sparse):
    """A server of tools on the network. It is never called from here: its tools cannot be listed, and that is said."""

    type: Literal["mcp"]
    server_label: str = Field(min_length=1, max_length=200)
    server_url: str | None = None
    connector_id: str | None = None
    tunnel_id: str | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None
    server_description: str | None = None
    allowed_tools: list[str] | Json | None = None
    allowed_callers: list[str] | None = None
    require_approval: Literal["always", "never"] | Json | None = None
    defer_loading: bool | None = None

    def shown(self) -> Json:
        """As the session shows it: without its secrets."""
        return {name: value for name, value in self.model_dump().items() if name not in ("authorization", "headers")}


class NamedTool(Wire):
    """A tool choice that names one."""

    type: Literal["function"]
    name: str


class NamedMcp(Sparse):
    """A tool choice that names a server of tools, which this server cannot reach."""

    type: Literal["mcp"]
    server_label: str
    name: str | None = None


class TokenLimits(Sparse):
    """How long a conversation may become, in tokens."""

    post_instructions: int | None = Field(None, ge=0)


class RetentionRatio(Sparse):
    """How much of a conversation that became too long is still read."""

    type: Literal["retention_ratio"]
    retention_ratio: float = Field(ge=0.0, le=1.0)
    token_limits: TokenLimits | None = None


def _one_modality(modalities: list[str]) -> list[str]:
    if len(modalities) != 1:
        raise ValueError(f"{modalities} is neither ['text'] nor ['audio']")
    return modalities


def _tool_kind(tool: object) -> object:
    """A tool without a type is a function."""
    return tool.get("type", "function") if isinstance(tool, dict) else getattr(tool, "type", None)


Tool: TypeAlias = Annotated[
    Annotated[FunctionTool, Tag("function")] | Annotated[McpTool, Tag("mcp")], Discriminator(_tool_kind)
]
ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedTool | NamedMcp
Truncation: TypeAlias = Literal["auto", "disabled"] | RetentionRatio
Modalities: TypeAlias = Annotated[list[Literal["text", "audio"]], AfterValidator(_one_modality)]
MaxTokens: TypeAlias = Literal["inf"] | Annotated[int, Field(ge=1, le=4096)]
Tools: TypeAlias = Annotated[list[Tool], Field(max_length=128)]


class SessionSettings(Wire):
    """What `session.update` may set, with the service's defaults."""

    type: Literal["realtime"]
    model: str = "embedded"
    instructions: str = Field("", max_length=100_000)
    output_modalities: Modalities = ["audio"]
    audio: Audio = Audio()
    tools: Tools = []
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool | None = None
    max_output_tokens: MaxTokens = "inf"
    tracing: Literal["auto"] | Json | None = None
    truncation: Truncation = "auto"
    reasoning: Json | None = None
    prompt: Json | None = None
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None

    @model_serializer(mode="wrap")
    def _without_newcomers(self, handler: SerializerFunctionWrapHandler) -> Json:
        """Fields that not every model of the service has are shown only when they were set."""
        newcomers = ("parallel_tool_calls", "reasoning")
        return {n: value for n, value in handler(self).items() if value is not None or n not in newcomers}

    def vad(self) -> ServerVad | None:
        """Turn detection in effect; None for manual turns."""
        detection = self.audio.input.turn_detection
        return detection.as_server_vad() if isinstance(detection, SemanticVad) else detection


_NESTED = ("audio", "input", "output")
"""Objects that are merged field by field; all others are replaced as a whole."""


def merged(current: Json, patch: Json) -> Json:
    """`current` with the fields of `patch`; null sets null. Neither is changed."""
    result = dict(current)
    for key, value in patch.items():
        old = result.get(key)
        if key in _NESTED and isinstance(old, dict) and isinstance(value, dict):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result
