"""Does the echo suddenly come earlier or later than it did? Asked when something was taken for an interruption.

A sound server that stutters moves the echo, and nobody tells. What a canceller has learnt is wrong then, and the
assistant's own words come through like a stranger's. But they are still what the loudspeaker played: where the
microphone's sound goes with the far end at another delay much better than at the one known, and little is left then
that does not, nobody spoke.
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

_SEGMENT = 1024  # 64 ms, for a room's answer; every quarter of it one begins
_LEAD = 64  # 4 ms ahead of the strongest part of the echo

# Chosen on the tuning split of docs/bargein.md.
_TIMES_KNOWN = 4.0  # the new peak over the one at the known delay
_TIMES_ALL = 14.0  # and over the root mean square at all delays
_EXPLAINED = 0.7  # of the microphone's power: more than half of 47 jumps have 0.92, people at 0 dB at most 0.76


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
        found = int(np.argmax(match))
        if match[found] <= max(_TIMES_KNOWN * expected, _TIMES_ALL * mean):
            return False
        return self._explained(max(0, found - _LEAD)) > _EXPLAINED

    def _explained(self, delay: int) -> float:
        """Share of the microphone's power that goes with the far end that many samples before: coherence, weighted."""
        near, far = np.concatenate(self._near), np.concatenate(self._far)
        start = far.size - near.size - delay
        played = far[max(0, start) : start + near.size]
        near = near[near.size - played.size :]
        window, step = np.hanning(_SEGMENT), _SEGMENT // 4
        spectra = [
            np.fft.rfft(np.lib.stride_tricks.sliding_window_view(sound, _SEGMENT)[::step] * window)
            for sound in (near, played)
        ]
        cross = np.abs((spectra[0] * np.conj(spectra[1])).sum(axis=0)) ** 2
        near_power, far_power = ((np.abs(spectrum) ** 2).sum(axis=0) for spectrum in spectra)
        hz = np.fft.rfftfreq(_SEGMENT, 1 / NEAR_RATE_HZ)
        band = (hz >= _LOWEST_HZ) & (hz <= _HIGHEST_HZ)
        explained = (cross[band] / (far_power[band] + 1e-9)).sum()
        return float(explained / (near_power[band].sum() + 1e-9))

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
