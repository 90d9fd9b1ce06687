"""What happened: the vocabulary that all parts share. Past tense, frozen, no behaviour.

Any thread may make an event; they reach the conversation machine through `threads.Mailbox` only.
Frame indexes are the microphone's sample clock (`NearFrame.index`, 20 ms each).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class WakeDetected:
    """A wake word was heard on the microphone."""

    word: str
    """Name of the model, e.g. `hey_jarvis`."""
    score: float
    """0 to 1."""
    frame_index: int
    """The last near frame that the score depends on."""
    by_hand: bool = False
    """Nothing was heard: someone asked for it otherwise. What came before `frame_index` is nobody's business."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Someone asked for the conversation to end (shutdown, mute, a goodbye)."""

    reason: str


GOODBYE = StopRequested("goodbye")
"""The user and the assistant have parted."""


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The server accepted the session as configured: audio may flow."""

    session: int
    """Counts sessions since the process started; events of another session are stale."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The socket is gone. Posted exactly once for each session that was opened."""

    session: int
    error: str = ""
    """Machine-readable cause; empty when the session was closed because we asked."""
    message: str = ""
    """One sentence for the human."""


@dataclass(frozen=True, slots=True)
class UserSpeechStarted:
    """The server's turn detection heard the user begin."""

    session: int


@dataclass(frozen=True, slots=True)
class UserSpeechStopped:
    """The server's turn detection heard the user finish; it commits the turn by itself."""

    session: int


@dataclass(frozen=True, slots=True)
class NothingAsked:
    """What the server took for the user's turn was the wake word alone: it is not answered, and costs nothing."""

    session: int


@dataclass(frozen=True, slots=True)
class BargeInSuspected:
    """Perhaps the user speaks over the loudspeaker: a quieter one would tell."""

    onset_index: int
    """The near frame in which the sound began."""


@dataclass(frozen=True, slots=True)
class BargeInDismissed:
    """The suspicion was wrong."""


@dataclass(frozen=True, slots=True)
class BargeInDetected:
    """The local detector heard the user speak over the loudspeaker."""

    onset_index: int
    """The near frame in which the words began."""
    level_dbfs: float


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The server began to generate a response."""

    session: int
    response_id: str


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """The server finished a response, for whatever reason."""

    session: int
    response_id: str
    """Empty if it never began, and is awaited in vain."""
    status: str
    """completed | cancelled | failed | incomplete."""
    audio_ms: int
    """Audio received for this response."""
    error: str = ""
    """Machine-readable cause when failed or incomplete."""


@dataclass(frozen=True, slots=True)
class ToolsCalled:
    """The response wants functions called; comes before its ResponseEnded. Their answer is said in another response."""

    session: int
    response_id: str
    names: tuple[str, ...] = ()
    """The functions, for observers."""


@dataclass(frozen=True, slots=True)
class ToolsSettled:
    """The functions are done, and nothing is to be said about it: no other response follows."""

    session: int
    response_id: str


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first audio after silence was written to the card."""

    item_id: str


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """All queued audio has left the loudspeaker; also the answer to the end of a response without sound."""

    final: bool = False
    """True if the response had ended: no more of it comes. False if the network is late."""


@dataclass(frozen=True, slots=True)
class ItemHeard:
    """How much of an assistant item left the loudspeaker before a flush."""

    item_id: str
    heard_ms: int
    """Whole ms at the wire rate that were audible; 0 if none. Never more than `received_ms`."""
    received_ms: int


@dataclass(frozen=True, slots=True)
class PlayoutFlushed:
    """The answer to FlushPlayout: the loudspeaker is silent."""

    items: tuple[ItemHeard, ...] = ()
    """Items that were cut, in playing order; items heard to their end are not among them."""


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """The one timer of the machine fired."""

    ran_dry: bool = False
    """Nothing of the reply was left to play: the rest of it never came."""


Event: TypeAlias = (
    WakeDetected
    | StopRequested
    | SessionReady
    | SessionEnded
    | UserSpeechStarted
    | UserSpeechStopped
    | NothingAsked
    | BargeInSuspected
    | BargeInDismissed
    | BargeInDetected
    | ResponseStarted
    | ResponseEnded
    | ToolsCalled
    | ToolsSettled
    | PlayoutStarted
    | PlayoutDrained
    | PlayoutFlushed
    | DeadlineReached
)


@dataclass(frozen=True, slots=True)
class SpeechDetected:
    """Local voice activity changed. For observers and `speakerd listen`; the machine never sees it."""

    started: bool
    frame_index: int
    level_dbfs: float = field(default=-120.0)


@dataclass(frozen=True, slots=True)
class Sounded:
    """A sound began to leave the loudspeaker. For observers; the machine never sees it."""

    what: str
    """An earcon's name; `REPLY` for the assistant's voice after silence."""
    at_s: float
    """CLOCK_MONOTONIC seconds, by the card's own account of what it holds; may lie a moment ahead."""


REPLY = "reply"


@dataclass(frozen=True, slots=True)
class FellSilent:
    """The assistant's voice was faded out or cut off amid its words. For observers; the machine never sees it."""

    at_s: float
    """As in `Sounded`: from then on nothing of it is heard."""


@dataclass(frozen=True, slots=True)
class DuplexChanged:
    """Whether speech interrupts, where `barge_in: speech` asks for it. For observers; the machine never sees it."""

    reason: str
    """Why only the wake word does now, in words; empty if speech does."""


@dataclass(frozen=True, slots=True)
class EchoMeasured:
    """What the front-end measured in a conversation; None where there was too little to tell. For observers."""

    erle_db: float | None
    """How much of the echo the canceller takes away."""
    echo_dbfs: float | None
    """The echo at the microphone."""
    echo_delay_ms: float | None
    """From the reference to its echo."""
    near_dbfs: float | None
    """The user at the microphone."""
