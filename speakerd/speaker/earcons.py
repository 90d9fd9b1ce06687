"""Earcons: short sounds that tell what the speaker does. Made here of decaying sines, never like a voice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerd.dsp.resample import Resampler
from speakerd.pcm import Samples

NAMES = ("wake", "goodbye", "error", "mute", "unmute")

_ATTACK_S = 0.008
_RELEASE_S = 0.03


@dataclass(frozen=True, slots=True)
class _Note:
    at_s: float
    length_s: float
    hz: float
    decay_s: float
    """Time in which the note falls to 1/e."""


# Between 1000 and 1800 Hz and dying away fast: there webrtcvad takes a tone least for a voice.
_SCORES: Mapping[str, tuple[_Note, ...]] = {
    # A rising fifth asks: I am listening.
    "wake": (_Note(0.0, 0.12, 1046.5, 0.03), _Note(0.08, 0.16, 1568.0, 0.035)),
    # The same falling: that was it.
    "goodbye": (_Note(0.0, 0.12, 1568.0, 0.03), _Note(0.08, 0.16, 1046.5, 0.03)),
    # Two notes rubbing against each other, twice: no.
    "error": (
        _Note(0.0, 0.11, 1318.5, 0.025),
        _Note(0.0, 0.11, 1396.9, 0.025),
        _Note(0.15, 0.18, 1046.5, 0.03),
        _Note(0.15, 0.18, 1108.7, 0.03),
    ),
    # The same note twice, the second cut short: shut.
    "mute": (_Note(0.0, 0.12, 1174.7, 0.03), _Note(0.12, 0.08, 1174.7, 0.012)),
    # It comes back, a fourth higher: open.
    "unmute": (_Note(0.0, 0.08, 1174.7, 0.012), _Note(0.1, 0.14, 1568.0, 0.035)),
}


def synthesise(name: str, rate_hz: int, level_dbfs: float) -> Samples:
    """The sound `name` at `rate_hz`, its peak at `level_dbfs`."""
    notes = _SCORES[name]
    length = max(note.at_s + note.length_s for note in notes)
    mix = np.zeros(round(length * rate_hz))
    for note in notes:
        tone = _tone(note, rate_hz)
        start = round(note.at_s * rate_hz)
        mix[start : start + tone.size] += tone[: mix.size - start]
    peak = 32767.0 * 10.0 ** (level_dbfs / 20.0)
    scaled: NDArray[np.float64] = mix * (peak / np.max(np.abs(mix)))
    return np.rint(scaled).astype(np.int16)


def _tone(note: _Note, rate_hz: int) -> NDArray[np.float64]:
    """A bell: a sine with a little of its octave, soft at both ends."""
    t = np.arange(round(note.length_s * rate_hz)) / rate_hz
    swing = np.sin(2 * np.pi * note.hz * t) + 0.12 * np.sin(4 * np.pi * note.hz * t)
    attack = np.sin(np.clip(t / _ATTACK_S, 0, 1) * np.pi / 2) ** 2
    release = np.sin(np.clip((note.length_s - t) / _RELEASE_S, 0, 1) * np.pi / 2) ** 2
    tone: NDArray[np.float64] = swing * np.exp(-t / note.decay_s) * attack * release
    return tone


class Earcons:
    """The sounds as configured, for any sink rate."""

    def __init__(self, level_dbfs: float, own: Mapping[str, tuple[Samples, int] | None] | None = None) -> None:
        """`own` replaces a default by a sound and its rate in Hz, or by None for no sound."""
        self._level_dbfs = level_dbfs
        self._own = dict(own or {})

    def at_rate(self, rate_hz: int) -> Mapping[str, Samples]:
        """Every sound by its name, int16 mono at `rate_hz`; those switched off are empty."""
        return {name: self._render(name, rate_hz) for name in NAMES}

    def _render(self, name: str, rate_hz: int) -> Samples:
        if name not in self._own:
            return synthesise(name, rate_hz, self._level_dbfs)
        own = self._own[name]
        if own is None:
            return np.zeros(0, np.int16)
        samples, own_rate_hz = own
        resampler = Resampler(own_rate_hz, rate_hz)
        return np.concatenate([resampler.push(samples), resampler.flush()])
