"""Changes of loudness without a click. Pure.

A step of the gain is heard as a click. A raised cosine over n samples steps by pi / 2n at most: by 0.0098, which
is -40.2 dB, over the 160 samples of the shortest fade. Where several turn at once it is a little more: on an 8 kHz
card, with a duck, a pause and the volume in the same moment, -36.8 dB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerd.pcm import Samples, ms_to_frames

FADE_MS = 10
"""Time in which speech falls silent, or comes back."""

LEAST_FADE_FRAMES = 160
"""A fade of fewer samples would click: 10 ms at 16 kHz."""


def fade_frames(rate_hz: int) -> int:
    """Frames of a fade at `rate_hz`."""
    return max(LEAST_FADE_FRAMES, ms_to_frames(FADE_MS, rate_hz))


def raised_cosine(frames: int, start: float, end: float) -> NDArray[np.float32]:
    """Gains from `start` to `end`, shape (frames,); what comes before and after has those very gains."""
    turn = 0.5 - 0.5 * np.cos((np.arange(frames) + 0.5) * (np.pi / frames))
    gains: NDArray[np.float64] = start + (end - start) * turn
    return gains.astype(np.float32)


def faded(samples: Samples, start: float, end: float) -> Samples:
    """`samples` with their gain turned from `start` to `end`."""
    turned: NDArray[np.float32] = samples * raised_cosine(samples.size, start, end)
    return np.rint(turned).astype(np.int16)
