"""The configuration as frozen models, one a section; the text under each field is its documentation.

Pure: nothing here reads a file or the environment (that is `config.load`). Every part of the
daemon receives only its own section.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Section(BaseModel):
    """Base of all sections: frozen, strict about unknown keys and about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "proxy-authorization", "cookie"})

Name = Annotated[str, Field(min_length=1, max_length=200)]

PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BargeIn(StrEnum):
    """What may interrupt the assistant while it speaks."""

    SPEECH = "speech"
    WAKE_WORD = "wake_word"
    OFF = "off"


class Detector(StrEnum):
    """What tells the user's voice from the loudspeaker's."""

    LEARNED = "learned"
    RULE = "rule"


class Audio(Section):
    """Sound cards."""

    capture_device: Name = "default"
    """ALSA name of the microphone, as `speakerd devices` prints it."""
    playback_device: Name = "default"
    """ALSA name of the loudspeaker, as `speakerd devices` prints it."""
    capture_rate_hz: int = Field(16_000, ge=8_000, le=192_000)
    """Rate asked of the microphone, Hz; what the card grants instead is converted."""
    playback_rate_hz: int = Field(48_000, ge=8_000, le=192_000)
    """Rate asked of the loudspeaker, Hz; what the card grants instead is converted to."""
    capture_channel: int = Field(0, ge=0, le=31)
    """Channel of the microphone to listen to, counted from 0."""
    playback_buffer_ms: int = Field(80, ge=40, le=500)
    """Sound that the card may hold, ms: more survives a busier machine, less reacts faster."""
    volume_percent: int = Field(100, ge=0, le=100)
    """Volume of the assistant's voice, percent."""
    echo_cancellation: bool = True
    """Take the loudspeaker's sound out of the microphone's. Off: only the wake word interrupts the assistant."""


class WakeWord(Section):
    """One wake word."""

    model: Name
    """alexa, hey_jarvis, hey_mycroft, hey_rhasspy, okay_nabu, or a path to a .tflite or .onnx file."""
    threshold: float = Field(0.5, gt=0.0, lt=1.0)
    """Score from which it counts, 0 to 1: higher means fewer false wakes and more missed ones."""
    refractory_ms: int = Field(1_000, ge=0, le=60_000)
    """Time after a detection in which this word does not count again, ms."""


class Wake(Section):
    """Wake words."""

    words: tuple[WakeWord, ...] = Field((WakeWord(model="hey_jarvis"),), min_length=1, max_length=20)
    """Words to listen for, all at once."""


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
    """Model that writes down the user's words, where `conversation.log_transcripts` asks for them."""
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


class Conversation(Section):
    """The rules of a conversation."""

    silence_timeout_s: float = Field(8.0, gt=0.0, le=3_600.0)
    """Silence after which the speaker goes back to waiting for the wake word, seconds."""
    barge_in: BargeIn = Field(BargeIn.SPEECH, strict=False)
    """What interrupts the assistant: `speech`, `wake_word` or `off`."""
    barge_in_detector: Detector = Field(Detector.LEARNED, strict=False)
    """What hears the user over the assistant: `learned`, a small network, or `rule`, which music and noise disturb."""
    duck_db: float = Field(15.0, ge=0.0, le=40.0)
    """How much quieter the assistant becomes, dB, while it listens whether the user speaks; 0 for not at all."""
    words_timeout_s: float = Field(2.0, ge=0.5, le=10.0)
    """Pause of the assistant, seconds, when the user seems to speak; it goes on if the server hears no words."""
    preroll_ms: int = Field(500, ge=0, le=2_000)
    """Sound before the moment of the wake word's detection that is sent too, ms."""
    barge_in_preroll_ms: int = Field(300, ge=0, le=2_000)
    """Sound before the first word of an interruption that is sent too, ms."""
    echo_tail_ms: int = Field(200, ge=0, le=2_000)
    """Microphone sound that is left out after the assistant has spoken, ms: the room's echo."""
    max_turn_s: float = Field(60.0, gt=0.0, le=600.0)
    """Longest turn of the user, seconds; then the assistant answers."""
    think_timeout_s: float = Field(15.0, gt=0.0, le=600.0)
    """Longest wait for an answer, seconds."""
    max_reply_s: float = Field(180.0, gt=0.0, le=3_600.0)
    """Longest reply of the assistant, seconds."""
    max_conversation_s: float = Field(600.0, ge=10.0, le=86_400.0)
    """Longest conversation, seconds, counted from the last wake word: a television must not talk with it all night."""
    log_transcripts: bool = False
    """Write what was said to the events file. Off: nobody's words are kept."""


