"""The states of a conversation, the rules it obeys and the facts it remembers. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from speakerd.config.model import BargeIn, Conversation, Realtime
from speakerd.conversation.events import WakeDetected
from speakerd.pcm import ms_to_periods

CLOSING_S = 2.0
"""Time that the server has to answer our close before the socket is cut."""


class State(StrEnum):
    """Where a conversation stands; `MEANING` says it in words."""

    IDLE = "IDLE"
    CONNECTING = "CONNECTING"
    LISTENING = "LISTENING"
    THINKING = "THINKING"
    SPEAKING = "SPEAKING"
    INTERRUPTED = "INTERRUPTED"
    FINISHING = "FINISHING"
    CLOSING = "CLOSING"


IN_REPLY = frozenset({State.THINKING, State.SPEAKING, State.INTERRUPTED})
"""The assistant has the floor."""

TALKING = IN_REPLY | {State.LISTENING}
"""There is a session that was agreed with the server."""

UNSERVED = frozenset({State.IDLE, State.FINISHING, State.CLOSING})
"""A wake word begins a new conversation."""

MEANING = {
    State.IDLE: "only the wake word matters; the only state without a deadline",
    State.CONNECTING: "the socket opens; the user's words are held",
    State.LISTENING: "the user's floor: sound goes to the server",
    State.THINKING: "the user's turn is over, and nothing is audible; functions may run",
    State.SPEAKING: "the assistant is audible; the uplink is held",
    State.INTERRUPTED: "someone seems to speak over the assistant: it pauses, and the server listens for words",
    State.FINISHING: "the session is gone; its last reply, of which nothing is missing, is heard to its end",
    State.CLOSING: "the socket goes down",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """The part of the configuration that the machine obeys."""

    barge_in: BargeIn = BargeIn.SPEECH
    connect_s: float = 5.0
    silence_s: float = 8.0
    turn_s: float = 60.0
    think_s: float = 15.0
    tools_s: float = 10.0
    """Time that functions may take beyond that."""
    reply_s: float = 180.0
    words_s: float = 2.0
    """Time in which the server must hear words in what interrupted the assistant; else it goes on."""
    conversation_s: float = 600.0
    preroll_frames: int = 25
    """Near frames (20 ms) before a wake word's detection that are sent too."""
    barge_in_preroll_frames: int = 15
    """Near frames before the onset of an interruption that are sent too."""
    echo_tail_ms: int = 200

    @classmethod
    def of(cls, conversation: Conversation, realtime: Realtime, tools_s: float = 10.0) -> Rules:
        """The rules that these sections of the configuration ask for; `tools_s` is what the slowest skill may take."""
        return cls(
            barge_in=conversation.barge_in,
            connect_s=realtime.connect_timeout_s,
            silence_s=conversation.silence_timeout_s,
            turn_s=conversation.max_turn_s,
            think_s=conversation.think_timeout_s,
            tools_s=tools_s,
            reply_s=conversation.max_reply_s,
            words_s=conversation.words_timeout_s,
            conversation_s=conversation.max_conversation_s,
            preroll_frames=ms_to_periods(conversation.preroll_ms),
            barge_in_preroll_frames=ms_to_periods(conversation.barge_in_preroll_ms),
            echo_tail_ms=conversation.echo_tail_ms,
        )


@dataclass(slots=True)
class Facts:
    """Where the machine stands and what it remembers. Only `Machine.handle` and rows of the table change it."""

    rules: Rules
    state: State = State.IDLE
    session: int = 0
    """Number of the newest session; older sessions' events are stale."""
    response_id: str | None = None
    """The response that the user hears or will hear."""
    response_done: bool = False
    broken: bool = False
    """It ended before its end, and that was not told."""
    unheard: bool = False
    """Sound of a response that is over has not begun to sound."""
    tools: bool = False
    """It called functions, and the response with their answer has not begun."""
    drained: bool = False
    """The response has run dry: what came of it was heard, and more is to come."""
    ducked: bool = False
    """The assistant speaks quieter, for it may be spoken to."""
    onset_index: int = 0
    """The near frame in which that began, if so."""
    paused_s: float = 0.0
    """When the interruption began that goes on, or the last one."""
    user_speaking: bool = False
    """As the server's turn detection sees it."""
    reply_until_s: float = 0.0
    """When the reply that now sounds has lasted too long; a pause puts it off."""
    talk_until_s: float = 0.0
    """When the conversation has lasted too long; a wake word puts it off."""
    flushes: deque[int] = field(default_factory=deque)
    """For each FlushPlayout without its PlayoutFlushed: the session that it belongs to."""
    wake_pending: WakeDetected | None = None
    """A wake word heard while the old session goes down."""

    def put_off_the_end(self, now_s: float) -> None:
        """The conversation may last its whole time from now on."""
        self.talk_until_s = now_s + self.rules.conversation_s

    def forget_response(self) -> None:
        """There is no response: none began since the user's floor."""
        self.response_id, self.response_done, self.broken = None, False, False
        self.drained, self.unheard, self.tools = False, False, False
