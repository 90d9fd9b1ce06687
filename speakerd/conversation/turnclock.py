"""How long things take in a conversation, read off its events. Pure; for the journal and the events file."""

from __future__ import annotations

from speakerd.conversation import events as ev
from speakerd.conversation.state import State


class TurnClock:
    """Told every event once, in order; figures in ms, as seen in the daemon (the card's buffer comes on top)."""

    def __init__(self) -> None:
        self._wake_s: float | None = None
        self._turn_end_s: float | None = None
        self._interrupted_s: float | None = None
        self._paused_s: float | None = None

    def handle(self, event: ev.Event, before: State, after: State, now_s: float) -> dict[str, float]:
        """The figures that this event completes."""
        match event:
            case ev.WakeDetected() if before in (State.IDLE, State.CLOSING):
                self._wake_s = now_s
            case ev.WakeDetected() | ev.UserSpeechStarted() if before is State.SPEAKING and after is State.LISTENING:
                self._interrupted_s = now_s
            case ev.BargeInDetected() if after is State.INTERRUPTED:
                self._paused_s = now_s
            case ev.UserSpeechStarted() | ev.UserSpeechStopped() if before is State.INTERRUPTED:
                self._turn_end_s = now_s if after is State.THINKING else self._turn_end_s
                return self._since("pause_to_words_ms", self._paused_s, now_s)
            case ev.SessionReady():
                return self._since("wake_to_live_ms", self._wake_s, now_s)
            case ev.UserSpeechStopped():
                self._turn_end_s = now_s
            case ev.PlayoutStarted() if before is State.THINKING:
                since, self._turn_end_s = self._turn_end_s, None
                return self._since("turn_end_to_sound_ms", since, now_s)
            case ev.PlayoutFlushed():
                since, self._interrupted_s = self._interrupted_s, None
                return self._since("barge_in_to_silence_ms", since, now_s)
            case _:
                pass
        return {}

    @staticmethod
    def _since(name: str, start_s: float | None, now_s: float) -> dict[str, float]:
        return {} if start_s is None else {name: round((now_s - start_s) * 1000.0, 1)}