class Sounds(Section):
    """Earcons: short sounds that tell what the speaker does. Each: `default`, `none`, or a path to a .wav file."""

    wake: Name = "default"
    """Played when the wake word was heard."""
    goodbye: Name = "default"
    """Played when the conversation is over."""
    error: Name = "default"
    """Played when something went wrong."""
    level_dbfs: float = Field(-20.0, ge=-60.0, le=0.0)
    """Peak level of the default sounds, dBFS."""
    notices: bool = True
    """Say aloud, in English, what went wrong, once the conversation is over; needs the program flite."""
    notice_pause_s: float = Field(60.0, ge=0.0, le=86_400.0)
    """Time in which the same notice is not said again, seconds."""


class Server(Section):
    """The embedded Realtime server (`realtime.url: embedded`, or `speakerd serve`)."""

    voice: Literal["slt", "rms", "awb", "kal16"] = "slt"
    """Voice of flite, the speech synthesiser."""


class McpServer(Section):
    """One MCP server: a collection of tools on the network, which the Realtime service calls, not this machine."""

    label: Name
    """Name of it for the assistant: letters A-Z, digits, `_` and `-`."""
    url: Name
    """`https://…`, reachable from the internet."""
    description: str = Field("", max_length=500)
    """What it is good for, told to the assistant."""
    credential: str = Field("", max_length=100)
    """Name of the systemd credential (or environment variable) that holds its token; empty for none."""
    allowed_tools: tuple[Name, ...] = Field((), max_length=100)
    """Tools that the assistant may use; none given: all of them."""
    approval: Literal["never", "always"] = "never"
    """Whether the service asks before it uses a tool; nobody can answer by voice, so with `always` it uses none."""

    @field_validator("label")
    @classmethod
    def _is_a_label(cls, label: str) -> str:
        if not PLAIN_NAME.fullmatch(label):
            raise ValueError("up to 64 letters A-Z, digits, _ and -")
        return label

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            usable = parts.scheme == "https" and parts.hostname and not parts.username and not parts.password
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url:
            raise ValueError("https://HOST/…, without a name or password in it")
        return url

    @field_validator("credential")
    @classmethod
    def _is_the_name_of_one(cls, credential: str) -> str:
        if credential and not PLAIN_NAME.fullmatch(credential):
            raise ValueError("the name of a credential, such as home-assistant-token, never the token itself")
        return credential


class Skills(Section):
    """What the assistant can do: functions on this machine, and MCP servers."""

    folder: str = Field("", max_length=200)
    """Folder of .py files with skills of one's own; empty for none."""
    off: tuple[Name, ...] = Field((), max_length=100)
    """Names of skills that the assistant shall not have, such as `set_volume`."""
    timeout_s: float = Field(10.0, gt=0.0, le=300.0)
    """Time that a skill may take, seconds, if it does not say otherwise itself."""
    output_characters: int = Field(2_000, ge=100, le=100_000)
    """Longest answer of a skill that the assistant is given; each character is paid for until the conversation ends."""
    mcp: tuple[McpServer, ...] = Field((), max_length=20)
    """MCP servers."""


class Purse(Section):
    """What it may cost."""

    limit_per_day_usd: float = Field(0.0, ge=0.0, le=100_000.0)
    """From this sum on no further conversation begins until midnight, US dollars; 0 for no limit."""
    limit_per_month_usd: float = Field(0.0, ge=0.0, le=100_000.0)
    """From this sum on no further conversation begins until the first of the month, US dollars; 0 for no limit."""
    warn_at_percent: int = Field(80, ge=1, le=100)
    """Share of a limit, percent, at which the speaker says so, once."""
    prices: str = Field("", max_length=200)
    """YAML file with prices of one's own, laid over those that come with speakerd; empty for none."""


class Log(Section):
    """The journal, or the terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important entry that is written."""


class Config(Section):
    """All of it."""

    audio: Audio = Audio()
    wake: Wake = Wake()
    realtime: Realtime = Realtime()
    conversation: Conversation = Conversation()
    sounds: Sounds = Sounds()
    server: Server = Server()
    skills: Skills = Skills()
    purse: Purse = Purse()
    log: Log = Log()
