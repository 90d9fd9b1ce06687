"""What the echo canceller of the daemon makes of a take, and whether it would interrupt itself. Pure but for models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from speakerd.conversation.events import BargeInDetected
from speakerd.mic.duplex import WARM_UP_FRAMES, Duplex
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, FarFrame, NearFrame, Samples, ms_to_frames

_LEAD_MS = 80
"""The reference is handed over by so much before its sound is due, as the daemon does: by what the card holds."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How the canceller did once it had learnt the room."""

    erle_db: float | None
    """How much of the echo it took; None if there was too little to tell."""
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
    interruptions = 0
    for second in (False, True):
        for near_frame, far_frame in frames:
            index = near_frame.index + second * len(frames)
            _, events = duplex.process(replace(near_frame, index=index), far_frame)
            heard = any(isinstance(event, BargeInDetected) for event in events)
            interruptions += heard and index > WARM_UP_FRAMES
        figures, _ = duplex.take_figures()
    return Rehearsal(figures.erle_db, interruptions, duplex.half_duplex)


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
