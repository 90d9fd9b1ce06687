"""What to do: the machine's orders to the rest. Imperative, frozen; no action returns a value.

What has a result (FlushPlayout) reports it later as an event (PlayoutFlushed).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from speakerd.conversation.events import ItemHeard


class Earcon(StrEnum):
    """Short sounds that tell a state."""

    WAKE = "wake"
    GOODBYE = "goodbye"
    ERROR = "error"
    MUTE = "mute"
    UNMUTE = "unmute"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Connect a new session under this number."""

    session: int
    wake_ms: int = 0
    """How far into the sound of the session the wake word will have been detected; long before it if none was said."""


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Close the session with a proper goodbye; SessionEnded follows."""


@dataclass(frozen=True, slots=True)
class AbortSession:
    """Cut the session off without waiting for the peer; SessionEnded follows."""


@dataclass(frozen=True, slots=True)
class HoldUplink:
    """Keep microphone frames and send none."""

    from_index: int | None = None
    """First near frame that OpenUplink shall release; None: none of those seen so far."""


@dataclass(frozen=True, slots=True)
class OpenUplink:
    """Send the held frames, then every frame as it comes."""

    from_index: int | None = None
    """First near frame to release; None: as HoldUplink said."""
    skip_ms: int = 0
    """Microphone sound to leave out from now on, ms: the tail of our own echo."""
    voice_index: int | None = None
    """First near frame of words spoken over the assistant: more of the user is let through from there on."""


@dataclass(frozen=True, slots=True)
class CloseUplink:
    """Send nothing and forget what was held."""


@dataclass(frozen=True, slots=True)
class EndTurn:
    """Let the server hear silence, so that its turn detection ends a turn that does not end by itself."""


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop this response, and let none of its later audio through."""

    response_id: str | None
    """None: the response that the server is about to start, if any."""


@dataclass(frozen=True, slots=True)
class TruncateItems:
    """Tell the server how much of each cut item was heard."""

    items: tuple[ItemHeard, ...]


@dataclass(frozen=True, slots=True)
class FlushPlayout:
    """Silence the loudspeaker now, and end its duck and its pause; PlayoutFlushed follows."""


@dataclass(frozen=True, slots=True)
class DuckPlayout:
    """Let the assistant speak quieter: it may be spoken to."""


@dataclass(frozen=True, slots=True)
class RestorePlayout:
    """Let the assistant speak at full level again."""


@dataclass(frozen=True, slots=True)
class PausePlayout:
    """Silence the loudspeaker and keep what was not heard."""


@dataclass(frozen=True, slots=True)
class ResumePlayout:
    """Go on where the pause began."""


@dataclass(frozen=True, slots=True)
class PlayEarcon:
    """Play a short sound, over whatever else plays."""

    earcon: Earcon


Action: TypeAlias = (
    OpenSession
    | CloseSession
    | AbortSession
    | HoldUplink
    | OpenUplink
    | CloseUplink
    | EndTurn
    | CancelResponse
    | TruncateItems
    | FlushPlayout
    | DuckPlayout
    | RestorePlayout
    | PausePlayout
    | ResumePlayout
    | PlayEarcon
)
