"""What leaves the wire for the rest of the daemon: deliveries for the conversation, reports for its observers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from speakerd.conversation import events as ev
from speakerd.realtime.incoming import ToolCall, Usage
from speakerd.realtime.troubles import Trouble

# ---------------------------------------------------------------- deliveries


@dataclass(frozen=True, slots=True)
class ItemAudio:
    """Assistant's voice for the loudspeaker: int16 mono 24 kHz bytes."""

    item_id: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class VoiceComplete:
    """No more audio comes for the response that plays."""


@dataclass(frozen=True, slots=True)
class Said:
    """A complete transcript: the assistant's always, the user's where the session asks for it."""

    role: str
    text: str
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class Fatal:
    """The session is of no use any more; the socket is to be closed."""

    code: str
    message: str
    retry_after_s: float = 0.0
    """When trying again has a chance, as the server says; 0 if it does not."""


@dataclass(frozen=True, slots=True)
class NoTools:
    """The service has none of the tools of an MCP server that we offered."""

    server: str
    """Its label."""


Delivery: TypeAlias = ev.Event | ItemAudio | VoiceComplete | Said

# ---------------------------------------------------------------- reports


@dataclass(frozen=True, slots=True)
class ToolsCalled:
    """The model wants these functions called; `answer_tools` is to follow. Comes before their ResponseEnded."""

    session: int
    response_id: str
    calls: tuple[ToolCall, ...]
    """All calls of the response: in parallel, if the callee likes."""
    last_round: bool = False
    """True if the answer to these will be asked for in words: the turn has had its rounds of tools."""


@dataclass(frozen=True, slots=True)
class ResponseUsage:
    """What a response took."""

    session: int
    response_id: str
    model: str
    """As the server names it; empty if it does not: then the one that was configured."""
    usage: Usage


@dataclass(frozen=True, slots=True)
class TranscriptionUsage:
    """What writing down a turn of the user took; billed apart."""

    session: int
    item_id: str
    seconds: float = 0.0
    """Where the model is paid by time."""
    input_audio: int = 0
    input_text: int = 0
    output_text: int = 0


@dataclass(frozen=True, slots=True)
class ResponseFailed:
    """A response came to nothing, or ended before its end. The ResponseEnded of the same id follows."""

    session: int
    response_id: str
    trouble: Trouble
    code: str
    """As the server said it."""
    kind: str
    message: str
    retry_after_s: float = 0.0
    """When asking again has a chance; 0 if unknown."""


@dataclass(frozen=True, slots=True)
class SaidPartly:
    """A piece of a transcript, to be added to those of the same item before; Said follows with the whole."""

    role: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class SaidCut:
    """The assistant was interrupted: roughly these of its words were heard."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class FirstAudio:
    """The first sound of a response is here."""

    session: int
    response_id: str
    latency_s: float
    """From the end of the user's turn, or from our asking, as this side of the wire saw them."""


@dataclass(frozen=True, slots=True)
class UserItem:
    """The user's turn has its place in the conversation; its words may come later, or never."""

    item_id: str


@dataclass(frozen=True, slots=True)
class StandingIn:
    """The service cannot be reached: the embedded server answers in this session."""

    session: int
    code: str
    message: str
    is_new: bool
    """False if it answered in the conversation before, too."""


@dataclass(frozen=True, slots=True)
class ServiceBack:
    """The service can be reached again."""


Report: TypeAlias = (
    ToolsCalled
    | ResponseUsage
    | TranscriptionUsage
    | ResponseFailed
    | SaidPartly
    | SaidCut
    | FirstAudio
    | UserItem
    | StandingIn
    | ServiceBack
)

Word: TypeAlias = Delivery | Report

Output: TypeAlias = Word | Fatal | NoTools
