"""The Realtime service: where it is, and what is asked of it; and the server inside speakerd."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from speakerd.config.model.section import Name, Section

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "proxy-authorization", "cookie"})


class TurnDetection(Section):
    """How the server decides that the user began and finished speaking."""

    threshold: float = Field(0.5, ge=0.0, le=1.0)
    """Loudness and likeness to speech from which the server hears words, 0 to 1."""
    prefix_padding_ms: int = Field(300, ge=0, le=5_000)
    """Sound before the start of speech that belongs to the turn, ms."""
    silence_duration_ms: int = Field(500, ge=100, le=10_000)
    """Silence that ends the turn, ms: less answers faster, more lets the user pause."""


class Realtime(Section):
    """The Realtime service."""

    url: Name = "wss://api.openai.com/v1/realtime"
    """`wss://…`, `ws://…` for a server of your own, or `embedded` for the one inside speakerd."""
    fallback: Literal["none", "embedded"] = "none"
    """Who answers while the service cannot be reached: nobody, or the server inside speakerd, offline."""
    model: Name = "gpt-realtime-2.1-mini"
    """Model name, added to the URL as `?model=`."""
    voice: Name = "marin"
    """Voice of the assistant: alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin or cedar."""
    instructions: str = Field(
        "You are a friendly voice assistant on a smart speaker. Answer briefly, as one does in conversation, "
        "in the language of the user.",
        max_length=50_000,
    )
    """What the assistant is told about its role."""
    transcription_model: Name = "gpt-transcribe"
    """Model that writes down the user's words, where the section `transcripts` asks for them."""
    noise_reduction: Literal["near_field", "far_field", "off"] = "far_field"
    """Noise reduction by the server: near_field for a headset, far_field for a room, or off."""
    turn_detection: TurnDetection = TurnDetection()
    auth: Literal["auto", "bearer", "api-key", "none"] = "auto"
    """How the key is shown: `bearer` as OpenAI wants it, `api-key` as Azure does, `none`; `auto` tells by the host."""
    headers: str = Field("", max_length=10_000)
    """Further HTTP headers of the connection, one `Name: value` a line. No keys: others may read this file."""
    keep_warm: bool = False
    """Keep an unused session open, so that the wake word need not wait for a connection. It costs nothing."""
    connect_timeout_s: float = Field(5.0, gt=0.0, le=60.0)
    """Time from the wake word until the session must be ready, seconds."""
    ping_interval_s: float = Field(20.0, gt=0.0, le=300.0)
    """Time between keep-alive pings on the socket, seconds; in a conversation never more than 5."""
    ping_timeout_s: float = Field(10.0, gt=0.0, le=300.0)
    """Time that the answer to a ping may take, seconds; then the connection counts as lost."""
    network_timeout_s: float = Field(5.0, ge=1.0, le=300.0)
    """Time that the network may take to deliver what we send, seconds; then the connection counts as lost."""
    stall_timeout_s: float = Field(12.0, ge=1.0, le=600.0)
    """Time that the server may say nothing at all while an answer is due, seconds; then the session is given up."""
    max_tool_rounds: int = Field(8, ge=1, le=100)
    """Times that the assistant may call functions before it must answer in words."""
    history_tokens: int = Field(8_000, ge=0, le=100_000)
    """Length of the conversation from which the server forgets its beginning, tokens; 0: as the server likes."""

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: str) -> str:
        for line in headers.splitlines():
            name, colon, value = line.partition(":")
            if not colon or not HEADER_NAME.fullmatch(name) or not value.strip() or not value.isprintable():
                raise ValueError("lines like `Name: value`")
            if name.lower() in KEY_HEADERS:
                raise ValueError("headers without keys: the key is the credential openai-api-key")
        return headers

    @field_validator("url")
    @classmethod
    def _is_websocket_or_embedded(cls, url: str) -> str:
        if url == "embedded":
            return url
        try:
            parts = urlsplit(url)
            port_ok = parts.port is None or 0 < parts.port < 65536
        except ValueError:
            port_ok = False
            parts = urlsplit("")
        if parts.scheme not in ("ws", "wss") or not parts.hostname or not port_ok:
            raise ValueError("wss://HOST/…, ws://HOST[:PORT]/… or embedded")
        if parts.username or parts.password:
            raise ValueError("a URL without a name or password in it")
        if "#" in url or not url.isprintable() or " " in url:
            raise ValueError("a URL without spaces, line breaks and #")
        return url


class Server(Section):
    """The embedded Realtime server (`realtime.url: embedded`, or `speakerd serve`)."""

    voice: Literal["slt", "rms", "awb", "kal16"] = "slt"
    """Voice of flite, the speech synthesiser."""
    piper_model: str = Field("", max_length=1_000)
    """Path to a voice of piper (`….onnx`, its `….onnx.json` beside it) to speak instead of flite; needs `piper`."""
    chat_url: str = Field("", max_length=1_000)
    """Base of an OpenAI-compatible chat service to answer instead of the built-in wits, `http://127.0.0.1:11434/v1`."""
    chat_model: str = Field("", max_length=200)
    """Name of the chat service's model."""
    chat_timeout_s: float = Field(10.0, gt=0.0, le=120.0)
    """Time that the chat service may be silent, seconds; then the built-in wits answer, and say so."""

    @field_validator("chat_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url:
            return url
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and parts.hostname and not parts.username and not parts.password
            usable = usable and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url or "?" in url or "#" in url:
            raise ValueError("http://HOST[:PORT]/… or https://HOST/…, without a name or password in it")
        return url
