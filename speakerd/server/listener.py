"""The user's side of a session: sound becomes turns, turns become items, items get their words. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from speakerd.server.effects import Outbox
from speakerd.server.history import History, Item
from speakerd.server.inbox import MIN_COMMIT_MS, Inbox
from speakerd.server.requests import RequestError
from speakerd.server.settings import SessionSettings
from speakerd.server.turns import SpeechPaused, SpeechStarted, TurnEvent

MAX_GUESS_MS = 15_000
"""Longer turns are heard once, at their end."""


@dataclass(slots=True)
class Guess:
    """A turn heard at its last pause, before it is known to be over: the ears' work is done when the turn ends."""

    job: int
    result: str | Exception | None = None
    item: Item | None = None
    """Set once the turn is committed: it waits for the result."""


class Listener:
    """One per session. Calls `on_speech` when a turn begins and `on_turn` when one was committed by turn detection."""

    def __init__(
        self,
        outbox: Outbox,
        history: History,
        settings: SessionSettings,
        on_speech: Callable[[float], None],
        on_turn: Callable[[float], None],
    ) -> None:
        self._outbox = outbox
        self._history = history
        self._settings = settings
        self._on_speech = on_speech
        self._on_turn = on_turn
        self._inbox = Inbox(settings.audio.input, settings.vad())
        self._turn_id = ""
        self._turn_start_ms = 0.0
        self._hearing = 0
        self._guess: Guess | None = None

    @property
    def hearing(self) -> bool:
        """True while the words of some turn are not known yet."""
        return self._hearing > 0

    @property
    def speaking(self) -> bool:
        """True while the user is inside a turn."""
        return self._inbox.speaking

    @property
    def received_ms(self) -> float:
        """Sound received in this session."""
        return self._inbox.end_ms

    def configure(self, settings: SessionSettings) -> None:
        """Use new settings from here on."""
        self._settings = settings
        self._inbox.configure(settings.audio.input, settings.vad())

    def append(self, audio: str, now_s: float) -> None:
        """`input_audio_buffer.append`."""
        for event in self._inbox.append(audio):
            self._turn(event, now_s)
        self._inbox.trim()

    def commit(self, now_s: float) -> None:
        """`input_audio_buffer.commit`."""
        if self._inbox.buffered_ms < MIN_COMMIT_MS:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
                f"but buffer only has {self._inbox.buffered_ms:.2f}ms of audio."
            )
            raise RequestError("input_audio_buffer_commit_empty", message)
        item_id = self._turn_id if self._inbox.speaking else ""
        self._commit(self._inbox.cut_all(), item_id or self._outbox.new_id("item"), now_s)

    def commit_silence(self, item_id: str, now_s: float) -> None:
        """Make an item of whatever is buffered after an idle timeout."""
        self._commit(self._inbox.cut_all(), item_id, now_s)

    def clear(self) -> None:
        """`input_audio_buffer.clear`."""
        self._drop_guess()
        self._inbox.clear()
        self._outbox.event("input_audio_buffer.cleared")

    def hear(self, item: Item, now_s: float) -> None:
        """Send the item's sound to the ears; a turn too short to hold a word is not sent."""
        if item.audio_ms < MIN_COMMIT_MS:
            self._heard(item, "", now_s)
            return
        samples = item.format.decode(bytes(item.audio))
        self._hearing += 1
        self._outbox.transcribe(
            samples, item.format.rate_hz, lambda result, then_s: self._hear_done(item, result, then_s)
        )

    def _turn(self, event: TurnEvent, now_s: float) -> None:
        if isinstance(event, SpeechStarted):
            self._turn_id = self._outbox.new_id("item")
            self._turn_start_ms = event.audio_start_ms
            where = {"audio_start_ms": event.audio_start_ms, "item_id": self._turn_id}
            self._outbox.event("input_audio_buffer.speech_started", **where)
            self._on_speech(now_s)
        elif isinstance(event, SpeechPaused):
            self._begin_guess(event.at_ms)
        else:
            where = {"audio_end_ms": event.audio_end_ms, "item_id": self._turn_id}
            self._outbox.event("input_audio_buffer.speech_stopped", **where)
            guess, self._guess = self._guess, None
            self._commit(self._inbox.cut(self._turn_start_ms, event.audio_end_ms), self._turn_id, now_s, guess)
            self._on_turn(now_s)

    def _begin_guess(self, at_ms: int) -> None:
        self._drop_guess()
        if at_ms - self._turn_start_ms > MAX_GUESS_MS:
            return
        audio_format = self._inbox.format
        samples = audio_format.decode(self._inbox.peek(self._turn_start_ms, at_ms))
        guess = Guess(0)
        guess.job = self._outbox.transcribe(
            samples, audio_format.rate_hz, lambda result, now_s: self._guessed(guess, result, now_s)
        )
        self._guess = guess

    def _guessed(self, guess: Guess, result: str | Exception, now_s: float) -> None:
        guess.result = result
        if guess.item is not None:
            self._hear_done(guess.item, result, now_s)

    def _drop_guess(self) -> None:
        if self._guess is not None:
            self._outbox.forget(self._guess.job)
            self._guess = None

    def _commit(self, data: bytes, item_id: str, now_s: float, guess: Guess | None = None) -> None:
        content = [{"type": "input_audio", "transcript": None}]
        wire = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        item = Item({**wire, "content": content}, bytearray(data), len(data), self._inbox.format)
        before = self._history.add(item)
        self._outbox.event("input_audio_buffer.committed", previous_item_id=before, item_id=item_id)
        self._outbox.event("conversation.item.added", previous_item_id=before, item=item.wire)
        self._outbox.event("conversation.item.done", previous_item_id=before, item=item.wire)
        if guess is None:
            self._drop_guess()
            self.hear(item, now_s)
            return
        self._hearing += 1
        guess.item = item
        if guess.result is not None:
            self._hear_done(item, guess.result, now_s)

    def _hear_done(self, item: Item, result: str | Exception, now_s: float) -> None:
        self._hearing -= 1
        if not isinstance(result, Exception):
            self._heard(item, result, now_s)
        elif self._settings.audio.input.transcription is not None:
            error = {"type": "server_error", "code": "transcription_failed", "message": "The ears failed."}
            kind = "conversation.item.input_audio_transcription.failed"
            self._outbox.event(kind, item_id=item.id, content_index=_audio_index(item), error=error)

    def _heard(self, item: Item, words: str, now_s: float) -> None:
        item.words = f"{item.words} {words}".strip()
        if self._settings.audio.input.transcription is None:
            return
        index = _audio_index(item)
        item.wire["content"][index]["transcript"] = words
        kind = "conversation.item.input_audio_transcription"
        place = {"item_id": item.id, "content_index": index}
        if words:
            self._outbox.event(f"{kind}.delta", **place, delta=words)
        usage = {"type": "duration", "seconds": round(item.audio_ms / 1000, 3)}
        self._outbox.event(f"{kind}.completed", **place, transcript=words, usage=usage)


def _audio_index(item: Item) -> int:
    return next((i for i, part in enumerate(item.wire["content"]) if part["type"] == "input_audio"), 0)
