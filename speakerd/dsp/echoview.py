"""What there is to know about an echo, frame by frame: five sounds as spectra, seen through the linear canceller.

microphone ──┬──────────────┐
reference ───┴─→ linear ─┬─ error
                         └─ echo estimate
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from speakerd.dsp.linear_echo import LinearEcho
from speakerd.pcm import NEAR_PERIOD_FRAMES, Samples

Spectra: TypeAlias = NDArray[np.complex64]
"""(5, 321): microphone, canceller's output, reference, linear error, linear echo estimate; each of the last 640
samples, ±1 full scale, 16 kHz, under a periodic Hann window."""

MICROPHONE, OUT, ERROR, ESTIMATE = 0, 1, 3, 4

_WINDOW = 2 * NEAR_PERIOD_FRAMES


class EchoView:
    """Fed every frame in order while something plays, by one thread."""

    def __init__(self) -> None:
        self._linear = LinearEcho()
        self._window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
        self._heard = np.zeros((5, _WINDOW), np.float32)

    @property
    def echo_delay_ms(self) -> float | None:
        """From the reference to its echo; None before anything was learnt."""
        return self._linear.echo_delay_ms

    def process(self, near: Samples, out: Samples, far: Samples) -> Spectra:
        """The view of a near frame, the canceller's output for it, and its reference."""
        error, estimate = self._linear.process(near, far)
        heard = self._heard
        heard[:, :NEAR_PERIOD_FRAMES] = heard[:, NEAR_PERIOD_FRAMES:]
        for row, samples in enumerate((near, out, far)):
            np.multiply(samples, np.float32(1 / 32768), out=heard[row, NEAR_PERIOD_FRAMES:])
        heard[ERROR, NEAR_PERIOD_FRAMES:] = error
        heard[ESTIMATE, NEAR_PERIOD_FRAMES:] = estimate
        return np.fft.rfft(heard * self._window).astype(np.complex64, copy=False)
