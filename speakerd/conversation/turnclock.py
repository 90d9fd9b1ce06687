"""How long things take in a turn: from the wake word, or the end of the turn before, to the end of the reply. Pure.

    wake word ─ chime ─ microphone live ── words ──┤ ····· ├── reply ──┤ words over it ─┤ silence
        └─ wake_to_chime_ms                      voice   turn   sound  onset            silent
        └───────────── wake_to_live_ms            └───────────────┘ speech_end_to_sound_ms
                                                         └────────┘ turn_end_to_sound_ms
                                                                       └────────────────┘ voice_to_silence_ms

Sounds are timed by the loudspeaker's own account (`Sounded`, `FellSilent`), what the microphone heard by the moment in
which the card had handed it over. What was not measured is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from speakerd.conversation import events as ev
from speakerd.conversation.actions import Earcon
from speakerd.conversation.state import IN_REPLY, UNSERVED, State
from speakerd.pcm import PERIOD_MS

Figures: TypeAlias = dict[str, float]
"""Names with their unit; whole or tenths of ms, and counts."""

_BY_ITSELF = ev.PlayoutDrained | ev.ToolsSettled | ev.ResponseEnded
"""These end a reply without anything to be cut."""
_FRAME_S = PERIOD_MS / 1000


@dataclass(slots=True)
class Turn:
    """Moments, CLOCK_MONOTONIC seconds; None where nothing was measured."""

    number: int
    """In its conversation, from 1."""
    wake_s: float | None = None
    """The sound in which the wake word was recognised had come."""
    chime_s: float | None = None
    live_s: float | None = None
    voice_end_s: float | None = None
    """The user's last word ended, as the local voice activity has it."""
    stop_s: float | None = None
    """The server's word that the user had finished, or ours."""
    sound_s: float | None = None
    """The reply began to sound."""
    onset_s: float | None = None
    """The words over it began, or the wake word over it was recognised."""
    silent_s: float | None = None
    paused_s: float | None = None
    words_s: float | None = None
    """The server confirmed the words."""
    interrupted: str = ""
    """speech | wake_word, if that was how it ended."""
    false_interruptions: int = 0
    """Pauses that no words followed."""

    def figures(self) -> Figures:
        """What was measured; empty if nothing was."""
        silenced = "wake_to_silence_ms" if self.paused_s is None else "voice_to_silence_ms"
        spans = {
            "wake_to_chime_ms": (self.wake_s, self.chime_s),
            "wake_to_live_ms": (self.wake_s, self.live_s),
            "speech_end_to_sound_ms": (self.voice_end_s, self.sound_s),
            "turn_end_to_sound_ms": (self.stop_s, self.sound_s),
            silenced: (self.onset_s, self.silent_s),
            "pause_to_words_ms": (self.paused_s, self.words_s),
        }
        return {name: figure for name, span in spans.items() if (figure := _ms(*span)) is not None}


