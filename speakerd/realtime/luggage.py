"""What a session that takes over must be told: what was said, and the newest sound. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from speakerd.conversation.events import UserSpeechStopped
from speakerd.realtime.history import History
from speakerd.realtime.outputs import Word
from speakerd.realtime.tail import LONG_S, SHORT_S, Tail


class Heir(Protocol):
    """A session that has agreed to its settings."""

    def remind(self, said: Iterable[tuple[str, str]]) -> None:
        """Take what was said: role and text."""

    def append_audio(self, pcm: bytes) -> None:
        """Take sound: int16 mono 24 kHz."""


class Luggage:
    """One conversation's, bounded in words and in sound."""

    def __init__(self) -> None:
        self._history = History()
        self._tail = Tail()

    def take(self, word: Word) -> None:
        """Note what the server says; a turn that it has heard to its end need not be sent again."""
        if isinstance(word, UserSpeechStopped):
            self._tail.clear()
        self._history.take(word)

    def keep(self, pcm: bytes) -> None:
        """Note sound that is sent: int16 mono 24 kHz."""
        self._tail.keep(pcm)

    def doubt(self) -> None:
        """It is not sure that the server hears: keep much sound."""
        self._tail.limit(LONG_S)

    def trust(self) -> None:
        """The server hears: keep little."""
        self._tail.limit(SHORT_S)

    def clear(self) -> None:
        """A new conversation begins."""
        self._history.clear()
        self._tail.clear()

    def hand_to(self, heir: Heir) -> None:
        """Tell all of it."""
        heir.remind(self._history.lines())
        for chunk in self._tail.chunks():
            heir.append_audio(chunk)
