"""Does the echo suddenly come earlier or later than it did? Asked when something was taken for an interruption.

A sound server that stutters moves the echo, and nobody tells. What a canceller has learnt is wrong then, and the
assistant's own words come through like a stranger's. But they are still what the loudspeaker played: where the
microphone's sound goes with the far end at another delay much better than at the one known, nobody spoke.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, Samples

LONGEST_MS = 500
"""Delays up to this are looked at."""

_HEARD_FRAMES = 20  # 400 ms of the microphone: long enough for a sure answer, and the decision is no older
_PLAYED_FRAMES = _HEARD_FRAMES + LONGEST_MS // 20
_LAGS = LONGEST_MS * NEAR_RATE_HZ // 1000
_LOWEST_HZ, _HIGHEST_HZ = 200.0, 6_000.0
_WHITENING = 0.7  # of the cross-spectrum (1 is GCC-PHAT, Knapp and Carter 1976): noise beside a voice counts less
_NEAR_BY = 5 * NEAR_RATE_HZ // 1000  # a room smears its echo

# Chosen on the tuning split of docs/bargein.md: 43 of 47 false interruptions by a jump, 0 of 167 true ones.
_TIMES_KNOWN = 4.0  # the new peak over the one at the known delay
_TIMES_ALL = 14.0  # and over the root mean square at all delays


class EchoJump:
    """Keeps the last sounds, about 60 kB. Fed every frame while something plays, by one thread."""

    def __init__(self) -> None:
        self._near: deque[Samples] = deque(maxlen=_HEARD_FRAMES)
        self._far: deque[Samples] = deque(maxlen=_PLAYED_FRAMES)

    def feed(self, near: Samples, far: Samples) -> None:
        """A near frame and its reference, 320 samples each; neither may be changed later."""
        self._near.append(near)
        self._far.append(far)

    def jumped(self, known_ms: float) -> bool:
        """True if the echo comes at another delay than `known_ms` after its reference. Costs some ms."""
        if len(self._far) < _PLAYED_FRAMES:
            return False
        match = self._match()
        known = round(known_ms * NEAR_RATE_HZ / 1000)
        around = slice(max(0, known - _NEAR_BY), known + _NEAR_BY)
        expected, mean = match[around].max(initial=0.0), np.sqrt(np.mean(match**2))
        match[around] = 0.0
        return bool(match.max() > _TIMES_KNOWN * expected and match.max() > _TIMES_ALL * mean)

    def _match(self) -> np.ndarray:
        """How well the microphone goes with the far end, at each delay: (_LAGS,) float64, at least 0."""
        near, far = np.concatenate(self._near), np.concatenate(self._far)
        size = 1 << (near.size + far.size).bit_length()
        cross = np.fft.rfft(near, size) * np.conj(np.fft.rfft(far, size))
        hz = np.fft.rfftfreq(size, 1 / NEAR_RATE_HZ)
        cross[(hz < _LOWEST_HZ) | (hz > _HIGHEST_HZ)] = 0.0
        strength = np.abs(cross)
        cross /= strength**_WHITENING + 1e-9 * strength.max() + 1e-9
        shifted = np.fft.irfft(cross, size)
        # Both end together, and the far end is longer: no delay at all is a shift by the difference, to the left.
        longer = (_PLAYED_FRAMES - _HEARD_FRAMES) * NEAR_PERIOD_FRAMES
        return np.abs(shifted[(np.arange(_LAGS) - longer) % size])