class TurnClock:
    """Told all that happens, in order; tells each turn once it is over."""

    def __init__(self) -> None:
        self._newest: tuple[int, float] | None = None
        self._turn: Turn | None = None
        self._ending: Turn | None = None
        """It is over, save for the silence."""
        self._over: list[Turn] = []
        self._speaking = False
        """As the local voice activity has it."""
        self._voice_end_s: float | None = None
        """Of anybody, at any time."""

    def frame(self, index: int, captured_at_s: float) -> None:
        """The newest near frame."""
        self._newest = index, captured_at_s

    def take(self) -> list[Turn]:
        """The turns that are over and were not taken yet."""
        over, self._over = self._over, []
        return over

    def speech(self, event: ev.SpeechDetected, now_s: float) -> None:
        """The local voice activity."""
        self._speaking = event.started
        if event.started:
            return
        self._voice_end_s = end_s = self._time_of(event.frame_index - 1, now_s)
        turn = self._turn
        if turn is not None and (turn.stop_s is None or end_s <= turn.stop_s):
            turn.voice_end_s = end_s

    def sound(self, event: ev.Sounded | ev.FellSilent) -> None:
        """What the loudspeaker tells."""
        match event:
            case ev.Sounded(what, at_s) if self._turn is not None:
                if what == Earcon.WAKE and self._turn.chime_s is None:
                    self._turn.chime_s = at_s
                elif what == ev.REPLY and self._turn.sound_s is None:
                    self._turn.sound_s = at_s
            case ev.FellSilent(at_s):
                turn = self._ending or self._turn
                if turn is not None and turn.onset_s is not None and turn.silent_s is None:
                    turn.silent_s = at_s
            case _:
                pass

    def handle(self, event: ev.Event, before: State, after: State, now_s: float) -> Figures:
        """The conductor's observer; the figures that this event completes for the user to see at once."""
        if isinstance(event, ev.WakeDetected) and before in UNSERVED:
            self._turn = Turn(1, wake_s=self._time_of(event.frame_index, now_s))
        if isinstance(event, ev.PlayoutFlushed):
            self._settle()
        turn = self._turn
        if turn is None:
            return {}
        figures: Figures = {}
        match event:
            case ev.SessionReady() if turn.live_s is None:
                turn.live_s = now_s
                figures = {name: value for name, value in turn.figures().items() if name == "wake_to_live_ms"}
            case ev.BargeInDetected() if after is State.INTERRUPTED and before is State.SPEAKING:
                turn.onset_s = self._time_of(event.onset_index - 1, now_s)
                turn.paused_s, turn.silent_s = now_s, None
            case ev.DeadlineReached() if before is State.INTERRUPTED and after is State.SPEAKING:
                turn.false_interruptions += 1
                turn.onset_s = turn.paused_s = turn.silent_s = None
            case _ if before is State.LISTENING and after is State.THINKING:
                self._stop(turn, now_s)
            case _ if before in IN_REPLY and _leaves(before, after):
                figures = self._leave(turn, event, before, after, now_s)
        if after is State.IDLE and before is State.CLOSING:
            self._turn = None  # a wake word that was taken back
        elif after in (State.CLOSING, State.IDLE) and before is not State.CLOSING:
            if self._turn is turn:
                self._end(turn, at_once=True)
            self._turn = None
        return figures

    def _leave(self, turn: Turn, event: ev.Event, before: State, after: State, now_s: float) -> Figures:
        """The reply is over, or the user goes on before it began."""
        if isinstance(event, ev.UserSpeechStarted) and before is State.THINKING and turn.sound_s is None:
            turn.stop_s = None
            return {}
        if before is State.INTERRUPTED and not isinstance(event, _BY_ITSELF):
            turn.interrupted = "wake_word" if isinstance(event, ev.WakeDetected) else "speech"
            turn.words_s = now_s
        elif before is State.SPEAKING and isinstance(event, ev.WakeDetected):
            turn.interrupted, turn.onset_s = "wake_word", self._time_of(event.frame_index, now_s)
        elif before is State.SPEAKING and isinstance(event, ev.UserSpeechStarted):
            turn.interrupted = "speech"
        if not turn.interrupted:
            turn.onset_s = turn.paused_s = None
        self._end(turn, at_once=isinstance(event, _BY_ITSELF))
        self._turn = Turn(turn.number + 1)
        if after is State.THINKING:
            said = turn.onset_s is not None and self._voice_end_s is not None and self._voice_end_s > turn.onset_s
            self._turn.voice_end_s = self._voice_end_s if said else None
            self._stop(self._turn, now_s)
        return {name: value for name, value in turn.figures().items() if name == "pause_to_words_ms"}

    def _stop(self, turn: Turn, now_s: float) -> None:
        turn.stop_s = now_s
        if self._speaking:
            turn.voice_end_s = None  # to be told; what ended before was a pause for breath

    def _end(self, turn: Turn, *, at_once: bool) -> None:
        self._settle()
        if at_once:
            self._over.append(turn)
        else:
            self._ending = turn

    def _settle(self) -> None:
        """The loudspeaker is silent."""
        if self._ending is not None:
            self._over.append(self._ending)
            self._ending = None

    def _time_of(self, index: int, now_s: float) -> float:
        """When the last sample of this near frame had come."""
        if self._newest is None:
            return now_s
        newest, at_s = self._newest
        return min(now_s, at_s - (newest - index) * _FRAME_S)


def _leaves(before: State, after: State) -> bool:
    return after not in IN_REPLY or (before is State.INTERRUPTED and after is State.THINKING)


def _ms(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else round((end_s - start_s) * 1000.0, 1)
