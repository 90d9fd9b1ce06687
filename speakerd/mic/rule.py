"""A rule in place of the learned detector: what the canceller leaves sounds like a voice and is not mere residue.

Good where the room is quiet. Music and other noise are no echo, so they pass it: hence the learned one.
"""

from __future__ import annotations

from collections import deque

from speakerd.dsp.echoview import Spectra
from speakerd.mic.vad import Vad
from speakerd.pcm import Samples, level_dbfs

RATIO_DB = -20.0
"""Residual echo is quieter than the microphone by more than this; a voice of the room's own is not."""

WINDOW_FRAMES = 15
"""300 ms."""


class Rule:
    """The plain scorer. One thread."""

    nobody = 0.0
    """See `duplex.Detector`."""
    somebody = 0.2
    """See `duplex.Detector`: 3 frames of 15."""

    def __init__(self) -> None:
        self._vad = Vad()
        self._passed: deque[bool] = deque(maxlen=WINDOW_FRAMES)

    def score(self, near: Samples, out: Samples, far: Samples, spectra: Spectra) -> float:
        """Share of the last 300 ms in which a voice was left: 0 to 1."""
        voice = self._vad.is_speech(out)
        self._passed.append(voice and level_dbfs(out) - level_dbfs(near) > RATIO_DB)
        return sum(self._passed) / WINDOW_FRAMES
