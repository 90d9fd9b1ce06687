"""What the echo canceller of the daemon makes of a take, and whether it would interrupt itself. Pure but for models."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speakerd.conversation.events import BargeInDetected
from speakerd.dsp.echoview import ERROR, EchoView
from speakerd.mic.duplex import WARM_UP_FRAMES, Duplex
from speakerd.mic.echometer import AUDIBLE_DB
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, FarFrame, NearFrame, Samples, ms_to_frames

_LEAST_FRAMES = 15
_LEAD_MS = 80
"""The reference is handed over by so much before its sound is due, as the daemon does: by what the card holds."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How the canceller did once it had learnt the room."""

    erle_db: float | None
    """How much of the echo the canceller took; None if there was too little to tell."""
    explained_db: float | None
    """How much a linear canceller took, which cannot mute: what the loudspeaker's signal explains of its echo.

    It falls with distortion, and with a card that loses sound; None as above.
    """
    unexplained_db: float
    """What is left then, above the room's own sound."""
    interruptions: int
    """Times that the daemon would have taken its own sound for a user's voice."""
    half_duplex: str
    """Why the daemon would let only the wake word interrupt, in its own words; empty if it would not."""


def rehearse(duplex: Duplex, near: Samples, far: Samples, far_at_frames: float) -> Rehearsal:
    """Let `duplex` hear the take twice: to learn, and to be judged.

    `far` is what was played, `near` what was heard, both int16 mono 16 kHz; `far_at_frames` the place in `near` at
    which `far` began to sound. The room is taken to be quiet otherwise.
    """
    frames = list(_frames(near, _laid(far, near.size, round(far_at_frames) - ms_to_frames(_LEAD_MS, NEAR_RATE_HZ))))
    explained_db, unexplained_db = _explained(frames)
    interruptions = 0
    for second in (False, True):
        for near_frame, far_frame in frames:
            index = near_frame.index + second * len(frames)
            _, events = duplex.process(replace(near_frame, index=index), far_frame)
            heard = any(isinstance(event, BargeInDetected) for event in events)
            interruptions += heard and index > WARM_UP_FRAMES
        figures, _ = duplex.take_figures()
    return Rehearsal(figures.erle_db, explained_db, unexplained_db, interruptions, duplex.half_duplex)


def _explained(frames: list[tuple[NearFrame, FarFrame]]) -> tuple[float | None, float]:
    """Decibels taken by the linear canceller, once it has learnt, and left over the room."""
    view = EchoView()
    for near, far in frames:
        view.process(near.samples, near.samples, far.samples)
    before: list[float] = []
    after: list[float] = []
    room: list[float] = []
    for near, far in frames:
        spectra = view.process(near.samples, near.samples, far.samples)
        if not far.samples.any():
            if not before:  # later pauses are full of the echo's end
                room.append(_power(spectra[0]))
        else:
            before.append(_power(spectra[0]))
            after.append(_power(spectra[ERROR]))
    quiet = float(np.median(room)) if room else 0.0
    loud = np.array(before) > quiet * 10 ** (AUDIBLE_DB / 10)
    if np.count_nonzero(loud) < _LEAST_FRAMES:
        return None, 0.0
    echo, left = float(np.array(before)[loud].mean()), float(np.array(after)[loud].mean())
    return 10 * math.log10(echo / max(left, 1e-12)), 10 * math.log10(max(left, 1e-12) / max(quiet, 1e-12))


def _power(spectrum: NDArray[np.complex64]) -> float:
    return float(np.mean(np.square(np.abs(spectrum))))


def _laid(far: Samples, length: int, at: int) -> Samples:
    """`far` moved to begin at `at`, in `length` samples."""
    out = np.zeros(length, np.int16)
    begin, end = max(0, at), min(length, at + far.size)
    out[begin:end] = far[begin - at : end - at]
    return out


def _frames(near: Samples, far: Samples) -> Iterator[tuple[NearFrame, FarFrame]]:
    for index in range(near.size // NEAR_PERIOD_FRAMES):
        part = slice(index * NEAR_PERIOD_FRAMES, (index + 1) * NEAR_PERIOD_FRAMES)
        yield NearFrame(near[part], index, index * 0.02), FarFrame(far[part], playing=bool(far[part].any()))
