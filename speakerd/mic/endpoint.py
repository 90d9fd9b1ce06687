"""Where speech starts and stops: hysteresis over one bool a frame. Pure; time is counted in frames."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

START_VOICED = 6
"""Voiced frames, of the last `START_WINDOW`, that begin speech: 120 of 160 ms."""

START_WINDOW = 8

HANGOVER_FRAMES = 25
"""Unvoiced frames in a row that end speech: 500 ms."""


@dataclass(frozen=True, slots=True)
class Turning:
    """Speech began or ended."""

    started: bool
    frame_index: int
    """First voiced frame of the speech, or the first frame after its last voiced one."""


class Endpoint:
    """Fed every near frame in order by one thread."""

    def __init__(self) -> None:
        self._window: deque[int] = deque(maxlen=START_WINDOW)  # index where voiced, −1 where not
        self._speaking = False
        self._unvoiced = 0
        self._silent_from = 0

    def feed(self, index: int, voiced: bool) -> Turning | None:
        """Take near frame `index`; what has become of speech with it, mostly None."""
        return self._feed_speech(index, voiced) if self._speaking else self._feed_silence(index, voiced)

    def _feed_silence(self, index: int, voiced: bool) -> Turning | None:
        self._window.append(index if voiced else -1)
        onsets = [i for i in self._window if i >= 0]
        if len(onsets) < START_VOICED:
            return None
        self._speaking, self._unvoiced = True, 0
        self._window.clear()
        return Turning(True, onsets[0])

    def _feed_speech(self, index: int, voiced: bool) -> Turning | None:
        if voiced:
            self._unvoiced = 0
            return None
        if self._unvoiced == 0:
            self._silent_from = index
        self._unvoiced += 1
        if self._unvoiced < HANGOVER_FRAMES:
            return None
        self._speaking = False
        return Turning(False, self._silent_from)
