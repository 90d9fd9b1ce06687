"""A gentle filter behind the linear echo canceller: takes off the echo that is left, and little of the user.

AEC3's own suppressor removes far more of both, and with the user the wake word: of wake words 10 dB quieter than
the echo a model finds 3 in 10 behind AEC3, 5 in 10 behind the linear canceller, 7 in 10 behind this (docs/wake.md).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from speakerd.pcm import NEAR_PERIOD_FRAMES, Samples

Spectrum: TypeAlias = NDArray[np.complex64]
"""(321,) of two frames, 640 samples ±1 at 16 kHz, under a periodic Hann window."""

LEAK = 0.2
"""Power of the echo that the linear canceller leaves, for what it takes away."""

FLOOR = 0.15
"""No bin gets quieter than by this factor: −16 dB. Deeper holes hurt the word more than the echo does."""

HANGOVER = 0.5
"""From frame to frame, how much of a bin's echo may still ring: rooms answer for longer than 20 ms."""


class ResidualFilter:
    """Fed every frame while something plays; what comes out is one frame late."""

    def __init__(self) -> None:
        self._echo_power = np.zeros(NEAR_PERIOD_FRAMES + 1, np.float32)
        self._overlap = np.zeros(NEAR_PERIOD_FRAMES, np.float32)

    def process(self, error: Spectrum, estimate: Spectrum) -> Samples:
        """The frame before, (320,) int16, of a linear canceller's error without what its echo estimate explains."""
        power = estimate.real**2 + estimate.imag**2
        self._echo_power *= HANGOVER
        np.maximum(self._echo_power, power, out=self._echo_power)
        heard = error.real**2 + error.imag**2
        gain = np.maximum(FLOOR, 1 - LEAK * self._echo_power / np.maximum(heard, 1e-12))
        sound = np.fft.irfft(error * gain).astype(np.float32, copy=False)
        out = self._overlap + sound[:NEAR_PERIOD_FRAMES]
        self._overlap = sound[NEAR_PERIOD_FRAMES:]
        samples: Samples = np.clip(np.rint(out * 32768), -32768, 32767).astype(np.int16)
        return samples
