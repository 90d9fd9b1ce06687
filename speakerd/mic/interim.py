"""The plain rule for interruptions, until the learned detector stands in its place."""

from __future__ import annotations

from collections import deque

from speakerd.conversation.events import BargeInDetected
from speakerd.dsp.echoview import Spectra
from speakerd.mic.vad import Vad
from speakerd.pcm import Samples, level_dbfs

_RATIO_DB = -20.0
_WINDOW = 15
_NEEDED = 13


class RuleDetector:
    """A voice in the canceller's output that is not much quieter than the microphone."""

    def __init__(self) -> None:
        self._vad = Vad()

    def score(self, near: Samples, out: Samples, far: Samples, spectra: Spectra) -> float:
        """1 or 0."""
        return float(self._vad.is_speech(out) and level_dbfs(out) - level_dbfs(near) > _RATIO_DB)


class RuleJudge:
    """13 of 15 frames."""

    storm = False

    def __init__(self) -> None:
        self._window: deque[int | None] = deque(maxlen=_WINDOW)

    def feed(self, index: int, score: float, level_dbfs: float) -> BargeInDetected | None:
        """See `duplex.Judge`."""
        self._window.append(index if score > 0.5 else None)
        hits = [i for i in self._window if i is not None]
        if len(hits) < _NEEDED:
            return None
        self._window.clear()
        return BargeInDetected(hits[0], level_dbfs)

    def silence(self) -> None:
        """See `duplex.Judge`."""
        self._window.clear()

    def realigned(self) -> None:
        """See `duplex.Judge`."""
