"""What a recording of the loudspeaker holds, in words: earcons, the tones of a `FaultyServer`, notices."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.faulty_peer import ANSWER_HZ, FAULTY_HZ
from support.pretend_card import SPEAKER_HZ

from speakerd.config.model import Server, Sounds
from speakerd.pcm import Samples
from speakerd.realtime.troubles import NOTICES
from speakerd.speaker.earcons import NAMES
from speakerd.speaker.sounds import load_earcons

BLOCK = SPEAKER_HZ // 20
LIKE_EARCON, LIKE_NOTICE = 0.75, 0.5
"""Of 1; a notice may be cut off by the next call."""


class Listening:
    """`notices` is where the daemon keeps those that it made."""

    def __init__(self, notices: Path) -> None:
        self._folder = notices
        self._earcons = {
            name: sound.astype(float) for name, sound in load_earcons(Sounds()).at_rate(SPEAKER_HZ).items()
        }
        voice = Server().voice
        self._names = {
            hashlib.sha256(f"{voice} {notice.spoken}".encode()).hexdigest()[:16]: trouble.value
            for trouble, notice in NOTICES.items()
        }

    def all(self, sound: Samples) -> tuple[str, ...]:
        """In the order of their beginnings."""
        if not sound.any():
            return ("nothing",)
        found: list[tuple[int, str]] = []
        found += [(at, f"{name} sound") for at, name in self._earcons_in(sound)]
        found += [(at, f"notice {name}") for at, name in self._notices_in(sound)]
        for hz, name in ((FAULTY_HZ, "reply"), (ANSWER_HZ, "answer")):
            if self.tone_s(sound, hz) > 0.2:
                found.append((int(np.argmax(_is_tone(sound, hz))) * BLOCK, name))
        return tuple(name for _, name in sorted(found))

    def _earcons_in(self, sound: Samples) -> list[tuple[int, str]]:
        """They share notes, so of several at one place the likeliest counts."""
        fits = np.stack([_likeness(sound, self._earcons[name]) for name in NAMES])
        apart = SPEAKER_HZ // 5  # two never begin within this
        found = []
        while fits.max() > LIKE_EARCON:
            which, at = np.unravel_index(int(np.argmax(fits)), fits.shape)
            found.append((int(at), NAMES[which]))
            fits[:, max(0, at - apart) : at + apart] = 0
        return found

    def _notices_in(self, sound: Samples) -> list[tuple[int, str]]:
        """Some begin with the same words, so of several at one place the likeliest counts."""
        fits: list[tuple[float, int, str]] = []
        for path in self._folder.glob("*.pcm"):
            # The beginning is enough: who calls again cuts it off.
            notice = np.frombuffer(path.read_bytes(), "<i2")[:SPEAKER_HZ].astype(float)
            fit = _likeness(sound, notice)
            fits.append((float(fit.max()), int(np.argmax(fit)), self._names.get(path.stem, "of another kind")))
        found: list[tuple[int, str]] = []
        for likeness, at, name in sorted(fits, reverse=True):
            if likeness > LIKE_NOTICE and all(abs(at - other) > SPEAKER_HZ for other, _ in found):
                found.append((at, name))
        return found

    @staticmethod
    def tone_s(sound: Samples, hz: int) -> float:
        """How long this tone sounded."""
        return float(np.count_nonzero(_is_tone(sound, hz)) * BLOCK / SPEAKER_HZ)


def _is_tone(sound: Samples, hz: int) -> NDArray[np.bool_]:
    """Of each block, whether most of what it holds is that."""
    blocks = sound[: sound.size // BLOCK * BLOCK].reshape(-1, BLOCK).astype(float)
    wave = np.exp(2j * np.pi * hz * np.arange(BLOCK) / SPEAKER_HZ)
    power = np.abs(blocks @ wave) ** 2 * 2 / BLOCK
    result: NDArray[np.bool_] = power > 0.8 * np.sum(blocks**2, axis=1) + 1e5
    return result


def _likeness(sound: Samples, clip: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each place of `sound` how like `clip` it is, whatever its level: 1 is the clip itself."""
    x = np.concatenate([sound.astype(float), np.zeros(clip.size)])
    size = 1 << (x.size + clip.size).bit_length()
    match = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(clip, size)), size)[: sound.size]
    energy = np.concatenate([[0.0], np.cumsum(x**2)])
    here = energy[clip.size : clip.size + sound.size] - energy[: sound.size]
    fit: NDArray[np.float64] = match / np.sqrt(np.maximum(here, 1e5) * np.sum(clip**2))
    return fit
